from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.progress import Progress

from latentpad.models.audio import descriptors
from latentpad.models.audio.reading import read_mono
from latentpad.models.libraries import library, playable, store
from latentpad.models.libraries.encode import encode_batch
from latentpad.models.libraries.items import from_sounds
from latentpad.models.libraries.library import AddedCounts, Library, LibraryError
from latentpad.models.maps.neighbours import Neighbours
from latentpad.models.packs import pack
from latentpad.models.representation import Representation
from latentpad.models.sources.sound import FoundSound
from latentpad.models.training import dataset
from latentpad.models.training.dataset import DatasetError
from tests.models.libraries.making import FILL, PRETEND, ROOT, fill, many, noise


def test_a_folder_becomes_anchors_that_the_model_places(filled: Library, recordings: Path) -> None:
    anchors = filled.anchors
    assert len(filled) == 12
    assert sorted(anchors.ids)[0] == "noise/noise0.wav"
    assert set(anchors.labels) == {"tone", "noise"}
    for i, id in enumerate(anchors.ids):
        alone = encode_batch(str(filled.pack.path), [(recordings / str(id)).read_bytes()])
        np.testing.assert_allclose(anchors.latents[i], alone.latents[0], atol=1e-4)
        assert anchors.loudness[i] == pytest.approx(alone.loudness[0], abs=1e-3)
        assert (filled.recording(i) or Path()).read_bytes() == (recordings / str(id)).read_bytes()


def test_a_sound_the_pack_has_learned_lies_on_its_own_anchor(
    filled: Library, small: pack.Pack
) -> None:
    # The recordings begin at once, so that cutting leaves them as training saw them.
    place = {str(id): i for i, id in enumerate(small.anchors.ids)}
    rows = [place[str(id)] for id in filled.anchors.ids]
    np.testing.assert_allclose(filled.anchors.loudness, small.anchors.loudness[rows], atol=0.5)
    np.testing.assert_allclose(filled.anchors.latents, small.anchors.latents[rows], atol=0.05)


def test_the_numbers_are_mapped_from_the_file_and_not_copied(filled: Library) -> None:
    latents = playable.as_pack(filled.pack, filled).anchors.latents
    assert type(latents) is np.ndarray and isinstance(latents.base, np.memmap)
    assert not latents.flags.writeable
    np.testing.assert_array_equal(np.load(filled.path / "latents.npy", mmap_mode="r"), latents)


def test_as_pack_replaces_what_is_of_the_sounds_and_nothing_else(filled: Library) -> None:
    played = playable.as_pack(filled.pack, filled)
    assert played.anchors is filled.anchors
    assert {n: p.shape for n, p in played.planes.items()} == {
        "map": (12, 2),
        "learned": (12, 2),
    }
    assert played.default_plane == filled.pack.default_plane == "learned"
    before = filled.pack
    of_the_sounds = {"anchors", "planes", "descriptors"}
    assert replace(played, **{name: getattr(before, name) for name in of_the_sounds}) == before


def test_sounds_are_described_as_they_were_recorded(filled: Library, recordings: Path) -> None:
    r = filled.pack.representation
    played = playable.as_pack(filled.pack, filled)
    assert set(played.described) == set(descriptors.NAMES)
    for i, id in enumerate(played.anchors.ids):
        audio, _ = read_mono((recordings / str(id)).read_bytes(), r)
        measured = descriptors.measure(r.decibels(r.magnitudes(audio)), r)
        described = [played.described[name][i] for name in descriptors.MEASURED]
        np.testing.assert_allclose(described, measured, rtol=1e-5, atol=1e-5)


