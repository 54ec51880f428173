from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from models import dataset
from models.representation import Representation


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("CC0 1.0", True),
        ("CC0 1.0 (also OGA-BY 3.0)", True),
        ("CC BY 3.0; CC BY 4.0", True),
        ("CC BY (version as on Freesound)", True),
        ("Unlicense", True),
        ("CC BY-SA 4.0", False),
        ("CC BY 4.0; CC BY-SA 4.0", False),
        ("CC BY-NC 3.0", False),
        ("CC BY-ND 4.0", False),
        ("All rights reserved", False),
        ("", False),
    ],
)
def test_only_free_licences_are_learned_from(licence: str, free: bool) -> None:
    assert dataset.is_free(licence, dataset.FREE_LICENCES) is free


def folder_with(tmp_path: Path, rows: str, names: str = "abcdef") -> Path:
    for name in names:
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(100), 48000)
    (tmp_path / "sounds.csv").write_text(rows)
    return tmp_path


def test_rows_give_label_group_and_credits(tmp_path: Path) -> None:
    rows = "file,licence,label,origin_group,author_attribution\n" + "".join(
        f"{n}.wav,{licence},kind {n},group,Someone\n"
        for n, licence in zip("abcd", ["CC0 1.0", "CC BY 4.0", "CC BY-SA 4.0", "CC0"], strict=True)
    )
    found = dataset.clips(folder_with(tmp_path, rows))
    assert [c.id for c in found] == ["a.wav", "b.wav", "d.wav"]
    assert found[0].label == "kind a"
    assert found[0].group == "group"
    assert found[0].credits["author_attribution"] == "Someone"
    assert found[1].credits["licence"] == "CC BY 4.0"
    assert len(dataset.clips(tmp_path, licences=None)) == 4


def test_a_row_with_an_empty_licence_is_left_out(tmp_path: Path) -> None:
    rows = "file,licence\na.wav,CC0\nb.wav,CC0\nc.wav,CC0\nd.wav,\n"
    assert len(dataset.clips(folder_with(tmp_path, rows))) == 3


def test_without_a_csv_the_folder_is_the_label(recordings: Path) -> None:
    found = dataset.clips(recordings)
    assert len(found) == 12
    assert {c.label for c in found} == {"noise", "tone"}
    assert found[0].id == "noise/noise0.wav"


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("name\na.wav\n", "no column 'file'"),
        ("file\na.wav\ngone.wav\n", r"line 3: gone\.wav is not there"),
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
    divided = dataset.divided(clips, seed)
    sides: dict[str, set[str]] = {}
    for clip in divided:
        sides.setdefault(clip.group, set()).add(clip.split)
    assert all(len(side) == 1 for side in sides.values())
    assert [c.id for c in divided] == [c.id for c in clips]


def test_shares_are_met_where_groups_are_small() -> None:
    clips = [dataset.Clip(Path(f"{i}"), str(i), "x", str(i // 4)) for i in range(400)]
    divided = dataset.divided(clips, 0)
    for name, share in dataset.SHARES.items():
        assert sum(c.split == name for c in divided) == pytest.approx(400 * share, abs=8)


def test_spectrograms_are_relative_to_each_sounds_peak(recordings: Path) -> None:
    r = Representation(sample_rate=16000, n_fft=256, hop=128, frames=32)
    sounds, peaks = dataset.spectrograms(dataset.clips(recordings), r)
    assert sounds.shape == (12, 32, 129)
    np.testing.assert_allclose(sounds.max(axis=(1, 2)), 1)
    assert sounds.min() >= 0
    assert (peaks < 0).all()
