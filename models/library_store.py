"""The files of a sound library: one SQLite table, and rows of numbers beside it.

    library.toml   format, pack, encoder (sha256), latent_dim
    sounds.sqlite  a row for each sound, numbered 0, 1, 2, ... as in the arrays
    latents.npy    (L, D) float32, loudness.npy and onset.npy (L,) float32: opened memory-mapped
    audio/         the recordings, named by their content
    lock.sqlite    held by whoever writes

The table says how many sounds there are. The arrays are written first, so one that is longer than
the table comes from a writer that was killed, and what is too much is written over by the next.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tomli_w

from models.pack import MOST_ANCHORS
from models.representation import Floats

FORMAT = 1
LONGEST = 200  # characters of an id, name or label: they lie in arrays of fixed width
COLUMNS = ("latents", "loudness", "onset")
SCHEMA = """
CREATE TABLE sounds (
    row INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL, label TEXT NOT NULL, author TEXT NOT NULL, licence TEXT NOT NULL,
    url TEXT NOT NULL, origin TEXT NOT NULL, audio TEXT NOT NULL, duration REAL NOT NULL,
    may_train INTEGER NOT NULL, added TEXT NOT NULL
)
"""


class LibraryError(Exception):
    """A library that cannot be used or added to: one line that says what, where and what to do."""


@dataclass(frozen=True)
class Row:
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


INSERT = f"INSERT INTO sounds VALUES (?{', ?' * len(fields(Row))})"
ROW = ", ".join(field.name for field in fields(Row))


@dataclass(frozen=True)
class Head:
    """library.toml."""

    pack: str
    encoder: str
    latent_dim: int


def make(folder: Path, head: Head) -> None:
    """Write an empty library to `folder`, new or empty. Raises LibraryError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LibraryError(f"{folder}: is there already: choose a new folder for the library")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
            made = Path(beside) / "library"
            (made / "audio").mkdir(parents=True)
            content = {
                "format": FORMAT, "pack": head.pack, "encoder": head.encoder,
                "latent_dim": head.latent_dim,
            }  # fmt: skip
            (made / "library.toml").write_text(tomli_w.dumps(content), encoding="utf-8")
            with closing(sqlite3.connect(made / "sounds.sqlite")) as table, table:
                table.execute(SCHEMA)
            for name in COLUMNS:
                with (made / f"{name}.npy").open("wb") as file:
                    _write_header(file, 0, _width(name, head.latent_dim))
            (made / "lock.sqlite").touch()
            os.replace(made, folder)
    except OSError as error:
        raise LibraryError(f"{folder}: cannot be made: {error.strerror or error}") from None


