"""What a folder holds as people have them: its sounds, its tables, and what is passed over.

Links are followed, each folder and each file is met once, so a loop of links ends.
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
NAMED = 6  # kinds of what is passed over that a line names
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
    """Further names of a sound, of links to it, and the one in `sounds`."""
    passed: Counter[str] = field(default_factory=Counter)
    """How many of each kind are not taken."""
    unread: list[Path] = field(default_factory=list)
    """Those of them that may tell of licences."""

    def passed_over(self) -> str:
        """One line that counts what is not taken, and names what may be missed; "" if all is."""
        counts = sorted(self.passed.items(), key=lambda kind: (-kind[1], kind[0]))
        if not counts:
            return ""
        told = [f"{count} {kind}" for kind, count in counts[:NAMED]]
        rest = sum(count for _, count in counts[NAMED:])
        told += [f"{rest} of other kinds"] if rest else []
        line = f"{self.folder}: not taken: {', '.join(told)}"
        if not self.unread:
            return line
        first = printable(min(self.unread).as_posix(), MOST_NAME)
        more = f" and {len(self.unread) - 1} more" * (len(self.unread) > 1)
        return f"{line}; what {first}{more} may say of licences is not read: save it as CSV"


def scan_folder(folder: Path) -> FolderContents:
    """Look through `folder` and all beneath it. What cannot be opened is passed over.

    Not taken are other endings than `SUFFIXES`, hidden files and folders (the doubles that macOS
    leaves among them), what is no file, and sound libraries beneath the folder.
    """
    found = FolderContents(folder)
    met: dict[tuple[int, int], Path] = {}
    links: list[Path] = []
    _walk(found, Path(), met, links)
    # Afterwards, so that a file's own place is its name rather than a link to it.
    while links:
        _meet(found, links.pop(0), met, links)
    found.sounds.sort()
    found.tables.sort()
    return found


def _walk(
    found: FolderContents, inside: Path, met: dict[tuple[int, int], Path], links: list[Path]
) -> None:
    """Take in what lies in one folder and beneath it; links are put off."""
    waiting = [inside]
    while waiting:
        here = waiting.pop()
        try:
            entries = sorted(os.scandir(found.folder / here), key=lambda entry: entry.name)
            told = os.stat(found.folder / here)
        except OSError:
            found.passed["that cannot be opened"] += 1
            continue
        if (told.st_dev, told.st_ino) in met:
            continue
        met[told.st_dev, told.st_ino] = here
        if here != Path() and any(entry.name == "library.toml" for entry in entries):
            found.passed["sound library"] += 1
            continue
        for entry in entries:
            if _hidden(entry.name):
                found.passed["hidden"] += 1
            elif entry.is_symlink():
                links.append(here / entry.name)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(here / entry.name)
            else:
                _meet(found, here / entry.name, met, links)


def _meet(
    found: FolderContents, inside: Path, met: dict[tuple[int, int], Path], links: list[Path]
) -> None:
    """Take in one file, or what a link leads to."""
    try:
        told = os.stat(found.folder / inside)
    except OSError:
        found.passed["that leads nowhere"] += 1
        return
    if stat.S_ISDIR(told.st_mode):
        _walk(found, inside, met, links)
        return
    suffix = inside.suffix.lower()
    if suffix not in SUFFIXES | TABLES:
        found.passed[_kind(suffix)] += 1
        if suffix in SHEETS or TERMS.search(inside.stem):
            found.unread.append(inside)
    elif not stat.S_ISREG(told.st_mode):
        found.passed["that is no file"] += 1
    elif (first := met.get((told.st_dev, told.st_ino))) is not None:
        found.others[inside] = first
    else:
        met[told.st_dev, told.st_ino] = inside
        (found.sounds if suffix in SUFFIXES else found.tables).append(inside)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name in ("__MACOSX", "Icon\r")


def _kind(suffix: str) -> str:
    return printable(suffix, MOST_SUFFIX) if len(suffix) > 1 else "without an ending"


class SoundLookup:
    """The sounds of a folder by what a table from another system may call them."""

    def __init__(self, held: FolderContents) -> None:
        called = [(path, path) for path in held.sounds] + list(held.others.items())
        self._exact = {path.as_posix(): taken for path, taken in called}
        self._alike = _unique((_alike(path.as_posix()), taken) for path, taken in called)
        self._bare = _unique((_alike(path.name), taken) for path, taken in called)

    def find(self, said: str, beside: Path) -> Path | None:
        """The sound that a table in the folder `beside` calls `said`; None if there is none.

        A path from the table's folder or from the top one, whatever its capitals, separators and
        the way its accents are written. A bare name, or a path on another machine, is that of the
        one sound with this name.
        """
        plain = said.strip().replace("\\", "/")
        if not plain:
            return None
        for start in dict.fromkeys((beside, Path())):
            name = os.path.normpath((start / plain).as_posix())
            if name in self._exact:
                return self._exact[name]
            if (taken := self._alike.get(_alike(name))) is not None:
                return taken
        path = PurePosixPath(plain)
        elsewhere = path.is_absolute() or PureWindowsPath(plain).is_absolute()
        return self._bare.get(_alike(path.name)) if elsewhere or len(path.parts) == 1 else None


def _alike(name: str) -> str:
    """A name without what differs between systems: NFD on a Mac, ":" there for "/"."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return unicodedata.normalize("NFC", folded).replace(":", "/")


def _unique(named: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Each name that means one file, and that file."""
    found: dict[str, Path] = {}
    several: set[str] = set()
    for name, path in named:
        if found.setdefault(name, path) != path:
            several.add(name)
    return {name: path for name, path in found.items() if name not in several}
