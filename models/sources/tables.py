"""The tables of a folder of sounds: CSV as spreadsheets, databases and people write them."""

from __future__ import annotations

import codecs
import csv
import io
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from latentpad.models.errors import LatentpadError
from latentpad.models.sources.credits import Credits, TableColumns
from latentpad.models.sources.folder import FolderContents, SoundLookup
from latentpad.models.text import printable, reason

MOST_BYTES = 64 << 20  # of a table
MOST_LINES = 20  # that one table's rows are worth
QUOTED = 60  # characters of a cell that a message quotes
DELIMITERS = ",;\t|"
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class TableError(LatentpadError):
    """A table that cannot be read: one line that says which, why and what to do."""

    def __init__(self, table: Path, why: str) -> None:
        super().__init__(f"{printable(str(table))}: {why}")


def rows(table: Path) -> Iterator[tuple[int, Credits]]:
    """Each row of a table with its line. Raises TableError.

    Read as UTF-8 or, by its mark, UTF-16 and UTF-32, else as Windows-1252. The delimiter is the
    one that makes the most known columns. What a short row lacks is empty, what is too much is
    dropped.
    """
    try:
        text, skipped = _text(table), 0
        if hint := re.match(r'"?sep=.{1,2}?"?\r?\n', text):  # a line for Excel alone
            text, skipped = text[hint.end() :], 1
        names, delimiter = max(
            ((_names(text, delimiter), delimiter) for delimiter in DELIMITERS),
            key=lambda found: len(TableColumns.of(dict(enumerate(found[0]))).columns),
        )
        columns = dict(enumerate(names))
        header = TableColumns.of(columns, (cells for _, cells in _cells(text, delimiter)))
        if "file" not in header.columns:
            there = ", ".join(printable(name, QUOTED) for name in names[:12])
            raise TableError(
                table,
                f"has no column 'file' (its columns: {there or 'none'}): "
                "name the one with the files so, or move the CSV",
            )
        for number, cells in _cells(text, delimiter):
            line = number + skipped
            yield line, header.read(cells, f"{printable(table.name)}: line {line}")
    except UnicodeDecodeError:
        raise TableError(table, "cannot be read (its encoding): save it as UTF-8") from None
    except (csv.Error, OSError, MemoryError) as error:
        raise TableError(table, f"cannot be read ({reason(error)}): save it again") from None


@dataclass
class TableContents:
    """What the tables of a folder say of its sounds."""

    credits: dict[Path, Credits] = field(default_factory=dict)
    """By the sound's path in the folder, in the order of the tables."""
    lines: list[str] = field(default_factory=list)
    """What is wrong with their rows."""
    folders: list[Path] = field(default_factory=list)
    """Where tables lie: they speak for all that is beneath."""
    licensed: list[Path] = field(default_factory=list)
    """Where those with licences lie."""

    def covers(self, sound: Path) -> bool:
        """Whether a table speaks for the sound, be it by leaving it out."""
        return sound in self.credits or any(map(sound.is_relative_to, self.folders))

    def of(self, sound: Path) -> Credits:
        """What is said of a sound; of one in a row, but in none of a table with licences that lies
        beside or above, an empty licence."""
        told = self.credits.get(sound)
        if told and told.licence is None and any(map(sound.is_relative_to, self.licensed)):
            return replace(told, licence="")
        return told or Credits()


def read_tables(held: FolderContents) -> TableContents:
    """Read all tables of a folder. Raises TableError."""
    names, found = SoundLookup(held), TableContents()
    for table in held.tables:
        path, lines = held.folder / table, list[str]()
        shown = printable(str(path))
        met, licensed = set[Path](), False
        for line, told in rows(path):
            sound = names.find(told.file, table.parent)
            licensed = licensed or told.licence is not None
            said = printable(told.file, QUOTED) or "a row without a file"
            if sound is None:
                lines.append(f"{shown}: line {line}: {said} is not there: left out")
                continue
            if sound in met:
                lines.append(f"{shown}: line {line}: {said} comes twice: left out")
            met.add(sound)
            found.credits[sound] = (
                found.credits[sound].merged(told) if sound in found.credits else told
            )
        if licensed and not met:
            raise TableError(
                path,
                "none of the files that it names is there: correct its column of files, "
                "or move the CSV",
            )
        found.folders.append(table.parent)
        found.licensed += [table.parent] * licensed
        rest = len(lines) - MOST_LINES
        found.lines += lines[:MOST_LINES] + ([f"{shown}: and {rest} more such rows"] * (rest > 0))
    return found


def _text(table: Path) -> str:
    told = table.stat()
    if not stat.S_ISREG(told.st_mode):
        raise TableError(table, "is no file: remove it")
    if told.st_size > MOST_BYTES:
        raise TableError(table, f"is larger than {MOST_BYTES >> 20} MB: split it")
    data = table.read_bytes()
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data.decode(encoding)
    if b"\0" in data[:2]:
        return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le")
    try:
        return data.decode()
    except UnicodeDecodeError:
        if b"\xff" in data or b"\xfe" in data:  # all but never in a text, but in what is none
            raise
        return data.decode("cp1252")


def _reader(text: str, delimiter: str) -> Any:
    # A quote that is not closed would take all rows after it into one cell.
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _cells(text: str, delimiter: str) -> Iterator[tuple[int, dict[int, str]]]:
    """The number of each line after the first row that is not empty, and its cells."""
    reader = _reader(text, delimiter)
    next((cells for cells in reader if cells), None)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, dict(enumerate(cells))


def _names(text: str, delimiter: str) -> list[str]:
    """The first row that is not empty; none where this delimiter makes none."""
    try:
        return next((cells for cells in _reader(text, delimiter) if cells), [])
    except csv.Error:
        return []