def test_a_library_from_before_descriptors_has_those_of_the_neighbours(
    copy: Path, small: pack.Pack, tmp_path: Path
) -> None:
    anchors = library.open_(copy, small).anchors
    near = Neighbours(small.anchors.latents, anchors.latents)
    guessed = near.mean(small.descriptors["hardness"])
    (copy / "descriptors.npy").unlink()
    for column in (None, np.zeros((12, 2), np.float32), np.zeros((3, 6), np.float32)):
        if column is not None:
            np.save(copy / "descriptors.npy", column)
        played = playable.as_pack(small, library.open_(copy, small))
        np.testing.assert_array_equal(played.described["hardness"], guessed)
        without = replace(small, descriptors={})
        assert playable.as_pack(without, library.open_(copy, without)).described == {}
    # What comes in now is measured; the others stay as they were.
    mine = library.open_(copy, small)
    noise(tmp_path / "in" / "new.wav", 99)
    mine.add(tmp_path / "in")
    later = playable.descriptors(mine)["hardness"]
    np.testing.assert_array_equal(later[:12], guessed)
    encoded = encode_batch(str(small.path), [(tmp_path / "in" / "new.wav").read_bytes()])
    place = descriptors.MEASURED.index("hardness")
    assert (
        later[12] == encoded.descriptors[0, place] == library.open_(copy, small).measured[12, place]
    )


def test_measured_sounds_need_no_descriptors_of_the_pack(filled: Library, small: pack.Pack) -> None:
    without = replace(small, descriptors={})
    played = playable.as_pack(without, library.open_(filled.path, without))
    np.testing.assert_array_equal(
        played.described["attack"], playable.descriptors(filled)["attack"]
    )


def test_adding_again_adds_nothing_and_opening_again_finds_the_same(
    copy: Path, small: pack.Pack, recordings: Path
) -> None:
    mine = library.open_(copy, small)
    before = mine.anchors.latents.copy()
    lines: list[str] = []
    assert mine.add(recordings, log=lines.append) == AddedCounts(known=12)
    assert lines == []
    np.testing.assert_array_equal(library.open_(copy, small).anchors.latents, before)


def test_the_same_sound_twice_is_one_anchor_and_reported(empty: Library, tmp_path: Path) -> None:
    first = noise(tmp_path / "in" / "a.wav", 1)
    shutil.copy(first, tmp_path / "in" / "b.wav")
    lines: list[str] = []
    assert empty.add(tmp_path / "in", log=lines.append) == AddedCounts(added=1, duplicates=1)
    assert lines == [f"{tmp_path / 'in' / 'b.wav'}: the same sound as a.wav: left out"]
    assert list(empty.anchors.ids) == ["a.wav"]


def test_two_folders_may_use_the_same_name(empty: Library, tmp_path: Path) -> None:
    for i in (1, 2):
        noise(tmp_path / str(i) / "a.wav", i)
        empty.add(tmp_path / str(i))
    assert len(empty) == 2 and len(set(empty.anchors.ids)) == 2
    assert empty.add(tmp_path / "2") == AddedCounts(known=1)


