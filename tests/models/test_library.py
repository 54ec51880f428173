from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from rich.progress import Progress

from models import library, library_store, pack, sound_map
from models.found import Found
from models.library import Added, Library, LibraryError
from models.library_encode import encode_batch, heard
from models.library_fill import line
from models.library_places import Neighbours
from models.representation import Representation

ROOT = str(Path(__file__).parents[2])
FILL = """
import sys
from pathlib import Path
from models import library, pack
mine = library.open_(sys.argv[1], pack.load(sys.argv[2]))
print("open", flush=True)
mine.add(Path(sys.argv[3]))
"""
# An encoder at once: each "sound" is its own number. Only what is written matters.
PRETEND = """
from pathlib import Path
import numpy as np
from models import library_fill
from models.library_encode import Encoded, identity
def encode_batch(pack_path, sounds):
    z = np.array([[int(s), 0] for s in sounds], np.float32)
    own = identity(Path(pack_path))
    return Encoded(z, z[:, 1], z[:, 1], z[:, 1], ("",) * len(sounds), own)
library_fill.encode_batch = encode_batch
"""


def fill(code: str, path: Path, small: pack.Pack, folder: Path) -> subprocess.Popen[str]:
    """A process of its own that adds `folder`, once it has opened the library."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path), str(small.path), str(folder)],
        env={**os.environ, "PYTHONPATH": ROOT, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "open\n"
    return process


@pytest.fixture
def empty(small: pack.Pack, tmp_path: Path) -> Library:
    return library.create(tmp_path / "mine", small)


@pytest.fixture(scope="session")
def filled(small: pack.Pack, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    made = library.create(tmp_path_factory.mktemp("libraries") / "filled", small)
    made.add(recordings)
    return made


@pytest.fixture
def copy(filled: Library, tmp_path: Path) -> Path:
    """A library that a test may change or break."""
    return Path(shutil.copytree(filled.path, tmp_path / "copy"))


def noise(path: Path, seed: int, rate: int = 16000, seconds: float = 0.2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = 0.1 * np.random.default_rng(seed).normal(size=int(rate * seconds))
    soundfile.write(path, sound, rate)
    return path


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
    latents = library.as_pack(filled.pack, filled).anchors.latents
    assert type(latents) is np.ndarray and isinstance(latents.base, np.memmap)
    assert not latents.flags.writeable
    np.testing.assert_array_equal(np.load(filled.path / "latents.npy", mmap_mode="r"), latents)


def test_as_pack_replaces_anchors_and_planes_and_nothing_else(filled: Library) -> None:
    played = library.as_pack(filled.pack, filled)
    assert played.anchors is filled.anchors
    assert {n: p.shape for n, p in played.planes.items()} == {"map": (12, 2)}
    before = filled.pack
    assert replace(played, anchors=before.anchors, planes=before.planes) == before


def test_adding_again_adds_nothing_and_opening_again_finds_the_same(
    copy: Path, small: pack.Pack, recordings: Path
) -> None:
    mine = library.open_(copy, small)
    before = mine.anchors.latents.copy()
    lines: list[str] = []
    assert mine.add(recordings, say=lines.append) == Added(known=12)
    assert lines == []
    np.testing.assert_array_equal(library.open_(copy, small).anchors.latents, before)


def test_the_same_sound_twice_is_one_anchor_and_reported(empty: Library, tmp_path: Path) -> None:
    first = noise(tmp_path / "in" / "a.wav", 1)
    shutil.copy(first, tmp_path / "in" / "b.wav")
    lines: list[str] = []
    assert empty.add(tmp_path / "in", say=lines.append) == Added(added=1, duplicates=1)
    assert lines == [f"{tmp_path / 'in' / 'b.wav'}: the same sound as a.wav: left out"]
    assert list(empty.anchors.ids) == ["a.wav"]


def test_two_folders_may_use_the_same_name(empty: Library, tmp_path: Path) -> None:
    for i in (1, 2):
        noise(tmp_path / str(i) / "a.wav", i)
        empty.add(tmp_path / str(i))
    assert len(empty) == 2 and len(set(empty.anchors.ids)) == 2
    assert empty.add(tmp_path / "2") == Added(known=1)


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
    assert empty.add(folder, say=lines.append) == Added(added=1, refused=5)
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
        audio, seconds = heard((tmp_path / "a.wav").read_bytes(), r)
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
    empty.add(tmp_path / "in", say=lines.append)
    a, b = empty.rows()
    assert (a.label, a.licence, a.author, a.url, a.may_train) == (
        "gravel", "CC BY 4.0", "Ann", "https://x.org/1", False,
    )  # fmt: skip
    assert (b.label, b.licence, b.may_train) == ("in", "", True)
    assert len(lines) == 1 and "gone.wav" in lines[0]


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
    def found(id: str, seed: int, may_train: bool) -> Found:
        path = noise(tmp_path / f"{seed}.wav", seed)
        return Found(id, "Step", "Ann", "CC0", "https://f.org/1", path, "step", may_train, 0.2)

    given = [found("freesound:1", 1, True), found("freesound:2", 2, False)]
    assert empty.add_found(given).added == 2
    assert [row.may_train for row in empty.rows()] == [True, False]
    assert {row.origin for row in empty.rows()} == {"freesound"}
    # Encoded anew by its source: other bytes, but the same sound.
    assert empty.add_found([found("freesound:1", 3, True)]) == Added(known=1)
    twice = [found("freesound:9", 4, True), found("freesound:9", 5, True)]
    assert empty.add_found(twice) == Added(added=1, known=1)


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
    assert mine.add(tmp_path / "in") == Added(added=300 - before, known=before)
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
        process = fill(PRETEND + FILL, path, small, tmp_path / "in")
        time.sleep(float(rng.uniform(0, 0.15)))
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
        library_store.writing(copy, 2),
        pytest.raises(LibraryError, match="another process is adding sounds: wait"),
    ):
        library.open_(copy, small).add(tmp_path / "in")
    assert library.open_(copy, small).add(tmp_path / "in").added == 1


def test_planes_need_no_fitting_and_do_not_move_when_sounds_come(
    copy: Path, small: pack.Pack, tmp_path: Path
) -> None:
    mine = library.open_(copy, small)
    before = mine.planes()["map"]
    noise(tmp_path / "in" / "new.wav", 99)
    mine.add(tmp_path / "in")
    np.testing.assert_array_equal(mine.planes()["map"][:12], before)


def test_an_anchor_lies_on_itself_and_others_among_their_neighbours(small: pack.Pack) -> None:
    plane = small.planes["map"]
    itself = Neighbours(small, small.anchors.latents).mean(plane)
    np.testing.assert_allclose(itself, plane, atol=1e-3 * np.abs(plane).max())
    elsewhere = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32) * 100
    places = Neighbours(small, elsewhere).mean(plane)
    assert (places >= plane.min(axis=0) - 1e-4).all() and (places <= plane.max(axis=0) + 1e-4).all()


def test_a_map_of_its_own_holds_until_sounds_come(
    copy: Path, small: pack.Pack, tmp_path: Path
) -> None:
    mine = library.open_(copy, small)
    placed = mine.planes()["map"]
    mine.refit()
    own = library.open_(copy, small).planes()["map"]
    assert own.shape == (12, 2) and not np.allclose(own, placed)
    noise(tmp_path / "in" / "new.wav", 99)
    mine.add(tmp_path / "in")
    np.testing.assert_array_equal(mine.planes()["map"][:12], placed)


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
        library.as_pack(replace(small, path=other), filled)


def test_an_empty_library_opens_and_says_that_it_holds_no_sounds(empty: Library) -> None:
    assert len(library.open_(empty.path, empty.pack)) == 0
    with pytest.raises(LibraryError, match="holds no sounds yet"):
        library.as_pack(empty.pack, empty)


def test_a_library_is_never_made_over_something_else(small: pack.Pack, tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(LibraryError, match="is there already"):
        library.create(tmp_path, small)
    assert [p.name for p in tmp_path.iterdir()] == ["holiday.jpg"]


def many(path: Path, small: pack.Pack, count: int) -> Path:
    """A library of `count` sounds, written as `add` would."""
    library.create(path, small)
    latents = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    zeros = np.zeros(count, np.float32)
    rows = [
        library_store.Row(
            f"{i:064x}", f"folder {i % 100}/a sound of some length {i}.flac", f"a sound {i}",
            f"label {i % 100}", "Ann", "CC0", "", "folder", f"audio/{i:064x}.flac", 1.0, True, "",
        )
        for i in range(count)
    ]  # fmt: skip
    with library_store.writing(path, 2) as writer:
        writer.append(rows, latents, zeros, zeros)
    return path


def test_a_hundred_thousand_sounds_open_in_less_than_a_second(
    small: pack.Pack, tmp_path: Path
) -> None:
    path = many(tmp_path / "many", small, 100_000)
    seconds = []
    for _ in range(3):
        began = time.process_time()  # of this process: what others do is not its fault
        played = library.as_pack(small, library.open_(path, small))
        seconds.append(time.process_time() - began)
    assert len(played.anchors) == 100_000 and played.planes["map"].shape == (100_000, 2)
    assert min(seconds) < 1


def test_opening_a_library_imports_no_keras(filled: Library) -> None:
    code = (
        "import sys; from models import library, pack; "
        f"p = pack.load({str(filled.pack.path)!r}); "
        f"library.as_pack(p, library.open_({str(filled.path)!r}, p)); "
        "print([m for m in ('keras', 'tensorflow', 'sklearn', 'distributed') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def write_map(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_a_sound_map_places_sounds_without_audio(empty: Library, tmp_path: Path) -> None:
    noise(tmp_path / "beside.wav", 1)
    rows = [
        {"id": 7, "name": "Door", "username": "Ann", "url": "https://f.org/7", "mu": [0.5, -1]},
        {"id": "8", "mu": [1, 2], "audio": "beside.wav", "licence": "CC0", "label": "door"},
        {"id": 9, "mu": [0, 0], "audio": "../../../etc/passwd"},
    ]
    path = write_map(tmp_path / "map.json", {"results": rows})
    assert empty.add_map(path) == Added(added=3)
    np.testing.assert_array_equal(empty.anchors.latents, [[0.5, -1], [1, 2], [0, 0]])
    assert list(empty.anchors.names) == ["Door", "8", "9"]
    assert [empty.recording(i) for i in range(3)] == [None, tmp_path / "beside.wav", None]
    low, high = np.percentile(empty.pack.anchors.loudness, [0, 100])
    assert ((empty.anchors.loudness >= low) & (empty.anchors.loudness <= high)).all()
    assert empty.add_map(write_map(path, rows)) == Added(known=3)
    assert empty.summary().without_recording == 2
    assert len(library.as_pack(empty.pack, empty).anchors) == 3


def test_a_pack_without_an_encoder_takes_sound_maps_only(
    small: pack.Pack, recordings: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(small.path, tmp_path / "other"))
    (other / "encoder.keras").unlink()
    mine = library.create(tmp_path / "mine", replace(small, path=other))
    with pytest.raises(LibraryError, match="has no encoder to place sounds with"):
        mine.add(recordings)
    path = write_map(tmp_path / "map.json", [{"id": 1, "mu": [0, 0]}])
    assert mine.add_map(path) == Added(added=1)


def test_bad_rows_of_a_sound_map_are_refused_by_number(empty: Library, tmp_path: Path) -> None:
    good = {"id": 1, "mu": [0, 0]}
    rows: list[object] = [
        good, None, {"id": 2}, {"id": 3, "mu": [1]}, {"id": 4, "mu": [float("nan"), 0]},
        {"id": 5, "mu": ["0", 0]}, {"id": 6, "mu": [1e30, 0]}, {"mu": [0, 0]},
        {"id": 7, "mu": [10**400, 0]}, {"id": True, "mu": [0, 0]},
    ]  # fmt: skip
    lines: list[str] = []
    added = empty.add_map(write_map(tmp_path / "map.json", rows), say=lines.append)
    assert added == Added(added=1, refused=9)
    path = tmp_path / "map.json"
    assert lines == [
        f"{path}: result 2: is no object: left out",
        f"{path}: results 3, 4, 6: mu is not a list of 2 numbers, as the pack's latents are: "
        "left out",
        f"{path}: result 5: mu holds a number that is not finite: left out",
        f"{path}: results 7, 9: mu holds a number beyond 1e+06: left out",
        f"{path}: results 8, 10: has no id: left out",
    ]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[" * 100_000, b"\xff", b"7", b'{"results": 3}', b"[1" + b"0" * 5000 + b"]"],
)
def test_what_is_no_sound_map_gives_one_line(
    empty: Library, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "map.json").write_bytes(content)
    with pytest.raises(LibraryError, match=r"map\.json: ") as caught:
        empty.add_map(tmp_path / "map.json")
    assert "\n" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
ROWS = st.lists(
    JSON
    | st.fixed_dictionaries(
        {"id": JSON, "mu": st.lists(st.floats() | st.integers(), max_size=3) | JSON},
        optional={key: JSON for key in ("name", "username", "url", "audio", "licence", "label")},
    ),
    max_size=5,
)


@given(rows=ROWS)
def test_every_row_of_a_sound_map_is_taken_or_counted_as_refused(
    rows: list[object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write_map(tmp_path_factory.getbasetemp() / "any.json", rows)
    places, latents, lines, refused = sound_map.read(path, 2)
    assert len(places) + refused == len(rows) and latents.shape == (len(places), 2)
    assert np.isfinite(latents).all() and bool(lines) == bool(refused)
    for text in (text for place in places for text in (place.id, place.name, place.label)):
        line(text).encode()


def test_a_mangled_map_of_its_own_gives_one_line(copy: Path, small: pack.Pack) -> None:
    bad = [np.zeros((12, 3)), np.full((12, 2), np.nan), np.array(["x"] * 12)]
    for plane in bad:
        np.savez(copy / "planes.npz", map=plane)
        with pytest.raises(LibraryError, match=r"planes\.npz: holds no map: remove it"):
            library.open_(copy, small).planes()
    (copy / "planes.npz").write_bytes(b"PK")
    with pytest.raises(LibraryError, match=r"planes\.npz cannot be read.*remove it$"):
        library.open_(copy, small).planes()


def test_a_library_with_a_file_missing_says_which(copy: Path, small: pack.Pack) -> None:
    for name in ("library.toml", "sounds.sqlite", "latents.npy", "loudness.npy", "onset.npy"):
        os.rename(copy / name, copy / "away")
        with pytest.raises(LibraryError, match=name):
            library.open_(copy, small)
        os.rename(copy / "away", copy / name)


def test_a_table_of_another_make_is_refused(copy: Path, small: pack.Pack) -> None:
    path = copy / "sounds.sqlite"
    whole = path.read_bytes()
    for statement in (
        "DELETE FROM sounds WHERE row = 3",
        "UPDATE sounds SET name = x'00ff' WHERE row = 3",
        "UPDATE sounds SET label = hex(randomblob(5000))",
        "CREATE TRIGGER t AFTER INSERT ON sounds BEGIN DELETE FROM sounds; END",
        "DROP TABLE sounds",
        "ALTER TABLE sounds RENAME COLUMN label TO kind",
        "INSERT INTO sounds SELECT 12, 'h', 'i', '', '', '', '', '', '', '', 0, 0, ''",
    ):
        table = sqlite3.connect(path)
        with table:
            table.execute(statement)
        table.close()
        with pytest.raises(LibraryError) as caught:
            library.open_(copy, small)
        assert str(copy) in str(caught.value) and "\n" not in str(caught.value)
        path.write_bytes(whole)
    assert len(library.open_(copy, small)) == 12


def test_mangled_files_open_or_give_one_line(copy: Path, small: pack.Pack) -> None:
    rng = np.random.default_rng(0)
    opened = refused = 0
    for name in ("library.toml", "sounds.sqlite", "latents.npy", "onset.npy"):
        whole = (copy / name).read_bytes()
        for turn in range(60):
            data = bytearray(whole)
            if turn % 3 == 0:
                del data[rng.integers(len(data)) :]
            else:
                for at in rng.integers(len(data), size=turn):
                    data[at] = rng.integers(256)
            (copy / name).write_bytes(data)
            try:
                mine = library.open_(copy, small)
                mine.planes()
                mine.summary()
                for row in range(len(mine)):
                    mine.recording(row)
                opened += 1
            except LibraryError as error:
                assert "\n" not in str(error) and str(copy) in str(error)
                refused += 1
        (copy / name).write_bytes(whole)
    assert opened > 5 and refused > 50


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
        assert mine.add(recordings, dask=cluster.scheduler_address) == Added(added=12)
    assert list(mine.anchors.ids) == list(filled.anchors.ids)
    np.testing.assert_allclose(mine.anchors.latents, filled.anchors.latents, atol=1e-4)


def test_a_cluster_that_is_not_there_gives_one_line(empty: Library, recordings: Path) -> None:
    with pytest.raises(LibraryError, match=r"^nowhere://1: no Dask scheduler there") as caught:
        empty.add(recordings, dask="nowhere://1")
    assert "\n" not in str(caught.value)
