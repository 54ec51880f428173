"""Reads files from other people: regular files only, up to a given size."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO


def regular(path: Path) -> BinaryIO:
    """Open a file for reading. Raises `OSError`, also for a folder, a pipe or a device.

    Reading those might never end.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe without a writer would wait
    except ValueError:  # a NUL in its name
        raise OSError("there is no file of such a name") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError("is no file")
    return os.fdopen(fd, "rb")


def read(path: Path, most: int) -> bytes:
    """The contents of a file. Raises `OSError`, and `OverflowError` above `most` bytes."""
    with regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OverflowError(f"is larger than {most >> 20} MB")
    return content