def head(folder: Path) -> Head:
    """Read and check library.toml. Raises LibraryError."""
    file = folder / "library.toml"
    if not file.is_file():
        raise LibraryError(f"{folder}: library.toml is missing: this folder is no sound library")
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise LibraryError(f"{file}: is not valid TOML: {_first_line(error)}") from None
    kinds = {"format": int, "pack": str, "encoder": str, "latent_dim": int}
    for key, kind in kinds.items():
        if type(content.get(key)) is not kind:
            what = "a whole number" if kind is int else "text"
            raise LibraryError(f"{file}: {key} is not {what}: make the library again")
    if content["format"] != FORMAT:
        raise LibraryError(
            f"{file}: format is {content['format']}, this version reads {FORMAT}: update Latentpad"
        )
    if not 1 <= content["latent_dim"] <= 64:
        raise LibraryError(f"{file}: latent_dim is {content['latent_dim']}, outside 1...64")
    return Head(content["pack"], content["encoder"], content["latent_dim"])


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
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            kinds = connection.execute("SELECT type, name FROM sqlite_master WHERE type != 'index'")
            if kinds.fetchall() != [("table", "sounds")]:
                raise LibraryError(f"{file}: is no table of sounds: copy the whole library again")
            yield connection
    except (sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
        raise LibraryError(
            f"{file}: cannot be used ({_first_line(error)}): copy the whole library again"
        ) from None


def count(connection: sqlite3.Connection, folder: Path) -> int:
    """Number of sounds, whose rows are 0, 1, 2, ... Raises LibraryError."""
    found = connection.execute(
        "SELECT count(*), coalesce(min(row), 0), coalesce(max(row), -1), "
        "coalesce(max(max(length(id), length(name), length(label))), 0) FROM sounds"
    ).fetchone()
    if found[1] != 0 or found[2] != found[0] - 1 or found[0] > MOST_ANCHORS:
        raise LibraryError(
            f"{folder}: sounds.sqlite has {found[0]} sounds in rows {found[1]}...{found[2]}: "
            "copy the whole library again"
        )
    if found[3] > LONGEST:
        raise LibraryError(f"{folder}: sounds.sqlite holds a text of {found[3]} characters")
    return int(found[0])


def column(folder: Path, name: str, rows: int, dim: int) -> Floats:
    """The first `rows` of NAME.npy, memory-mapped and read-only: no copy. Raises LibraryError."""
    file, width = folder / f"{name}.npy", _width(name, dim)
    try:
        with file.open("rb") as stream:
            offset = _read_header(stream, width)
            size = os.fstat(stream.fileno()).st_size
    except FileNotFoundError:
        raise LibraryError(f"{file}: is missing: copy the whole library again") from None
    # numpy raises whatever Python's parser raises on a mangled header.
    except Exception as error:
        raise LibraryError(
            f"{file}: cannot be read ({_first_line(error)}): copy the whole library again"
        ) from None
    if size < offset + rows * 4 * int(np.prod(width, dtype=int)):
        raise LibraryError(f"{file}: is too short for {rows} sounds: copy the whole library again")
    if not rows:
        return np.empty((0, *width), np.float32)
    # As a plain array, which Numba and pickle know.
    values = np.asarray(np.memmap(file, np.float32, "r", offset, (rows, *width)))
    if not np.isfinite(values).all():
        raise LibraryError(f"{file}: holds values that are not finite: make the library again")
    return values


class Writer:
    """What `writing` gives: appends sounds, all of a batch or none. For one thread."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, dim: int) -> None:
        self._folder, self._connection, self._dim = folder, connection, dim
        self.count = count(connection, folder)
        for name in COLUMNS:
            column(folder, name, self.count, dim)

    def id_of(self, digest: str) -> str | None:
        """The id of the sound whose content has this hash, if it is here."""
        found = self._connection.execute("SELECT id FROM sounds WHERE hash = ?", (digest,))
        return next((str(row[0]) for row in found), None)

    def has_id(self, id: str) -> bool:
        """Whether a sound of this id is here."""
        found = self._connection.execute("SELECT 1 FROM sounds WHERE id = ?", (id,))
        return found.fetchone() is not None

    def append(self, rows: Sequence[Row], latents: Floats, loudness: Floats, onset: Floats) -> None:
        """Append B sounds: (B, D), (B,), (B,) float32. Raises LibraryError, and sqlite3.Error."""
        if self.count + len(rows) > MOST_ANCHORS:
            raise LibraryError(f"{self._folder}: is full: {MOST_ANCHORS} sounds are the most")
        with _written(self._folder):
            for name, values in zip(COLUMNS, (latents, loudness, onset), strict=True):
                self._write(name, values)
        self._connection.execute("BEGIN")
        try:
            self._connection.executemany(
                INSERT, [(self.count + i, *astuple(row)) for i, row in enumerate(rows)]
            )
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self.count += len(rows)

    def _write(self, name: str, values: Floats) -> None:
        width = _width(name, self._dim)
        assert values.shape[1:] == width and values.dtype == np.float32
        with (self._folder / f"{name}.npy").open("r+b") as file:
            offset = _read_header(file, width)
            file.seek(offset + self.count * 4 * int(np.prod(width, dtype=int)))
            file.write(values.tobytes())
            file.flush()
            file.seek(0)
            # For other programs: this one asks the table.
            _write_header(file, self.count + len(values), width)
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def writing(folder: Path, dim: int) -> Iterator[Writer]:
    """Be the only writer, until the block ends or the process dies. Raises LibraryError."""
    try:
        with closing(
            sqlite3.connect(folder / "lock.sqlite", timeout=0, isolation_level=None)
        ) as lock:
            lock.execute("BEGIN IMMEDIATE")
            with _written(folder):
                for left in folder.glob("audio/.new-*"):
                    left.unlink(missing_ok=True)
                (folder / "audio").mkdir(exist_ok=True)
            with table(folder) as connection:
                yield Writer(folder, connection, dim)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise LibraryError(
                f"{folder}: another process is adding sounds: wait until it has finished"
            ) from None
        raise LibraryError(f"{folder}: cannot be written ({_first_line(error)})") from None
    except sqlite3.DatabaseError as error:
        raise LibraryError(
            f"{folder}: lock.sqlite cannot be used ({_first_line(error)}): remove it"
        ) from None


def keep(folder: Path, digest: str, suffix: str, data: bytes) -> str:
    """Write a recording under its hash, whole or not at all; returns its path in the library."""
    inside = f"audio/{digest}{suffix}"
    new = folder / "audio" / f".new-{digest}"
    with _written(folder):
        new.write_bytes(data)
        os.replace(new, folder / inside)
    return inside


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LibraryError(f"{folder}: cannot be written: {error.strerror or error}") from None


def _width(name: str, dim: int) -> tuple[int, ...]:
    return (dim,) if name == "latents" else ()


def _write_header(file: BinaryIO, rows: int, width: tuple[int, ...]) -> None:
    # numpy leaves room for the first axis to grow, so the data stay where they are.
    shape: Any = {"descr": "<f4", "fortran_order": False, "shape": (rows, *width)}
    np.lib.format.write_array_header_1_0(file, shape)


def _read_header(file: BinaryIO, width: tuple[int, ...]) -> int:
    """Where the data of a float32 (rows, *width) begin. Raises ValueError."""
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("unknown version")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype != np.dtype("<f4") or fortran or not shape or shape[1:] != width:
        raise ValueError(f"holds {dtype} of shape {shape}")
    return file.tell()


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