def test_what_is_no_sound_is_left_out_with_a_line_and_stops_nothing(
    empty: Library, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    noise(folder / "good.wav", 1)
    (folder / "text.wav").write_text("no sound")
    (folder / "nothing.flac").write_bytes(b"")
    soundfile.write(folder / "silent.wav", np.zeros(1000), 16000)
    soundfile.write(folder / "nan.wav", np.full(1000, np.nan), 16000, subtype="FLOAT")
    half = noise(folder / "half.flac", 2).read_bytes()
    (folder / "half.flac").write_bytes(half[:30])
    lines: list[str] = []
    assert empty.add(folder, log=lines.append) == AddedCounts(added=1, refused=5)
    assert [Path(line.split(": ")[0]).name for line in sorted(lines)] == [
        "half.flac", "nan.wav", "nothing.flac", "silent.wav", "text.wav",
    ]  # fmt: skip
    assert all(line.endswith(": left out") and "\n" not in line for line in lines)
    assert len(list((empty.path / "audio").iterdir())) == 1


def test_any_rate_and_channels_are_taken_from_10_ms_before_the_sound(tmp_path: Path) -> None:
    r = Representation(sample_rate=16000, n_fft=256, hop=128, frames=32)
    for rate, channels in ((16000, 1), (44100, 2), (8000, 6)):
        sound = np.zeros((5 * rate, channels))
        sound[2 * rate :] = 0.5 * np.sin(2 * np.pi * 440 * np.arange(3 * rate) / rate)[:, None]
        soundfile.write(tmp_path / "a.wav", sound, rate)
        audio, seconds = read_mono((tmp_path / "a.wav").read_bytes(), r)
        assert audio.shape == (r.samples,) and seconds == 5
        start = int(np.argmax(np.abs(audio) > 0.05)) / 16000
        assert start == pytest.approx(0.010, abs=0.0015)
        assert np.abs(audio).max() == pytest.approx(0.5, abs=0.03)


def test_a_csv_supplies_the_credits(empty: Library, tmp_path: Path) -> None:
    noise(tmp_path / "in" / "a.wav", 1)
    noise(tmp_path / "in" / "b.wav", 2)
    with (tmp_path / "in" / "sources.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [
                ["file", "label", "licence", "author_attribution", "url", "may_train"],
                ["a.wav", "gravel", "CC BY 4.0", "Ann", "https://x.org/1", "no"],
                ["gone.wav", "gravel", "CC0", "", "", ""],
            ]
        )
    lines: list[str] = []
    empty.add(tmp_path / "in", log=lines.append)
    a, b = empty.rows()
    assert (a.label, a.licence, a.author, a.url, a.may_train) == (
        "gravel", "CC BY 4.0", "Ann", "https://x.org/1", False,
    )  # fmt: skip
    assert (b.label, b.licence, b.may_train) == ("in", "", True)
    assert len(lines) == 1 and "gone.wav" in lines[0]


