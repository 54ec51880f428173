from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from models import pack
from models.libraries import library, playable
from models.libraries.library import LibraryError


def test_a_mangled_map_of_its_own_gives_one_line(copy: Path, small: pack.Pack) -> None:
    bad = [
        np.zeros((12, 3)),
        np.full((12, 2), np.nan),
        np.array(["x"] * 12),
        np.full((12, 2), 1e300),
    ]
    for plane in bad:
        np.savez(copy / "planes.npz", map=plane)
        with pytest.raises(LibraryError, match=r"planes\.npz: holds no map: remove it"):
            playable.planes(library.open_(copy, small))
    (copy / "planes.npz").write_bytes(b"PK")
    with pytest.raises(LibraryError, match=r"planes\.npz cannot be read.*remove it$"):
        playable.planes(library.open_(copy, small))


def test_a_library_with_a_file_missing_says_which(copy: Path, small: pack.Pack) -> None:
    for name in ("library.toml", "sounds.sqlite", "latents.npy", "loudness.npy", "onset.npy"):
        os.rename(copy / name, copy / "away")
        with pytest.raises(LibraryError, match=name):
            library.open_(copy, small)
        os.rename(copy / "away", copy / name)


def test_places_that_no_model_has_are_refused(copy: Path, small: pack.Pack) -> None:
    with (copy / "latents.npy").open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(np.float32(1e30).tobytes())
    with pytest.raises(LibraryError, match=r"latents\.npy: holds values .* beyond 1e9"):
        library.open_(copy, small)


def test_mangled_descriptors_are_no_reason_not_to_play(copy: Path, small: pack.Pack) -> None:
    whole = (copy / "descriptors.npy").read_bytes()
    nowhere = np.full((12, 6), np.inf, np.float32).tobytes()
    for data in (b"", b"x" * 300, whole[:60], whole[:-4], whole[:128] + nowhere):
        (copy / "descriptors.npy").write_bytes(data)
        played = playable.as_pack(small, library.open_(copy, small))
        for values in played.described.values():
            assert values.shape == (12,) and np.isfinite(values).all()


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
                playable.planes(mine)
                mine.summary()
                for row in range(len(mine)):
                    mine.recording(row)
                opened += 1
            except LibraryError as error:
                assert "\n" not in str(error) and str(copy) in str(error)
                refused += 1
        (copy / name).write_bytes(whole)
    assert opened > 5 and refused > 50
