"""The tables of a folder of sounds: CSV files of spreadsheets, databases and people."""

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
MOST_LINES = 20  # log lines about the rows of one table
QUOTED = 60  # characters of a cell that a message quotes
DELIMITERS = ",;\t|"
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, as it begins with the mark of that
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class TableError(LatentpadError):
    """A table that cannot be read: one line with its path, the reason and what to do."""

    def __init__(self, table: Path, why: str) -> None:
        super().__init__(f"{printable(str(table))}: {why}")


def rows(table: Path) -> Iterator[tuple[int, Credits]]:
    """Each row of a table with its line number. Raises TableError.

    Read as UTF-8 or, by its mark, UTF-16 or UTF-32, else as Windows-1252. The delimiter is the one
    that gives the most known columns. Missing cells of a short row are empty, extra cells are
    ignored.
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
            known = ", ".join(printable(name, QUOTED) for name in names[:12])
            raise TableError(
                table,
                f"has no column 'file' (its columns: {known or 'none'}): "
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
    """The contents of a folder's tables."""

    credits: dict[Path, Credits] = field(default_factory=dict)
    """By the sound's path in the folder, in the order of the tables."""
    lines: list[str] = field(default_factory=list)
    """Lines about faults of their rows."""
    folders: list[Path] = field(default_factory=list)
    """The folders of the tables, which cover all sounds in them."""
    licensed: list[Path] = field(default_factory=list)
    """The folders of tables with licences."""

    def covers(self, sound: Path) -> bool:
        """Whether a table covers the sound, also if the table does not name it."""
        return sound in self.credits or any(map(sound.is_relative_to, self.folders))

    def of(self, sound: Path) -> Credits:
        """The credits of a sound.

        An empty licence if it is in a row without a licence, or in no row, and a table with
        licences covers it.
        """
        credits = self.credits.get(sound)
        if credits and credits.licence is None and any(map(sound.is_relative_to, self.licensed)):
            return replace(credits, licence="")
        return credits or Credits()


def read_tables(folder: FolderContents) -> TableContents:
    """Read all tables of a folder. Raises TableError."""
    names, contents = SoundLookup(folder), TableContents()
    for table in folder.tables:
        path, lines = folder.folder / table, list[str]()
        path_text = printable(str(path))
        matched, licensed = set[Path](), False
        for line, credits in rows(path):
            sound = names.find(credits.file, table.parent)
            licensed = licensed or credits.licence is not None
            file_text = printable(credits.file, QUOTED) or "a row without a file"
            if sound is None:
                lines.append(f"{path_text}: line {line}: {file_text} is not there: left out")
                continue
            if sound in matched:
                lines.append(f"{path_text}: line {line}: {file_text} comes twice: left out")
            matched.add(sound)
            contents.credits[sound] = (
                contents.credits[sound].merged(credits) if sound in contents.credits else credits
            )
        if licensed and not matched:
            raise TableError(
                path,
                "none of the files that it names is there: correct its column of files, "
                "or move the CSV",
            )
        contents.folders.append(table.parent)
        contents.licensed += [table.parent] * licensed
        rest = len(lines) - MOST_LINES
        contents.lines += lines[:MOST_LINES] + (
            [f"{path_text}: and {rest} more such rows"] * (rest > 0)
        )
    return contents


def _text(table: Path) -> str:
    info = table.stat()
    if not stat.S_ISREG(info.st_mode):
        raise TableError(table, "is no file: remove it")
    if info.st_size > MOST_BYTES:
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
        if b"\xff" in data or b"\xfe" in data:  # almost never in text, but in other data
            raise
        return data.decode("cp1252")


def _reader(text: str, delimiter: str) -> Any:
    # Strict: an unclosed quote would take all later rows into one cell.
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _cells(text: str, delimiter: str) -> Iterator[tuple[int, dict[int, str]]]:
    """The line number and cells of each row after the heading."""
    reader = _reader(text, delimiter)
    next((cells for cells in reader if cells), None)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, dict(enumerate(cells))


def _names(text: str, delimiter: str) -> list[str]:
    """The heading: the first row that is not empty. [] if the delimiter does not fit."""
    try:
        return next((cells for cells in _reader(text, delimiter) if cells), [])
    except csv.Error:
        return []
