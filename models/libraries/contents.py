"""The contents of a library, from its table: entries, counts, and selections."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from latentpad.models.libraries.header import LibraryError
from latentpad.models.libraries.store import ROW, TEXTS, SoundRow, table
from latentpad.models.text import line

SHOWN = ("name", "label", "author", "licence", "url", "origin", "added")


class Summary(NamedTuple):
    """Counts of a library's sounds."""

    sounds: int
    seconds: float  # length of the original recordings
    origins: dict[str, int]  # number of each, the largest first
    licences: dict[str, int]
    labels: dict[str, int]
    without_recording: int  # placed by a map
    not_for_training: int
    removed: int  # and not added again


def rows(folder: Path) -> Iterator[SoundRow]:
    """Each sound's entry, in the order of the anchors. Raises LibraryError.

    Texts are in one line, except the id and the path of the recording, which are unchanged.
    """
    with table(folder) as connection:
        cursor = connection.execute(f"SELECT {ROW} FROM sounds WHERE row >= 0 ORDER BY row")
        for values in cursor:
            row = SoundRow(*values)
            for column in TEXTS:
                if type(getattr(row, column)) is not str:
                    raise LibraryError(
                        f"{folder}: sounds.sqlite: {column} holds something that is no text"
                    )
            if not isinstance(row.duration, int | float) or not math.isfinite(row.duration):
                raise LibraryError(f"{folder}: sounds.sqlite: duration holds no number")
            shown: dict[str, Any] = {column: line(getattr(row, column)) for column in SHOWN}
            # Only 1 means yes.
            yield replace(row, may_train=row.may_train == 1, **shown)


def summary(folder: Path) -> Summary:
    """Counts by origin, licence and label, and the total length. Raises LibraryError."""

    def counts(column: str) -> dict[str, int]:
        rows_by_value = connection.execute(
            f"SELECT {column}, count(*) FROM sounds WHERE row >= 0 GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        return {line(str(value)): int(n) for value, n in rows_by_value}

    with table(folder) as connection:
        total = connection.execute(
            "SELECT count(*), total(duration), total(audio = ''), total(NOT may_train) "
            "FROM sounds WHERE row >= 0"
        ).fetchone()
        removed = connection.execute("SELECT count(*) FROM sounds WHERE row < 0").fetchone()
        return Summary(
            int(total[0]), float(total[1]), counts("origin"), counts("licence"),
            counts("label"), int(total[2]), int(total[3]), int(removed[0]),
        )  # fmt: skip


def recording(folder: Path, id: str) -> str | None:
    """The path of a sound's recording in the table; None if that cannot be a path."""
    with table(folder) as connection:
        row = connection.execute(
            "SELECT audio FROM sounds WHERE id = ? AND row >= 0", (id,)
        ).fetchone()
    if not row or not isinstance(row[0], str) or "\0" in row[0]:
        return None
    return row[0] or None


def select_ids(
    folder: Path,
    sounds: Sequence[str] = (),
    label: str | None = None,
    author: str | None = None,
) -> list[str]:
    """The ids of those `sounds`, each a number or an id, that have this label and this author.

    Without `sounds`, all sounds are searched. Raises LibraryError if one of them does not exist, or
    none matches.
    """
    with table(folder) as connection:
        entries = connection.execute(
            "SELECT row, id, label, author FROM sounds WHERE row >= 0 ORDER BY row"
        ).fetchall()
    ids_by_name = {str(row): id for row, id, _, _ in entries} | {id: id for _, id, _, _ in entries}
    for sound in sounds:
        if sound not in ids_by_name:
            raise LibraryError(f"{folder}: holds no sound {sound!r}: see library list --sounds")
    wanted_ids = {ids_by_name[sound] for sound in sounds or ids_by_name}
    matches = [
        str(id)
        for _, id, its_label, its_author in entries
        if id in wanted_ids and label in (None, its_label) and author in (None, its_author)
    ]
    if not matches:
        conditions = [f"{what} {it!r}" for what, it in (("label", label), ("author", author)) if it]
        raise LibraryError(f"{folder}: holds no sound with the {' and the '.join(conditions)}")
    return matches


def row_numbers(folder: Path, ids: set[str]) -> list[int]:
    """The present rows of the sounds with these ids."""
    with table(folder) as connection:
        rows = connection.execute("SELECT row, id FROM sounds WHERE row >= 0 ORDER BY row")
        return [int(row) for row, id in rows if id in ids]
