"""The files of a sound library, and who may change them.

    library.toml   for which model (models.libraries.header)
    sounds.sqlite  a row for each sound, numbered 0, 1, 2, ... as in the columns
    *.npy          its numbers (models.libraries.arrays), of the generation that is user_version
    audio/         the recordings that were copied in, named by their content
    lock.sqlite    held by whoever writes

The table is the truth. Columns are written before it, so what is too much in them comes from a
writer that was killed, and the next writes it over; recordings are deleted after it. A sound that
was removed stays in the table, under a number below 0, so that it does not come back unasked.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from latentpad.models.libraries import arrays, header, recordings
from latentpad.models.libraries.arrays import COLUMNS, DESCRIPTORS
from latentpad.models.libraries.header import LibraryError, LibraryHeader
from latentpad.models.libraries.recordings import keep as keep
from latentpad.models.libraries.recordings import written
from latentpad.models.packs.pack import MOST_ANCHORS
from latentpad.models.representation import Floats
from latentpad.models.text import LONGEST, reason

LONGEST_ROW = 1 << 16  # bytes: texts have a line's length, a path 4 kB
PATIENCE = 60.0  # s for another process to finish with the table
MADE = {"library.toml", "sounds.sqlite", "lock.sqlite", "audio", *(f"{c}.npy" for c in COLUMNS)}
SCHEMA = """
CREATE TABLE sounds (
    row INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL, label TEXT NOT NULL, author TEXT NOT NULL, licence TEXT NOT NULL,
    url TEXT NOT NULL, origin TEXT NOT NULL, audio TEXT NOT NULL, duration REAL NOT NULL,
    may_train INTEGER NOT NULL, added TEXT NOT NULL
)
"""


@dataclass(frozen=True)
class SoundRow:
    """One sound in the table, in the order of its columns after `row`."""

    hash: str  # sha256 of the file's bytes; of its id where there is no file
    id: str
    name: str
    label: str
    author: str
    licence: str
    url: str
    origin: str  # folder, freesound or map
    audio: str  # beneath the library, or an absolute path elsewhere, or "" for none
    duration: float  # s
    may_train: bool
    added: str  # ISO 8601, UTC


TEXTS = tuple(field.name for field in fields(SoundRow) if field.type == "str")
INSERT = f"INSERT INTO sounds VALUES (?{', ?' * len(fields(SoundRow))})"
ROW = ", ".join(field.name for field in fields(SoundRow))


def make(folder: Path, head: LibraryHeader) -> None:
    """Write an empty library to `folder`, new or empty. Raises LibraryError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LibraryError(f"{folder}: is there already: choose a new folder for the library")
    with written(folder, "made"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
            made = Path(beside) / "library"
            (made / "audio").mkdir(parents=True)
            header.write(made, head)
            with closing(sqlite3.connect(made / "sounds.sqlite")) as table, table:
                table.execute(SCHEMA)
            arrays.begin(made, 0, head.latent_dim)
            (made / "lock.sqlite").touch()
            os.replace(made, folder)


@contextmanager
def table(folder: Path) -> Iterator[sqlite3.Connection]:
    """The table for reading and, by the holder of `writing`, for writing. Raises LibraryError."""
    file = folder / "sounds.sqlite"
    if not file.is_file():
        raise LibraryError(f"{folder}: sounds.sqlite is missing: copy the whole library again")
    # Even a reader may have to undo what a killed writer left half done.
    mode = "rw" if os.access(file, os.W_OK) and os.access(folder, os.W_OK) else "ro"
    try:
        uri = f"{file.resolve().as_uri()}?mode={mode}"
        with closing(
            sqlite3.connect(uri, uri=True, isolation_level=None, timeout=PATIENCE)
        ) as connection:
            # Before anything is read: what is longer is an error instead of memory.
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_ROW)
            connection.execute("PRAGMA trusted_schema = OFF")
            kinds = connection.execute("SELECT type, name FROM sqlite_master WHERE type != 'index'")
            if kinds.fetchall() != [("table", "sounds")]:
                raise LibraryError(f"{file}: is no table of sounds: copy the whole library again")
            yield connection
    except sqlite3.DataError:
        raise LibraryError(
            f"{file}: holds a row of more than {LONGEST_ROW >> 10} kB: copy the whole library again"
        ) from None
    except (sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
        raise LibraryError(
            f"{file}: cannot be used ({reason(error)}): copy the whole library again"
        ) from None


def count(connection: sqlite3.Connection, folder: Path) -> int:
    """Number of sounds, whose rows are 0, 1, 2, ... Raises LibraryError."""
    found = connection.execute(
        "SELECT count(*), coalesce(min(row), 0), coalesce(max(row), -1), "
        "coalesce(max(max(length(id), length(name), length(label))), 0) FROM sounds WHERE row >= 0"
    ).fetchone()
    if found[1] != 0 or found[2] != found[0] - 1 or found[0] > MOST_ANCHORS:
        raise LibraryError(
            f"{folder}: sounds.sqlite has {found[0]} sounds in rows {found[1]}...{found[2]}: "
            "copy the whole library again"
        )
    if found[3] > LONGEST:
        raise LibraryError(f"{folder}: sounds.sqlite holds a text of {found[3]} characters")
    return int(found[0])


def generation(connection: sqlite3.Connection) -> int:
    """Of the columns that belong to the table; with `count`, in one transaction."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


class Writer:
    """What `writing` gives: appends sounds, all of a batch or none, and removes. For one thread."""

    def __init__(
        self, folder: Path, connection: sqlite3.Connection, dim: int, again: bool = False
    ) -> None:
        """With `again`, what was removed may come in again."""
        self._folder, self._connection, self._dim, self._again = folder, connection, dim, again
        self.count = count(connection, folder)
        self._generation = generation(connection)
        for name in COLUMNS:
            if name != DESCRIPTORS:
                arrays.open_column(folder, name, self._generation, self.count, dim)
        with written(folder):
            arrays.supply(folder, self._generation, self.count)
        self._sweep()

    def id_of(self, digest: str) -> str | None:
        """The id of the sound whose content has this hash, if it is here."""
        found = self._ask("SELECT id FROM sounds WHERE hash = ? AND row >= 0", digest)
        return next((str(row[0]) for row in found), None)

    def has_id(self, id: str) -> bool:
        """Whether a sound of this id is here."""
        return bool(self._ask("SELECT 1 FROM sounds WHERE id = ? AND row >= 0", id))

    def is_removed(self, digest: str, id: str) -> bool:
        """Whether this sound was removed and is to stay out."""
        asked = "SELECT 1 FROM sounds WHERE (hash = ? OR id = ?) AND row < 0"
        return not self._again and bool(self._ask(asked, digest, id))

    def append(
        self,
        rows: Sequence[SoundRow],
        latents: Floats,
        loudness: Floats,
        onset: Floats,
        descriptors: Floats | None = None,
    ) -> None:
        """Append B sounds: (B, D), (B,), (B,), (B, K) float32; None where nothing was measured.

        Raises LibraryError, and sqlite3.Error.
        """
        if descriptors is None:
            descriptors = arrays.no_descriptors(len(rows))
        if self.count + len(rows) > MOST_ANCHORS:
            raise LibraryError(f"{self._folder}: is full: {MOST_ANCHORS} sounds are the most")
        with written(self._folder):
            columns = latents, loudness, onset, descriptors
            for name, values in zip(COLUMNS, columns, strict=True):
                arrays.append(self._folder, name, self._generation, self.count, values)
        with self._transaction() as change:
            if self._again:
                change.executemany(
                    "DELETE FROM sounds WHERE row < 0 AND (hash = ? OR id = ?)",
                    [(row.hash, row.id) for row in rows],
                )
            change.executemany(
                INSERT, [(self.count + i, *astuple(row)) for i, row in enumerate(rows)]
            )
        self.count += len(rows)

    def remove(self, rows: Sequence[int]) -> None:
        """Take sounds out, all or none; those after them move up. Recordings copied in go, too.

        Raises LibraryError, and sqlite3.Error.
        """
        kept = np.delete(np.arange(self.count), rows)
        following = self._generation + 1
        with written(self._folder):
            arrays.begin(self._folder, following, self._dim)
            for name in COLUMNS:
                values = arrays.open_column(
                    self._folder, name, self._generation, self.count, self._dim
                )[kept]
                arrays.append(self._folder, name, following, 0, values)
        ((lowest,),) = self._ask("SELECT min(min(row), 0) FROM sounds")
        below = int(lowest) - 1
        with self._transaction() as change:
            # A file's path may name another sound one day; the number of a source never does.
            change.executemany(
                "UPDATE sounds SET row = ?, audio = '', "
                "id = CASE origin WHEN 'folder' THEN hash ELSE id END WHERE row = ?",
                [(below - i, row) for i, row in enumerate(sorted(set(rows)))],
            )
            change.executemany(
                "UPDATE sounds SET row = ? WHERE row = ?",
                [(new, old) for new, old in enumerate(kept.tolist()) if new != old],
            )
            change.execute(f"PRAGMA user_version = {following}")
        self.count, self._generation = len(kept), following
        self._sweep()

    def _sweep(self) -> None:
        """Delete what a removal leaves: it may have been killed before it came to it."""
        left = arrays.stale_columns(self._folder, self._generation)
        if not left:
            return
        there = {audio for (audio,) in self._ask("SELECT audio FROM sounds WHERE row >= 0")}
        with written(self._folder):
            recordings.sweep(self._folder, there)
            (self._folder / "planes.npz").unlink(missing_ok=True)
            for column in left:  # last: as long as they are there, this is done again
                column.unlink(missing_ok=True)

    def _ask(self, question: str, *values: str) -> list[Any]:
        return self._connection.execute(question, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise


@contextmanager
def writing(folder: Path, dim: int, again: bool = False) -> Iterator[Writer]:
    """Be the only writer, until the block ends or the process dies. Raises LibraryError."""
    recordings.check_own(folder)
    try:
        with closing(
            sqlite3.connect(folder / "lock.sqlite", timeout=0, isolation_level=None)
        ) as lock:
            lock.execute("BEGIN IMMEDIATE")
            recordings.begin(folder)
            with table(folder) as connection:
                yield Writer(folder, connection, dim, again)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise LibraryError(
                f"{folder}: another process is adding sounds: wait until it has finished"
            ) from None
        raise LibraryError(f"{folder}: cannot be written ({reason(error)})") from None
    except sqlite3.DatabaseError as error:
        raise LibraryError(
            f"{folder}: lock.sqlite cannot be used ({reason(error)}): remove it"
        ) from None


def discard(folder: Path, dim: int) -> None:
    """Take away a library that has never held anything, unless another process is at it."""
    with suppress(LibraryError), writing(folder, dim) as writer:
        # The lock has a journal while it is held.
        names = {path.name for path in folder.iterdir()} - {"lock.sqlite-journal"}
        if not writer.count and names == MADE:
            shutil.rmtree(folder, ignore_errors=True)
