"""Reading files of strangers: regular ones only, and of no more than a given size."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO


def regular(path: Path) -> BinaryIO:
    """Open a file to be read. Raises `OSError`, for a folder, a pipe or a device too: what is
    read there might never end."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe without a writer would wait
    except ValueError:  # a NUL in its name
        raise OSError("there is no file of such a name") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError("is no file")
    return os.fdopen(fd, "rb")


def read(path: Path, most: int) -> bytes:
    """All that the file holds. Raises `OSError`, and `OverflowError` where it is more than
    `most` bytes."""
    with regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OverflowError(f"is larger than {most >> 20} MB")
    return content
