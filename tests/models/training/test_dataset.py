from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from latentpad.models.libraries import header, store
from latentpad.models.libraries.items import from_folder
from latentpad.models.libraries.store import SoundRow
from latentpad.models.representation import Representation
from latentpad.models.training import dataset


def folder_with(tmp_path: Path, rows: str, names: str = "abcdef") -> Path:
    for name in names:
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(100), 48000)
    (tmp_path / "sounds.csv").write_text(rows, encoding="latin-1" if "\xff" in rows else "utf-8")
    return tmp_path


def test_rows_give_label_group_and_credits(tmp_path: Path) -> None:
    rows = "file,licence,label,origin_group,author_attribution\n" + "".join(
        f"{n}.wav,{licence},kind {n},group,Someone\n"
        for n, licence in zip("abcd", ["CC0 1.0", "CC BY 4.0", "CC BY-SA 4.0", "CC0"], strict=True)
    )
    result = dataset.clips(folder_with(tmp_path, rows))
    assert [c.id for c in result] == ["a.wav", "b.wav", "d.wav"]
    assert result[0].label == "kind a"
    assert result[0].group == "group"
    assert result[0].credits["author_attribution"] == "Someone"
    assert result[1].credits["licence"] == "CC BY 4.0"
    assert len(dataset.clips(tmp_path, licences=None)) == 4


def test_what_may_not_be_trained_on_is_left_out_and_counted(tmp_path: Path) -> None:
    said = ("yes", "no", "FALSE", "0", "", "1")
    rows = "file,licence,may_train\n" + "".join(
        f"{n}.wav,CC0,{word}\n" for n, word in zip("abcdef", said, strict=True)
    )
    lines: list[str] = []
    result = dataset.clips(folder_with(tmp_path, rows), log=lines.append)
    assert [c.id for c in result] == ["a.wav", "e.wav", "f.wav"]
    assert lines == [f"{tmp_path}: 3 sounds left out: may not be trained on"]
    # Whatever the licence: None takes every licence, and not these.
    assert len(dataset.clips(tmp_path, licences=None)) == 3


def test_a_row_that_is_not_usable_is_left_out_with_its_line(tmp_path: Path) -> None:
    rows = "\ufefffile,label\na.wav,x\ngone.wav,x\nb.wav\n,x\nc.wav,x,too,much\na.wav,x\n"
    lines: list[str] = []
    result = dataset.clips(folder_with(tmp_path, rows), log=lines.append)
    assert [c.id for c in result] == ["a.wav", "b.wav", "c.wav"]
    assert [c.label for c in result] == ["x", tmp_path.name, "x"]
    assert [c.name for c in result] == ["a", "b", "c"]
    assert [line.split(": ", 1)[1] for line in lines] == [
        "line 3: gone.wav is not there: left out",
        "line 5: a row without a file is not there: left out",
        "line 7: a.wav comes twice: left out",
    ]


def test_names_in_another_encoding_can_be_written(tmp_path: Path) -> None:
    for name in (b"\xe4.wav", b"\xf6.wav", "å.wav".encode()):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"")
    result = dataset.clips(tmp_path)
    assert len({clip.id.encode() for clip in result}) == 3
    assert "å.wav" in {clip.id for clip in result}


def ids_and_log(folder: Path) -> tuple[list[str], list[str]]:
    """The clips of a folder, and what is said of the others, without the folder's name."""
    lines: list[str] = []
    result = dataset.clips(folder, log=lines.append)
    return [clip.id for clip in result], [line.removeprefix(f"{folder}: ") for line in lines]


@pytest.mark.parametrize("column", ["license", "Licence", "LICENSE", " license ", "License URL"])
def test_a_licence_binds_whatever_its_column_is_called(tmp_path: Path, column: str) -> None:
    rows = f"Filename,{column},Username\n" + "".join(
        f"{n}.wav,{'CC-BY-4.0' if n in 'ace' else 'CC BY-NC 4.0'},Ann {n}\n" for n in "abcdef"
    )
    result = dataset.clips(folder_with(tmp_path, rows))
    assert [clip.id for clip in result] == ["a.wav", "c.wav", "e.wav"]
    assert [clip.credits["author_attribution"] for clip in result] == ["Ann a", "Ann c", "Ann e"]
    assert {clip.credits["licence"] for clip in result} == {"CC-BY-4.0"}


