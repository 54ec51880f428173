"""What a library holds, as its table tells: the entries, their sums, and those asked for."""

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
    """What is in a library."""

    sounds: int
    seconds: float  # of the recordings as they were
    origins: dict[str, int]  # how many of each, the most first
    licences: dict[str, int]
    labels: dict[str, int]
    without_recording: int  # placed by a map
    not_for_training: int
    removed: int  # and kept out


def rows(folder: Path) -> Iterator[SoundRow]:
    """Each sound's entry, in the order of the anchors. Raises LibraryError.

    Texts are in one line, but for the id and the place of the recording, which are as they are.
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
            # Whatever else it holds, it is not a yes.
            yield replace(row, may_train=row.may_train == 1, **shown)


def summary(folder: Path) -> Summary:
    """Counts by origin, licence and label, and the length in all. Raises LibraryError."""

    def counts(column: str) -> dict[str, int]:
        found = connection.execute(
            f"SELECT {column}, count(*) FROM sounds WHERE row >= 0 GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        return {line(str(value)): int(n) for value, n in found}

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
    """Where the recording of a sound is said to be; None where that cannot be a path."""
    with table(folder) as connection:
        found = connection.execute(
            "SELECT audio FROM sounds WHERE id = ? AND row >= 0", (id,)
        ).fetchone()
    if not found or not isinstance(found[0], str) or "\0" in found[0]:
        return None
    return found[0] or None


def select_ids(
    folder: Path,
    sounds: Sequence[str] = (),
    label: str | None = None,
    author: str | None = None,
) -> list[str]:
    """The ids of those `sounds`, each a number or an id, that have this label and this author.

    Without `sounds`, of all that have. Raises LibraryError where one is not there, or none fits.
    """
    with table(folder) as connection:
        entries = connection.execute(
            "SELECT row, id, label, author FROM sounds WHERE row >= 0 ORDER BY row"
        ).fetchall()
    places = {str(row): id for row, id, _, _ in entries} | {id: id for _, id, _, _ in entries}
    for sound in sounds:
        if sound not in places:
            raise LibraryError(f"{folder}: holds no sound {sound!r}: see library list --sounds")
    wanted = {places[sound] for sound in sounds or places}
    found = [
        str(id)
        for _, id, its_label, its_author in entries
        if id in wanted and label in (None, its_label) and author in (None, its_author)
    ]
    if not found:
        asked = [f"{what} {it!r}" for what, it in (("label", label), ("author", author)) if it]
        raise LibraryError(f"{folder}: holds no sound with the {' and the '.join(asked)}")
    return found


def row_numbers(folder: Path, wanted: set[str]) -> list[int]:
    """The rows in which the sounds with these ids are now."""
    with table(folder) as connection:
        found = connection.execute("SELECT row, id FROM sounds WHERE row >= 0 ORDER BY row")
        return [int(row) for row, id in found if id in wanted]
