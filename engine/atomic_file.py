"""Writes files so that each is complete or absent, even if the program is killed."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


def create(paths: Sequence[Path]) -> list[tuple[Path, int]]:
    """New files, as (path, file descriptor) each. An existing file is never overwritten.

    If one of the names is taken, all of them get ` (2)` after their stems, or ` (3)` and so on, so
    that files that belong together keep the same number. Raises `OSError`; then no file is made.
    """
    for number in itertools.count(1):
        files: list[tuple[Path, int]] = []
        try:
            for path in paths:
                if number > 1:
                    path = path.with_name(f"{path.stem} ({number}){path.suffix}")
                files.append((path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)))
            return files
        except OSError as error:
            for path, fd in files:
                os.close(fd)
                path.unlink()
            if not isinstance(error, FileExistsError):
                raise
    raise AssertionError("the numbers do not end")


def append(fd: int, data: bytes) -> None:
    """Write all of `data` to the end of the file, or none of it. Raises `OSError`."""
    end = os.lseek(fd, 0, os.SEEK_END)
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(fd, rest) :]
    except OSError:
        with suppress(OSError):  # the disk may have been removed
            os.ftruncate(fd, end)
        raise


def check_exists(fd: int) -> None:
    """Raise `FileNotFoundError` if the file was deleted: its data would be lost when it is
    closed."""
    if os.fstat(fd).st_nlink == 0:
        raise FileNotFoundError(2, "it was removed")


def temporary_path(path: Path) -> Path:
    """The path of the temporary file that is to replace `path`, unique to this thread."""
    return path.with_name(f".{os.getpid()}-{threading.get_ident()}.part")


def replace(path: Path, data: bytes) -> None:
    """Write `data` to `path`. A reader sees the old file or the new one. Raises `OSError`; then the
    old file is left."""
    draft = temporary_path(path)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        append(fd, data)
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