def test_a_table_is_read_as_for_a_training_and_what_it_does_not_permit_is_told(
    empty: Library, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    for i, name in enumerate("abcdefg"):
        noise(folder / f"{name}.wav", i)
    (folder / "list.csv").write_text(
        "File Name;License;Author;train\na.wav;CC-BY-4.0;Ann;yes\nb.wav;CC0;Bob;?\nc.wav;;Cy;y\n"
        "d.wav;for\tfun;Di;y\ne.wav;CC BY-NC 4.0;Ed;ja\nf.wav;CC0;Flo;nein\n",
        encoding="utf-16",
    )
    lines: list[str] = []
    empty.add(folder, log=lines.append)
    rows = {row.id[0]: row for row in empty.rows()}
    assert [rows[name].author for name in "abcdefg"] == ["Ann", "Bob", "Cy", "Di", "Ed", "Flo", ""]
    assert [name for name, row in rows.items() if row.may_train] == ["a", "d", "e", "g"]
    assert [line.removeprefix(f"{folder}: ") for line in lines] == [
        "1 sound of no licence, placed but not to be learned from; "
        "1 sound in no table, taken for your own",
        "1 sound placed, but not to be learned from: '?' does not say whether it may be trained "
        "on: write yes or no (list.csv: line 3)",
        "1 sound placed, but not to be learned from: the licence 'for fun' is not understood: "
        "write its name alone, as CC0 or CC BY 4.0 (list.csv: line 5)",
    ]
    with pytest.raises(DatasetError, match="2 usable sounds"):
        dataset.clips(empty.path)  # a, and g, which is one's own


def test_what_is_hidden_and_what_lies_in_a_library_is_passed_over(
    small: pack.Pack, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    noise(folder / "a.wav", 1)
    (folder / "._a.wav").write_bytes(b"\0\5\x16\7")  # macOS' double
    noise(folder / ".Trash" / "b.wav", 2)
    mine = library.create(folder / "mine", small)
    lines: list[str] = []
    assert mine.add(folder, log=lines.append) == AddedCounts(added=1)
    assert mine.add(folder, log=lines.append) == AddedCounts(known=1)
    assert lines == [f"{folder}: not taken: 2 hidden, 1 sound library"] * 2
    with pytest.raises(LibraryError, match="is a library: add the folder its sounds came from"):
        mine.add(folder / "mine")


def test_a_spreadsheets_csv_is_read_past_its_mark(empty: Library, tmp_path: Path) -> None:
    noise(tmp_path / "in" / "a.wav", 1)
    table = "file,label\r\na.wav,gravel\r\n"
    (tmp_path / "in" / "sources.csv").write_text(table, encoding="utf-8-sig")
    empty.add(tmp_path / "in")
    assert list(empty.anchors.labels) == ["gravel"]


def test_a_file_with_a_name_in_no_known_encoding_comes_in(empty: Library, tmp_path: Path) -> None:
    noise(tmp_path / "a.wav", 1)
    (tmp_path / "in").mkdir()
    os.rename(tmp_path / "a.wav", os.fsencode(tmp_path / "in") + b"/lat\xedn.wav")
    assert empty.add(tmp_path / "in") == AddedCounts(added=1)
    assert list(empty.anchors.names) == ["lat?n"]
    assert empty.add(tmp_path / "in") == AddedCounts(known=1)


def test_a_csv_that_cannot_be_read_stops_before_anything_is_written(
    empty: Library, tmp_path: Path
) -> None:
    noise(tmp_path / "in" / "a.wav", 1)
    for content in (b"name,licence\na.wav,CC0\n", b"file,licence\n\xff\xfe,CC0\n"):
        (tmp_path / "in" / "sources.csv").write_bytes(content)
        with pytest.raises(LibraryError, match=r"sources\.csv"):
            empty.add(tmp_path / "in")
    assert len(empty) == 0


def test_linked_sounds_stay_where_they_are(empty: Library, tmp_path: Path) -> None:
    path = noise(tmp_path / "in" / "a.wav", 1)
    empty.add(tmp_path / "in", link=True)
    assert empty.recording(0) == path
    assert list((empty.path / "audio").iterdir()) == []
    path.unlink()
    assert empty.recording(0) is None


def test_found_sounds_keep_their_credits_and_come_in_once(empty: Library, tmp_path: Path) -> None:
    def found_sound(id: str, seed: int, may_train: bool) -> FoundSound:
        path = noise(tmp_path / f"{seed}.wav", seed)
        return FoundSound(id, "Step", "Ann", "CC0", "https://f.org/1", path, "step", may_train, 0.2)

    given = [found_sound("freesound:1", 1, True), found_sound("freesound:2", 2, False)]
    assert empty.add(from_sounds(given)).added == 2
    assert [row.may_train for row in empty.rows()] == [True, False]
    assert {row.origin for row in empty.rows()} == {"freesound"}
    # Encoded anew by its source: other bytes, but the same sound.
    assert empty.add(from_sounds([found_sound("freesound:1", 3, True)])) == AddedCounts(known=1)
    twice = [found_sound("freesound:9", 4, True), found_sound("freesound:9", 5, True)]
    assert empty.add(from_sounds(twice)) == AddedCounts(added=1, known=1)


def test_a_summary_counts_what_is_there(filled: Library) -> None:
    summary = filled.summary()
    assert summary.sounds == 12 and summary.seconds == pytest.approx(12 * 4096 / 16000)
    assert summary.labels == {"noise": 6, "tone": 6}
    assert summary.origins == {"folder": 12} and summary.without_recording == 0


def test_killed_while_it_encodes_it_goes_on_where_it_was(small: pack.Pack, tmp_path: Path) -> None:
    for i in range(300):
        noise(tmp_path / "in" / f"{i:03}.wav", i)
    mine = library.create(tmp_path / "mine", small)
    process = fill(FILL, mine.path, small, tmp_path / "in")
    while (mine.path / "latents.npy").stat().st_size < 128 + 64 * 8 and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    mine = library.open_(mine.path, small)
    before = len(mine)
    assert 0 < before < 300
    assert mine.add(tmp_path / "in") == AddedCounts(added=300 - before, known=before)
    assert list(mine.anchors.ids) == [f"{i:03}.wav" for i in range(300)]
    sounds = [path.read_bytes() for path in sorted((tmp_path / "in").iterdir())]
    whole = encode_batch(str(small.path), sounds)
    np.testing.assert_allclose(mine.anchors.latents, whole.latents, atol=1e-4)


def test_killed_at_any_moment_nothing_is_lost_or_doubled(small: pack.Pack, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(3000):
        (tmp_path / "in" / f"{i:04}.wav").write_bytes(f"{i}".encode())
    path = library.create(tmp_path / "mine", small).path
    rng = np.random.default_rng(0)
    done = [0]
    for _ in range(10):
        before = (path / "latents.npy").stat().st_mtime_ns
        process = fill(PRETEND + FILL, path, small, tmp_path / "in")
        while (path / "latents.npy").stat().st_mtime_ns == before and process.poll() is None:
            time.sleep(0.001)
        time.sleep(float(rng.uniform(0, 0.05)))
        process.send_signal(signal.SIGKILL)
        process.wait()
        middle = library.open_(path, small)
        assert list(middle.anchors.latents[:, 0]) == list(range(len(middle)))
        assert all(middle.recording(row) for row in range(len(middle)))
        done.append(len(middle))
    assert done == sorted(done) and len(set(done)) > 3
    assert fill(PRETEND + FILL, path, small, tmp_path / "in").wait(60) == 0
    again = library.open_(path, small)
    assert list(again.anchors.latents[:, 0]) == list(range(3000))
    assert len(list((path / "audio").iterdir())) == 3000


def test_rows_of_a_writer_killed_before_the_table_are_written_over(
    copy: Path, small: pack.Pack, tmp_path: Path
) -> None:
    with (copy / "latents.npy").open("ab") as file:
        file.write(np.full((7, 2), np.nan, np.float32).tobytes())
    mine = library.open_(copy, small)
    assert len(mine) == 12
    noise(tmp_path / "in" / "new.wav", 99)
    mine.add(tmp_path / "in")
    assert len(mine) == 13 and np.isfinite(mine.anchors.latents).all()


def test_a_second_writer_is_refused_with_one_line(
    copy: Path, small: pack.Pack, tmp_path: Path
) -> None:
    noise(tmp_path / "in" / "new.wav", 99)
    with (
        store.writing(copy, 2),
        pytest.raises(LibraryError, match="another process is adding sounds: wait"),
    ):
        library.open_(copy, small).add(tmp_path / "in")
    assert library.open_(copy, small).add(tmp_path / "in").added == 1


def test_planes_need_no_fitting_and_do_not_move_when_sounds_come(
    copy: Path, small: pack.Pack, tmp_path: Path
) -> None:
    mine = library.open_(copy, small)
    before = playable.planes(mine)["map"]
    noise(tmp_path / "in" / "new.wav", 99)
    mine.add(tmp_path / "in")
    np.testing.assert_array_equal(playable.planes(mine)["map"][:12], before)


def test_an_anchor_lies_on_itself_and_others_among_their_neighbours(small: pack.Pack) -> None:
    plane = small.planes["map"]
    itself = Neighbours(small.anchors.latents, small.anchors.latents).mean(plane)
    np.testing.assert_allclose(itself, plane, atol=1e-3 * np.abs(plane).max())
    elsewhere = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32) * 100
    positions = Neighbours(small.anchors.latents, elsewhere).mean(plane)
    assert (positions >= plane.min(axis=0) - 1e-4).all() and (
        positions <= plane.max(axis=0) + 1e-4
    ).all()


def test_a_map_of_its_own_holds_until_sounds_come(
    copy: Path, small: pack.Pack, tmp_path: Path
) -> None:
    mine = library.open_(copy, small)
    placed = playable.planes(mine)["map"]
    mine.refit()
    own = playable.planes(library.open_(copy, small))["map"]
    assert own.shape == (12, 2) and not np.allclose(own, placed)
    assert playable.as_pack(mine.pack, mine).default_plane == "map"
    noise(tmp_path / "in" / "new.wav", 99)
    mine.add(tmp_path / "in")
    np.testing.assert_array_equal(playable.planes(mine)["map"][:12], placed)
    assert playable.as_pack(mine.pack, mine).default_plane == "learned"


def test_an_encoder_that_changes_meanwhile_is_noticed(small: pack.Pack, tmp_path: Path) -> None:
    other = shutil.copytree(small.path, tmp_path / "other")
    mine = library.create(tmp_path / "mine", pack.load(other))
    with zipfile.ZipFile(other / "encoder.keras", "a") as archive:
        archive.comment = b"trained again"
    noise(tmp_path / "in" / "a.wav", 1)
    with pytest.raises(LibraryError, match="encoder is not the one"):
        mine.add(tmp_path / "in")
    assert len(mine) == 0


def test_progress_reaches_its_end_whatever_becomes_of_the_sounds(
    empty: Library, tmp_path: Path
) -> None:
    noise(tmp_path / "in" / "a.wav", 1)
    shutil.copy(tmp_path / "in" / "a.wav", tmp_path / "in" / "b.wav")
    (tmp_path / "in" / "c.wav").write_text("no sound")
    progress = Progress(disable=True)
    empty.add(tmp_path / "in", progress=progress)
    assert [(task.completed, task.total) for task in progress.tasks] == [(3, 3)]


def test_a_library_of_another_model_is_refused(
    filled: Library, small: pack.Pack, tmp_path: Path
) -> None:
    other = shutil.copytree(small.path, tmp_path / "other")
    with (other / "encoder.keras").open("ab") as file:
        file.write(b" ")
    with pytest.raises(LibraryError, match="was made for another model"):
        library.open_(filled.path, pack.load(other))
    with pytest.raises(LibraryError, match="is a library for"):
        playable.as_pack(replace(small, path=other), filled)


def test_an_empty_library_opens_and_says_that_it_holds_no_sounds(empty: Library) -> None:
    assert len(library.open_(empty.path, empty.pack)) == 0
    with pytest.raises(LibraryError, match="holds no sounds yet"):
        playable.as_pack(empty.pack, empty)


def test_a_library_is_never_made_over_something_else(small: pack.Pack, tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(LibraryError, match="is there already"):
        library.create(tmp_path, small)
    assert [p.name for p in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_hundred_thousand_sounds_open_in_less_than_a_second(
    small: pack.Pack, tmp_path: Path
) -> None:
    path = many(tmp_path / "many", small, 100_000)
    seconds = []
    for _ in range(3):
        began = time.process_time()  # of this process: what others do is not its fault
        played = playable.as_pack(small, library.open_(path, small))
        seconds.append(time.process_time() - began)
    assert len(played.anchors) == 100_000 and played.planes["map"].shape == (100_000, 2)
    assert played.described["attack"].shape == (100_000,)  # guessed, which takes longest
    assert min(seconds) < 1


def test_opening_a_library_imports_no_keras(filled: Library) -> None:
    code = (
        "import sys; from latentpad.models.packs import pack; "
        "from latentpad.models.libraries import library, playable; "
        f"p = pack.load({str(filled.pack.path)!r}); "
        f"playable.as_pack(p, library.open_({str(filled.path)!r}, p)); "
        "print([m for m in ('keras', 'tensorflow', 'sklearn', 'distributed') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_sounds_are_encoded_on_a_dask_cluster(
    filled: Library,
    small: pack.Pack,
    recordings: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import distributed

    # Spawned workers find the project as an installed one would be found.
    monkeypatch.setenv("PYTHONPATH", ROOT)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        worker_dashboard_address=None, local_directory=str(tmp_path),
    ) as cluster:  # fmt: skip
        mine = library.create(tmp_path / "mine", small)
        assert mine.add(recordings, dask=cluster.scheduler_address) == AddedCounts(added=12)
    assert list(mine.anchors.ids) == list(filled.anchors.ids)
    np.testing.assert_allclose(mine.anchors.latents, filled.anchors.latents, atol=1e-4)


def test_a_cluster_that_is_not_there_gives_one_line(empty: Library, recordings: Path) -> None:
    with pytest.raises(LibraryError, match=r"^nowhere://1: no Dask scheduler there") as caught:
        empty.add(recordings, dask="nowhere://1")
    assert "\n" not in str(caught.value)
