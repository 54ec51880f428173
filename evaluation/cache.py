"""Figures kept on disk, so that no comparison is made twice."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType

from latentpad.evaluation.scoring import VERSION, Figures, Reference
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats

CHUNK = 500  # keys in one query: SQLite takes 999 values


class FigureCache:
    """Figures by the pair that was compared. For one process, one thread at a time.

    A file that a killed evaluation left can be used; each `put` is written as a whole or not.
    """

    def __init__(self, path: Path, pack: Pack) -> None:
        with pack.decoder_path.open("rb") as file:
            decoder = hashlib.file_digest(file, "sha256").hexdigest()
        self._prefix = f"{VERSION} {decoder} ".encode()
        self._table = sqlite3.connect(path, check_same_thread=False)
        columns = ", ".join(f"{name} REAL NOT NULL" for name in Figures._fields)
        with self._table:
            self._table.execute(
                f"CREATE TABLE IF NOT EXISTS figures (pair BLOB PRIMARY KEY, {columns})"
            )

    def __enter__(self) -> FigureCache:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._table.close()

    def key(self, reference: Reference, other: Floats) -> bytes:
        """The key of a reference and a (D,) float32 latent, for this pack's decoder."""
        data = self._prefix + reference.name + other.tobytes()
        return hashlib.blake2b(data, digest_size=16).digest()

    def known(self, keys: Sequence[bytes]) -> dict[bytes, Figures]:
        """The figures of those `keys` that were compared."""
        known: dict[bytes, Figures] = {}
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            marks = ",".join("?" * len(part))
            with closing(
                self._table.execute(f"SELECT * FROM figures WHERE pair IN ({marks})", part)
            ) as rows:
                known |= {row[0]: Figures(*row[1:]) for row in rows}
        return known

    def put(self, rows: Iterable[tuple[bytes, Figures]]) -> None:
        marks = ",".join("?" * (1 + len(Figures._fields)))
        with self._table:
            self._table.executemany(
                f"INSERT OR REPLACE INTO figures VALUES ({marks})",
                [(key, *figures) for key, figures in rows],
            )
