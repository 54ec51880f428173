from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.models.libraries import library, playable
from latentpad.models.libraries.library import AddedCounts, Library, LibraryError
from latentpad.models.packs import pack
from latentpad.models.sources import sound_map
from latentpad.models.sources.licences import FREE, is_free
from latentpad.models.text import line
from tests.models.libraries.making import noise


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
    assert empty.add_map(path) == AddedCounts(added=3)
    np.testing.assert_array_equal(empty.anchors.latents, [[0.5, -1], [1, 2], [0, 0]])
    assert list(empty.anchors.names) == ["Door", "8", "9"]
    assert [empty.recording(i) for i in range(3)] == [None, tmp_path / "beside.wav", None]
    low, high = np.percentile(empty.pack.anchors.loudness, [0, 100])
    assert ((empty.anchors.loudness >= low) & (empty.anchors.loudness <= high)).all()
    assert empty.add_map(write_map(path, rows)) == AddedCounts(known=3)
    assert empty.summary().without_recording == 2
    played, known = playable.as_pack(empty.pack, empty), empty.pack.described
    assert len(played.anchors) == 3
    for name, values in played.described.items():
        assert known[name].min() <= values.min() <= values.max() <= known[name].max()


def test_a_pack_without_an_encoder_takes_sound_maps_only(
    small: pack.Pack, recordings: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(small.path, tmp_path / "other"))
    (other / "encoder.keras").unlink()
    mine = library.create(tmp_path / "mine", replace(small, path=other))
    with pytest.raises(LibraryError, match="has no encoder to place sounds with"):
        mine.add(recordings)
    path = write_map(tmp_path / "map.json", [{"id": 1, "mu": [0, 0]}])
    assert mine.add_map(path) == AddedCounts(added=1)


def test_bad_rows_of_a_sound_map_are_refused_by_number(empty: Library, tmp_path: Path) -> None:
    good = {"id": 1, "mu": [0, 0]}
    rows: list[object] = [
        good, None, {"id": 2}, {"id": 3, "mu": [1]}, {"id": 4, "mu": [float("nan"), 0]},
        {"id": 5, "mu": ["0", 0]}, {"id": 6, "mu": [1e30, 0]}, {"mu": [0, 0]},
        {"id": 7, "mu": [10**400, 0]}, {"id": True, "mu": [0, 0]},
    ]  # fmt: skip
    lines: list[str] = []
    added = empty.add_map(write_map(tmp_path / "map.json", rows), log=lines.append)
    assert added == AddedCounts(added=1, refused=9)
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
    entries, latents, lines, refused = sound_map.read(path, 2)
    assert len(entries) + refused == len(rows) and latents.shape == (len(entries), 2)
    assert np.isfinite(latents).all() and bool(lines) == bool(refused)
    for text in (text for entry in entries for text in (entry.id, entry.name, entry.label)):
        line(text).encode()


def test_a_map_is_read_by_the_names_that_tables_have_and_steers_no_terminal(
    tmp_path: Path,
) -> None:
    path = tmp_path / "map.json"
    rows = [
        {"id": 1, "mu": [0, 0], "License": "CC BY 4.0", "Artist": "Ann", "Title": "Step",
         "Source URL": "https://x.org/1", "Category": "gravel"},
        {"id": 2, "mu": [0, 0], "license": "CC0", "licence": "CC BY-NC 4.0", "username": None},
        {"id": 3, "mu": [0, 0], "licence": ["CC0"], "author": {"name": "Bob"}},
        {"id": 4, "mu": [0, 0], "name": "a\x1b[2Jb", "author": "\x9bc", "licence": "\x07"},
    ]  # fmt: skip
    path.write_text(json.dumps(rows))
    entries, _, lines, refused = sound_map.read(path, 2)
    assert (lines, refused) == ([], 0)
    one = entries[0]
    assert (one.licence, one.author, one.name, one.url, one.label) == (
        "CC BY 4.0", "Ann", "Step", "https://x.org/1", "gravel",
    )  # fmt: skip
    assert [entry.author for entry in entries] == ["Ann", "", "", "c"]
    assert [is_free(entry.licence, FREE) for entry in entries] == [True, False, False, False]
    for entry in entries:
        for text in (entry.name, entry.author, entry.licence, entry.url, entry.label):
            assert text.isprintable()
