"""The recordings in a library's folder, and all writing and deleting of files there.

Nothing is written or deleted through a link: the files elsewhere may belong to somebody.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from latentpad.models.libraries.header import LibraryError
from latentpad.models.text import printable

COPIED = re.compile(r"[0-9a-f]{64}(\.\w+)?")  # names of recordings that were copied in
UNFINISHED = ".new-"


def check_own(folder: Path) -> None:
    """Raise LibraryError if a file beside the recordings is a link, and so not the library's."""
    with written(folder), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink() and entry.name != "audio":
                raise LibraryError(
                    f"{folder}: {printable(entry.name)} is a link: put the file itself there"
                )


def begin(folder: Path) -> None:
    """Before writing: delete what a killed writer has left. Raises LibraryError."""
    audio = folder / "audio"
    with written(folder):
        for left in [] if audio.is_symlink() else audio.glob(f"{UNFINISHED}*"):
            left.unlink(missing_ok=True)
        audio.mkdir(exist_ok=True)


def keep(folder: Path, digest: str, suffix: str, data: bytes) -> str:
    """Write a recording under its hash, as a whole or not at all; returns its path in the library.

    Raises LibraryError.
    """
    inside = f"audio/{digest}{suffix}"
    with written(folder):
        # A new file: an existing one, or a link, is never written to.
        new = folder / "audio" / f"{UNFINISHED}{digest}-{secrets.token_hex(4)}"
        with new.open("xb") as file:
            file.write(data)
        os.replace(new, folder / inside)
    return inside


def sweep(folder: Path, used: Collection[str]) -> None:
    """Delete the copied recordings that are not in `used`, paths in the library. Raises OSError."""
    audio = folder / "audio"
    for recording in [] if audio.is_symlink() else audio.iterdir():
        if COPIED.fullmatch(recording.name) and f"audio/{recording.name}" not in used:
            recording.unlink(missing_ok=True)


@contextmanager
def written(folder: Path, what: str = "written") -> Iterator[None]:
    """Turn an OSError into a LibraryError."""
    try:
        yield
    except OSError as error:
        raise LibraryError(f"{folder}: cannot be {what}: {error.strerror or error}") from None
