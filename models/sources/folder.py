"""The contents of a folder of sounds: its sounds, its tables, and what is skipped.

Links are followed. Each folder and each file is visited once, so a loop of links ends.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

from latentpad.models.text import printable

SUFFIXES = frozenset({".wav", ".flac", ".aif", ".aiff", ".ogg", ".mp3", ".opus", ".caf", ".w64"})
TABLES = frozenset({".csv", ".tsv"})
NAMED = 6  # kinds of skipped files that a line names
MOST_SUFFIX = 12  # characters
MOST_NAME = 100
SHEETS = frozenset({".xlsx", ".xls", ".xlsm", ".ods", ".numbers"})
TERMS = re.compile(r"licen[cs]e|copying|copyright|credits|attribution", re.IGNORECASE)


@dataclass
class FolderContents:
    """The content of a folder; all paths are relative to it, in a fixed order."""

    folder: Path
    sounds: list[Path] = field(default_factory=list)
    tables: list[Path] = field(default_factory=list)
    others: dict[Path, Path] = field(default_factory=dict)
    """Further names of a sound, from links to it, and its name in `sounds`."""
    skipped: Counter[str] = field(default_factory=Counter)
    """The number of skipped files of each kind."""
    unread: list[Path] = field(default_factory=list)
    """Skipped files that may contain licences."""

    def skipped_line(self) -> str:
        """One line that counts what is skipped, and names what may be missed; "" if nothing is."""
        counts = sorted(self.skipped.items(), key=lambda kind: (-kind[1], kind[0]))
        if not counts:
            return ""
        parts = [f"{count} {kind}" for kind, count in counts[:NAMED]]
        rest = sum(count for _, count in counts[NAMED:])
        parts += [f"{rest} of other kinds"] if rest else []
        line = f"{self.folder}: not taken: {', '.join(parts)}"
        if not self.unread:
            return line
        first = printable(min(self.unread).as_posix(), MOST_NAME)
        more = f" and {len(self.unread) - 1} more" * (len(self.unread) > 1)
        return f"{line}; what {first}{more} may say of licences is not read: save it as CSV"


def scan_folder(folder: Path) -> FolderContents:
    """Look through `folder` and its subfolders. What cannot be opened is skipped.

    Skipped are other endings than `SUFFIXES`, hidden files and folders (also those of macOS), what
    is no file, and sound libraries in the folder.
    """
    contents = FolderContents(folder)
    visited: dict[tuple[int, int], Path] = {}
    links: list[Path] = []
    _walk(contents, Path(), visited, links)
    # Afterwards, so that a file's name is its own path and not that of a link.
    while links:
        _add(contents, links.pop(0), visited, links)
    contents.sounds.sort()
    contents.tables.sort()
    return contents


def _walk(
    contents: FolderContents, inside: Path, visited: dict[tuple[int, int], Path], links: list[Path]
) -> None:
    """Add the contents of a folder and its subfolders; links are collected for later."""
    waiting = [inside]
    while waiting:
        relative = waiting.pop()
        try:
            entries = sorted(os.scandir(contents.folder / relative), key=lambda entry: entry.name)
            info = os.stat(contents.folder / relative)
        except OSError:
            contents.skipped["that cannot be opened"] += 1
            continue
        if (info.st_dev, info.st_ino) in visited:
            continue
        visited[info.st_dev, info.st_ino] = relative
        if relative != Path() and any(entry.name == "library.toml" for entry in entries):
            contents.skipped["sound library"] += 1
            continue
        for entry in entries:
            if _hidden(entry.name):
                contents.skipped["hidden"] += 1
            elif entry.is_symlink():
                links.append(relative / entry.name)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(relative / entry.name)
            else:
                _add(contents, relative / entry.name, visited, links)


def _add(
    contents: FolderContents, inside: Path, visited: dict[tuple[int, int], Path], links: list[Path]
) -> None:
    """Add a file, or the target of a link."""
    try:
        info = os.stat(contents.folder / inside)
    except OSError:
        contents.skipped["that leads nowhere"] += 1
        return
    if stat.S_ISDIR(info.st_mode):
        _walk(contents, inside, visited, links)
        return
    suffix = inside.suffix.lower()
    if suffix not in SUFFIXES | TABLES:
        contents.skipped[_kind(suffix)] += 1
        if suffix in SHEETS or TERMS.search(inside.stem):
            contents.unread.append(inside)
    elif not stat.S_ISREG(info.st_mode):
        contents.skipped["that is no file"] += 1
    elif (first := visited.get((info.st_dev, info.st_ino))) is not None:
        contents.others[inside] = first
    else:
        visited[info.st_dev, info.st_ino] = inside
        (contents.sounds if suffix in SUFFIXES else contents.tables).append(inside)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name in ("__MACOSX", "Icon\r")


def _kind(suffix: str) -> str:
    return printable(suffix, MOST_SUFFIX) if len(suffix) > 1 else "without an ending"


class SoundLookup:
    """The sounds of a folder by the names that a table from another system may give them."""

    def __init__(self, contents: FolderContents) -> None:
        named = [(path, path) for path in contents.sounds] + list(contents.others.items())
        self._exact = {path.as_posix(): sound for path, sound in named}
        self._alike = _unique((_normalised(path.as_posix()), sound) for path, sound in named)
        self._bare = _unique((_normalised(path.name), sound) for path, sound in named)

    def find(self, name: str, beside: Path) -> Path | None:
        """The sound that a table in the folder `beside` calls `name`; None if there is none.

        `name` is a path from the table's folder or from the top one; capitals, separators and the
        encoding of accents do not matter. A bare name, or a path of another machine, is matched
        by the file's name if only one sound has it.
        """
        plain = name.strip().replace("\\", "/")
        if not plain:
            return None
        for start in dict.fromkeys((beside, Path())):
            path_name = os.path.normpath((start / plain).as_posix())
            if path_name in self._exact:
                return self._exact[path_name]
            if (sound := self._alike.get(_normalised(path_name))) is not None:
                return sound
        path = PurePosixPath(plain)
        elsewhere = path.is_absolute() or PureWindowsPath(plain).is_absolute()
        return self._bare.get(_normalised(path.name)) if elsewhere or len(path.parts) == 1 else None


def _normalised(name: str) -> str:
    """A name without differences between systems: on a Mac NFD, and ":" for "/"."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return unicodedata.normalize("NFC", folded).replace(":", "/")


def _unique(named: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """The names that mean one file only, and that file."""
    unique: dict[str, Path] = {}
    ambiguous: set[str] = set()
    for name, path in named:
        if unique.setdefault(name, path) != path:
            ambiguous.add(name)
    return {name: path for name, path in unique.items() if name not in ambiguous}