def test_what_is_not_understood_is_no_yes_and_is_told_with_its_place(tmp_path: Path) -> None:
    rows = (
        "file,licence,may_train\n"
        "a.wav,CC0,\nb.wav,CC0,yes\nc.wav,CC0,y\n"
        "d.wav,CC0,maybe\ne.wav,Royalty free\x1b[2J,yes\nf.wav,CC0 or ask me,yes\n"
    )
    assert ids_and_log(folder_with(tmp_path, rows)) == (
        ["a.wav", "b.wav", "c.wav"],
        [
            "1 sound left out: 'maybe' does not say whether it may be trained on: write yes or no "
            "(sounds.csv: line 5)",
            "1 sound left out: the licence 'Royalty free [2J' is not understood: write its name "
            "alone, as CC0 or CC BY 4.0 (sounds.csv: line 6)",
            "1 sound left out: the licence 'CC0 or ask me' is not understood: write its name "
            "alone, as CC0 or CC BY 4.0 (sounds.csv: line 7)",
        ],
    )


@pytest.mark.parametrize(
    ("tables", "left"),
    [
        # Two columns, of which one forbids.
        ({"a.csv": "file,license,licence\na.wav,CC0,CC BY-NC 4.0\n"}, "bcd"),
        # The same file in two rows, and in two tables.
        ({"a.csv": "file,licence\na.wav,CC0\na.wav,CC BY-SA 4.0\n"}, "bcd"),
        ({"a.csv": "file,licence\na.wav,CC0\n", "b.csv": "path,rights\na.wav,no\n"}, "bcd"),
        ({"a.csv": "file,label\na.wav,x\n", "b.csv": "filename;License\nA.WAV;\n"}, "bcd"),
        ({"a.csv": "file,no_ai\na.wav,yes\n"}, "bcd"),
        # In a table of labels, and in none of those that tell licences.
        ({"a.csv": "file,label\na.wav,x\n"}, "bcd"),
        ({"a.csv": "file,AI usage\na.wav,fine\n"}, "bcd"),
        ({"a.csv": "file,licence,license url\na.wav,CC0,CC-BY-4.0\n"}, "abcd"),
    ],
)
def test_all_that_is_said_of_a_sound_must_permit_it(
    tmp_path: Path, tables: dict[str, str], left: str
) -> None:
    for name in "abcd":
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(100), 48000)
    for name, rows in tables.items():
        (tmp_path / name).write_text(rows)
    (tmp_path / "others.csv").write_text("file,licence\nb.wav,CC0\nc.wav,CC0\nd.wav,CC0\n")
    assert sorted(ids_and_log(tmp_path)[0]) == [f"{name}.wav" for name in left]


def test_a_table_in_a_folder_speaks_for_what_is_beneath_it(tmp_path: Path) -> None:
    for name in ("mine/a", "mine/b", "mine/c", "found/d", "found/e"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(100), 48000)
    (tmp_path / "found" / "list.csv").write_text("file,license\nd.wav,CC BY-NC 3.0\ne.wav,CC0\n")
    ids, lines = ids_and_log(tmp_path)
    assert sorted(ids) == ["found/e.wav", "mine/a.wav", "mine/b.wav", "mine/c.wav"]
    assert lines == ["1 sound left out: not under CC0, CC BY, Unlicense"]


def test_names_on_a_mac_and_in_its_table_need_not_be_written_alike(tmp_path: Path) -> None:
    composed, apart = "G\u00e9ant", "Ge\u0301ant"
    (tmp_path / "Kies").mkdir()
    for name in (f"{apart}.WAV", "Kies/schritt.wav", "a:b.wav", "c.wav"):
        soundfile.write(tmp_path / name, np.zeros(100), 48000, format="WAV")
    rows = f"file,licence\n{composed}.wav,CC0\nKies\\Schritt.wav,CC0\na/b.wav,CC0\n"
    (tmp_path / "t.csv").write_text(rows + "/Users/ann/Desktop/c.wav,CC BY-NC 4.0\n")
    ids, lines = ids_and_log(tmp_path)
    assert ids == [f"{apart}.WAV", "Kies/schritt.wav", "a:b.wav"]
    assert lines == ["1 sound left out: not under CC0, CC BY, Unlicense"]


def test_what_is_not_taken_is_counted_in_one_line(tmp_path: Path, recordings: Path) -> None:
    (tmp_path / "in").symlink_to(recordings)
    for name in ("x.m4a", "y.m4a", "a.wav.asd", "._a.wav", ".DS_Store", "Icon\r", "README"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "lost.wav").symlink_to(tmp_path / "gone.wav")
    ids, lines = ids_and_log(tmp_path)
    assert len(ids) == 12
    assert lines == [
        "not taken: 3 hidden, 2 .m4a, 1 .asd, 1 that leads nowhere, 1 without an ending"
    ]


