"""Checks before a command begins: can its results be written?"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryFile

from latentpad.models.errors import LatentpadError


class CommandRefused(LatentpadError):
    """A command cannot be carried out: one line with the reason."""


def check_folder(out: Path) -> None:
    """Raise `CommandRefused` unless files can be written to this folder, or it can be made."""
    existing = next((path for path in (out, *out.absolute().parents) if path.exists()), out)
    try:
        TemporaryFile(dir=existing).close()
    except OSError as error:
        raise CommandRefused(f"{out} cannot be written: {existing}: {error.strerror}") from None


def check_report(path: Path | None) -> None:
    """Raise `CommandRefused` unless a report can be written, before minutes of work."""
    if path is None:
        return
    if path.is_dir():
        raise CommandRefused(f"{path}: is a folder: name a file for the report")
    if not path.parent.is_dir():
        raise CommandRefused(f"{path.parent}: no such folder")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise CommandRefused(f"{path}: cannot be written")
