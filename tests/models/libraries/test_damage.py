from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from latentpad.cli.library_listing import entry, listing
from latentpad.models.libraries import contents, library, playable, store
from latentpad.models.libraries.library import LibraryError
from latentpad.models.packs import pack
from latentpad.models.training import dataset
from tests.models.libraries.making import ROOT, noise


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


def changed(folder: Path, *statements: str) -> None:
    table = sqlite3.connect(folder / "sounds.sqlite")
    with table:
        for statement in statements:
            table.execute(statement)
    table.close()


LOOSE = (
    "ALTER TABLE sounds RENAME TO old",
    "CREATE TABLE sounds (row, hash, id, name, label, author, licence, url, origin, audio, "
    "duration, may_train, added)",
    "INSERT INTO sounds SELECT * FROM old",
    "DROP TABLE old",
)


@pytest.mark.parametrize("column", ["author", "licence", "url", "origin", "audio", "added"])
@pytest.mark.parametrize("value", ["NULL", "7", "x'00ff'", "1.5"])
def test_a_column_that_holds_no_text_is_named(
    copy: Path, small: pack.Pack, column: str, value: str
) -> None:
    changed(copy, *LOOSE, f"UPDATE sounds SET {column} = {value} WHERE row = 3")
    for read in (lambda: list(contents.rows(copy)), lambda: dataset.clips(copy)):
        with pytest.raises(LibraryError, match=f"{column} holds something that is no text"):
            read()
    library.open_(copy, small).summary()


@pytest.mark.parametrize("value", ["'yes'", "'no'", "2", "NULL", "x'01'", "-1", "''"])
def test_what_is_no_yes_in_the_table_is_not_learned_from(copy: Path, value: str) -> None:
    changed(copy, *LOOSE, f"UPDATE sounds SET may_train = {value} WHERE row < 9")
    assert [row.may_train for row in contents.rows(copy)] == [False] * 9 + [True] * 3
    assert len(dataset.clips(copy)) == 3


MEMORY = """
import resource, sys
from pathlib import Path
from latentpad.models.libraries import contents, library, store
from latentpad.models.libraries.header import LibraryError
from latentpad.models.training import dataset
folder = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for read in (lambda: list(contents.rows(folder)), lambda: contents.summary(folder),
             lambda: contents.select_ids(folder), lambda: dataset.clips(folder)):
    try:
        read()
    except LibraryError as error:
        print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


@pytest.mark.parametrize("kind", ["TEXT", "BLOB"])
@pytest.mark.parametrize("column", ["licence", "label", "id"])
def test_a_long_text_is_refused_before_it_takes_memory(
    copy: Path, small: pack.Pack, kind: str, column: str
) -> None:
    size = 100_000_000
    long = f"CAST(zeroblob({size}) AS {kind})"
    changed(copy, *LOOSE, f"UPDATE sounds SET {column} = {long} WHERE row = 3")
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(copy)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": ROOT},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *lines, megabytes = done.stdout.splitlines()
    assert lines and set(lines) == {
        f"{copy / 'sounds.sqlite'}: holds a row of more than 64 kB: copy the whole library again"
    }
    assert int(megabytes) < 50
    if column == "licence":
        library.open_(copy, small)  # it is not needed to play
    else:
        with pytest.raises(LibraryError, match=r"more than 64 kB|100000000 characters"):
            library.open_(copy, small)


def test_signs_that_steer_a_terminal_are_shown_nowhere(copy: Path, small: pack.Pack) -> None:
    steer = "'a' || char(27, 155, 7, 10, 8238) || 'b'"
    changed(
        copy,
        f"UPDATE sounds SET name = {steer}, label = {steer}, author = {steer}, licence = {steer}, "
        f"url = {steer}, origin = {steer}, added = {steer}, id = {steer} || row",
    )
    mine = library.open_(copy, small)
    said = [*listing(mine, mine.summary()), *map(entry, range(12), mine.rows())]
    assert all(line.isprintable() for line in said)
    assert all(str(name).isprintable() for name in [*mine.anchors.names, *mine.anchors.labels])
    assert mine.recording(3) is not None  # by its id, which is as it is


def test_a_large_head_is_refused_unread(copy: Path, small: pack.Pack) -> None:
    with (copy / "library.toml").open("ab") as file:
        file.truncate(1 << 30)
    with pytest.raises(LibraryError, match=r"library\.toml: is larger than 64 kB"):
        library.open_(copy, small)


def outside(tmp_path: Path) -> Path:
    """A folder elsewhere with a file whose name could be a library's."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in (f"{7:064x}.wav", ".new-x", "notes.txt"):
        (folder / name).write_text("mine")
    return folder


def test_nothing_is_deleted_through_a_link(copy: Path, small: pack.Pack, tmp_path: Path) -> None:
    elsewhere = outside(tmp_path)
    shutil.rmtree(copy / "audio")
    (copy / "audio").symlink_to(elsewhere)
    mine = library.open_(copy, small)
    lines: list[str] = []
    mine.remove([str(mine.anchors.ids[0])], log=lines.append)
    noise(tmp_path / "in" / "new.wav", 99)
    mine.add(tmp_path / "in")
    mine.remove([str(mine.anchors.ids[0])], log=lines.append)
    assert lines == [f"{copy}: audio is a link: the recordings there are left where they are"] * 2
    assert {f"{7:064x}.wav", ".new-x", "notes.txt"} < {path.name for path in elsewhere.iterdir()}
    store.discard(copy, 2)
    assert len(list(elsewhere.iterdir())) == 4


def test_a_recording_that_is_a_link_goes_alone(
    copy: Path, small: pack.Pack, tmp_path: Path
) -> None:
    elsewhere = outside(tmp_path)
    mine = library.open_(copy, small)
    recording = mine.recording(0)
    assert recording is not None
    recording.unlink()
    recording.symlink_to(elsewhere / "notes.txt")
    changed(copy, "UPDATE sounds SET audio = '../elsewhere/notes.txt' WHERE row = 1")
    changed(copy, f"UPDATE sounds SET audio = '{elsewhere / 'notes.txt'}' WHERE row = 2")
    mine.remove([str(id) for id in mine.anchors.ids[:3]])
    assert not recording.is_symlink()
    assert (elsewhere / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["latents.npy", ".descriptors-new.npy", ".planes-new.npz", "latents-1.npy"]
)
def test_nothing_is_written_through_a_link(
    copy: Path, small: pack.Pack, tmp_path: Path, name: str
) -> None:
    mine = library.open_(copy, small)
    victim = outside(tmp_path) / "notes.txt"
    if (copy / name).exists():
        victim.write_bytes((copy / name).read_bytes())
        (copy / name).unlink()
    (copy / name).symlink_to(victim)
    before = victim.read_bytes()
    for change in (lambda: mine.remove([str(mine.anchors.ids[0])]), mine.refit):
        with pytest.raises(LibraryError, match=f"{re.escape(name)} is a link"):
            change()
    assert victim.read_bytes() == before