def test_what_a_table_with_licences_does_not_name_is_left_out_and_counted(tmp_path: Path) -> None:
    folder_with(tmp_path, "file,licence\na.wav,CC0\nb.wav,CC0\nc.wav,CC0\n")
    ids, lines = ids_and_log(tmp_path)
    assert ids == ["a.wav", "b.wav", "c.wav"]
    assert lines == ["3 sounds left out: in no row of the table beside or above them"]


def test_a_row_with_an_empty_licence_is_left_out(tmp_path: Path) -> None:
    rows = "file,licence\na.wav,CC0\nb.wav,CC0\nc.wav,CC0\nd.wav,\n"
    assert len(dataset.clips(folder_with(tmp_path, rows))) == 3


def test_without_a_csv_the_folder_is_the_label(recordings: Path) -> None:
    result = dataset.clips(recordings)
    assert len(result) == 12
    assert {c.label for c in result} == {"noise", "tone"}
    assert result[0].id == "noise/noise0.wav"


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("name\na.wav\n", "no column 'file'"),
        ("file\na.wav\n\xff\n", "cannot be read"),
        ("file\na.wav\n", "1 usable sounds found, at least 3"),
    ],
)
def test_an_unusable_folder_is_explained(tmp_path: Path, rows: str, complaint: str) -> None:
    with pytest.raises(dataset.DatasetError, match=complaint):
        dataset.clips(folder_with(tmp_path, rows))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(dataset.DatasetError, match="no such folder"):
        dataset.clips(tmp_path / "gone")


@given(st.lists(st.integers(0, 30), min_size=3, max_size=200), st.integers(0, 5))
def test_a_group_is_never_on_two_sides(groups: list[int], seed: int) -> None:
    clips = [dataset.Clip(Path(f"{i}"), str(i), "x", str(g)) for i, g in enumerate(groups)]
    divided = dataset.split_clips(clips, seed)
    sides: dict[str, set[str]] = {}
    for clip in divided:
        sides.setdefault(clip.group, set()).add(clip.split)
    assert all(len(side) == 1 for side in sides.values())
    assert [c.id for c in divided] == [c.id for c in clips]


