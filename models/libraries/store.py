"""The files of a sound library, and the lock for writing.

    library.toml   the model (models.libraries.header)
    sounds.sqlite  a row for each sound, numbered 0, 1, 2, ... as in the columns
    *.npy          its numbers (models.libraries.arrays), of the generation in user_version
    audio/         the recordings that were copied in, named by their content
    lock.sqlite    locked by the writer

The table decides. Columns are written before it, so extra rows in them come from a killed writer,
and the next writer overwrites them; recordings are deleted after it. A removed sound stays in the
table with a number below 0, so that it is not added again by itself.
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
from latentpad.models.packs.limits import MOST_ANCHORS
from latentpad.models.representation import Floats
from latentpad.models.text import LONGEST, reason

LONGEST_ROW = 1 << 16  # bytes: a text is at most one line, a path 4 kB
PATIENCE = 60.0  # s to wait for another process that uses the table
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

    hash: str  # sha256 of the file's bytes, or of the id if there is no file
    id: str
    name: str
    label: str
    author: str
    licence: str
    url: str
    origin: str  # folder, freesound or map
    audio: str  # a path in the library, or an absolute path, or "" for none
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
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
            new_library = Path(temporary) / "library"
            (new_library / "audio").mkdir(parents=True)
            header.write(new_library, head)
            with closing(sqlite3.connect(new_library / "sounds.sqlite")) as table, table:
                table.execute(SCHEMA)
            arrays.begin(new_library, 0, head.latent_dim)
            (new_library / "lock.sqlite").touch()
            os.replace(new_library, folder)


@contextmanager
def table(folder: Path) -> Iterator[sqlite3.Connection]:
    """The table for reading and, within `writing`, for writing. Raises LibraryError."""
    file = folder / "sounds.sqlite"
    if not file.is_file():
        raise LibraryError(f"{folder}: sounds.sqlite is missing: copy the whole library again")
    # Even a reader may have to roll back what a killed writer left incomplete.
    mode = "rw" if os.access(file, os.W_OK) and os.access(folder, os.W_OK) else "ro"
    try:
        uri = f"{file.resolve().as_uri()}?mode={mode}"
        with closing(
            sqlite3.connect(uri, uri=True, isolation_level=None, timeout=PATIENCE)
        ) as connection:
            # Set before anything is read: a longer row is an error and takes no memory.
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
    totals = connection.execute(
        "SELECT count(*), coalesce(min(row), 0), coalesce(max(row), -1), "
        "coalesce(max(max(length(id), length(name), length(label))), 0) FROM sounds WHERE row >= 0"
    ).fetchone()
    if totals[1] != 0 or totals[2] != totals[0] - 1 or totals[0] > MOST_ANCHORS:
        raise LibraryError(
            f"{folder}: sounds.sqlite has {totals[0]} sounds in rows {totals[1]}...{totals[2]}: "
            "copy the whole library again"
        )
    if totals[3] > LONGEST:
        raise LibraryError(f"{folder}: sounds.sqlite holds a text of {totals[3]} characters")
    return int(totals[0])


def generation(connection: sqlite3.Connection) -> int:
    """The generation of the table's columns; call it in one transaction with `count`."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


class Writer:
    """Appends batches of sounds, each as a whole or not, and removes sounds. For one thread."""

    def __init__(
        self, folder: Path, connection: sqlite3.Connection, dim: int, again: bool = False
    ) -> None:
        """With `again`, sounds that were removed may be added again."""
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
        """The id of the sound whose content has this hash, or None."""
        rows = self._ask("SELECT id FROM sounds WHERE hash = ? AND row >= 0", digest)
        return next((str(row[0]) for row in rows), None)

    def has_id(self, id: str) -> bool:
        """Whether the library has a sound with this id."""
        return bool(self._ask("SELECT 1 FROM sounds WHERE id = ? AND row >= 0", id))

    def is_removed(self, digest: str, id: str) -> bool:
        """Whether this sound was removed and must not be added."""
        query = "SELECT 1 FROM sounds WHERE (hash = ? OR id = ?) AND row < 0"
        return not self._again and bool(self._ask(query, digest, id))

    def append(
        self,
        rows: Sequence[SoundRow],
        latents: Floats,
        loudness: Floats,
        onset: Floats,
        descriptors: Floats | None = None,
    ) -> None:
        """Append B sounds: (B, D), (B,), (B,), (B, K) float32; None for no descriptors.

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
        """Remove sounds, all or none; later ones get lower numbers. Copied recordings are deleted.

        Raises LibraryError, and sqlite3.Error.
        """
        kept = np.delete(np.arange(self.count), rows)
        next_generation = self._generation + 1
        with written(self._folder):
            arrays.begin(self._folder, next_generation, self._dim)
            for name in COLUMNS:
                values = arrays.open_column(
                    self._folder, name, self._generation, self.count, self._dim
                )[kept]
                arrays.append(self._folder, name, next_generation, 0, values)
        ((lowest,),) = self._ask("SELECT min(min(row), 0) FROM sounds")
        first_removed_row = int(lowest) - 1
        with self._transaction() as change:
            # A file's path may later name another sound; the id of a source never does.
            change.executemany(
                "UPDATE sounds SET row = ?, audio = '', "
                "id = CASE origin WHEN 'folder' THEN hash ELSE id END WHERE row = ?",
                [(first_removed_row - i, row) for i, row in enumerate(sorted(set(rows)))],
            )
            change.executemany(
                "UPDATE sounds SET row = ? WHERE row = ?",
                [(new, old) for new, old in enumerate(kept.tolist()) if new != old],
            )
            change.execute(f"PRAGMA user_version = {next_generation}")
        self.count, self._generation = len(kept), next_generation
        self._sweep()

    def _sweep(self) -> None:
        """Delete the remains of a removal, which may have been killed before it did."""
        stale = arrays.stale_columns(self._folder, self._generation)
        if not stale:
            return
        used = {audio for (audio,) in self._ask("SELECT audio FROM sounds WHERE row >= 0")}
        with written(self._folder):
            recordings.sweep(self._folder, used)
            (self._folder / "planes.npz").unlink(missing_ok=True)
            for column in stale:  # last: as long as they exist, this is repeated
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
    """Lock the library for writing, until the block or the process ends. Raises LibraryError."""
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
    """Delete a library that never had a sound, unless another process uses it."""
    with suppress(LibraryError), writing(folder, dim) as writer:
        # A locked database has a journal.
        names = {path.name for path in folder.iterdir()} - {"lock.sqlite-journal"}
        if not writer.count and names == MADE:
            shutil.rmtree(folder, ignore_errors=True)