def test_shares_are_met_where_groups_are_small() -> None:
    clips = [dataset.Clip(Path(f"{i}"), str(i), "x", str(i // 4)) for i in range(400)]
    divided = dataset.split_clips(clips, 0)
    for name, share in zip(dataset.SIDES, (0.6, 0.2, 0.2), strict=True):
        assert sum(c.split == name for c in divided) == pytest.approx(400 * share, abs=8)


@pytest.mark.parametrize(
    ("count", "learned"), [(3, 1), (4, 2), (12, 10), (38, 34), (100, 80), (199, 119), (400, 240)]
)
def test_of_a_few_sounds_nearly_all_are_learned_from(count: int, learned: int) -> None:
    clips = [dataset.Clip(Path(f"{i}"), str(i), "x", str(i)) for i in range(count)]
    sides = Counter(clip.split for clip in dataset.split_clips(clips, 0))
    assert sides["train"] == pytest.approx(learned, abs=count // 100)
    assert abs(sides["validation"] - sides["test"]) <= 1 + count // 100 and min(sides.values()) >= 1


@pytest.mark.parametrize(("share", "held_out"), [(0.0, 0), (0.1, 4), (0.5, 20), (0.8, 32)])
def test_the_share_that_is_held_out_can_be_said(share: float, held_out: int) -> None:
    clips = [dataset.Clip(Path(f"{i}"), str(i), "x", str(i)) for i in range(40)]
    divided = dataset.split_clips(clips, 0, share)
    assert sum(clip.split != "train" for clip in divided) == held_out


def test_a_training_calls_sounds_as_a_library_does(tmp_path: Path) -> None:
    names = ("kick/01", "snare/01", "rain", "stereo/wide/Rain")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(100), 48000)
    (tmp_path / "kick" / "list.csv").write_text("file,name,label\n01.wav,Thump,\n")
    called = {clip.id: (clip.name, clip.label) for clip in dataset.clips(tmp_path)}
    assert called == {item.id: (item.name, item.label) for item in from_folder(tmp_path)}
    assert called["kick/01.wav"] == ("Thump", "kick")
    assert called["rain.wav"] == ("rain", tmp_path.name)
    assert called["stereo/wide/Rain.wav"] == ("Rain", "wide")


def test_a_large_group_falls_on_each_side_for_some_seed() -> None:
    sizes = {"large": 10} | {f"small {i}": 2 for i in range(45)}
    clips = [dataset.Clip(Path(g), g, "x", g) for g, size in sizes.items() for _ in range(size)]
    sides = [dataset.split_clips(clips, seed, 0.4)[0].split for seed in range(60)]
    shares = [sides.count(name) / len(sides) for name in dataset.SIDES]
    np.testing.assert_allclose(shares, (0.6, 0.2, 0.2), atol=0.2)
    assert all(shares)


def library_of(folder: Path, rows: list[SoundRow]) -> Path:
    """A library for a pack that is not installed, with a recording for each row that names one."""
    store.make(folder, header.LibraryHeader("elsewhere", "0" * 64, 2))
    with store.writing(folder, 2) as writer:
        numbers = np.zeros(len(rows), np.float32)
        writer.append(rows, np.zeros((len(rows), 2), np.float32), numbers, numbers)
    for i, row in enumerate(rows):
        if row.audio:
            soundfile.write(folder / row.audio, np.full(200, 0.1 + i / 100), 16000)
    return folder


def entry(number: int, **what: object) -> SoundRow:
    values: dict[str, Any] = {
        "hash": f"{number:064}", "id": f"freesound:{number}", "name": f"sound {number}",
        "label": "step", "author": f"author {number}", "licence": "CC BY 4.0",
        "url": f"https://freesound.org/s/{number}", "origin": "freesound",
        "audio": f"audio/{number}.wav", "duration": 1.0, "may_train": True, "added": "2026-01-01",
    }  # fmt: skip
    return SoundRow(**{**values, **what})


def test_a_librarys_recordings_are_learned_from_with_their_credits(tmp_path: Path) -> None:
    own = {"origin": "folder", "author": "", "licence": "", "url": "", "id": "mine.wav"}
    rows = [
        *(entry(i) for i in range(3)),
        entry(3, may_train=False),
        entry(4, licence="CC BY-NC 4.0"),
        entry(5, audio="", origin="map"),
        entry(6, **own),
        entry(7, licence=""),
    ]
    lines: list[str] = []
    result = dataset.clips(library_of(tmp_path / "lib", rows), log=lines.append)
    assert [c.id for c in result] == ["freesound:0", "freesound:1", "freesound:2", "mine.wav"]
    assert result[1].credits == {
        "licence": "CC BY 4.0", "author_attribution": "author 1",
        "url": "https://freesound.org/s/1",
    }  # fmt: skip
    assert (result[1].name, result[1].label) == ("sound 1", "step")
    assert result[1].path.is_file()
    assert [line.split(": ", 1)[1] for line in lines] == [
        "1 sound left out: may not be trained on",
        "2 sounds left out: not under CC0, CC BY, Unlicense",
        "1 sound left out: their recordings are not there",
    ]


def test_authors_of_a_library_stay_on_one_side_where_there_are_enough(tmp_path: Path) -> None:
    many = [entry(i, author=f"author {i % 12}") for i in range(60)]
    sides: dict[str, set[str]] = {}
    for clip in dataset.clips(library_of(tmp_path / "many", many)):
        sides.setdefault(clip.credits["author_attribution"], set()).add(clip.split)
    assert len(sides) == 12
    assert all(len(side) == 1 for side in sides.values())
    one = [entry(i, author="the same") for i in range(20)]
    result = dataset.clips(library_of(tmp_path / "one", one))
    assert {clip.split for clip in result} == {"train", "validation", "test"}


def test_a_broken_library_is_named(tmp_path: Path) -> None:
    (tmp_path / "library.toml").write_text("format = 1\n")
    with pytest.raises(header.LibraryError, match=r"library\.toml"):
        dataset.clips(tmp_path)


def test_spectrograms_are_relative_to_each_sounds_peak(recordings: Path) -> None:
    r = Representation(sample_rate=16000, n_fft=256, hop=128, frames=32)
    sounds, peaks = dataset.spectrograms(dataset.clips(recordings), r)
    assert sounds.shape == (12, 32, 129)
    np.testing.assert_allclose(sounds.max(axis=(1, 2)), 1)
    assert sounds.min() >= 0
    assert (peaks < 0).all()
