"""Writing so that a file is whole at any moment, whatever ends the writing."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


def create(wanted: Sequence[Path]) -> list[tuple[Path, int]]:
    """New files: (path, file descriptor) each. What is there already is never written over.

    Where one of the names is taken, all of them get ` (2)` after their stems, or ` (3)` and so
    on: files that belong together stay together. Raises `OSError`; then none is made.
    """
    for number in itertools.count(1):
        made: list[tuple[Path, int]] = []
        try:
            for path in wanted:
                if number > 1:
                    path = path.with_name(f"{path.stem} ({number}){path.suffix}")
                made.append((path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)))
            return made
        except OSError as error:
            for path, fd in made:
                os.close(fd)
                path.unlink()
            if not isinstance(error, FileExistsError):
                raise
    raise AssertionError("the numbers do not end")


def append(fd: int, data: bytes) -> None:
    """Write all of `data` at the end of the file or, where that fails, none of it.

    Raises `OSError`.
    """
    end = os.lseek(fd, 0, os.SEEK_END)
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(fd, rest) :]
    except OSError:
        with suppress(OSError):  # a disk that was pulled out takes nothing at all
            os.ftruncate(fd, end)
        raise


def check_exists(fd: int) -> None:
    """Raise `FileNotFoundError` if the file has no name any more: it is gone once it is closed."""
    if os.fstat(fd).st_nlink == 0:
        raise FileNotFoundError(2, "it was removed")


def temporary_path(path: Path) -> Path:
    """Where what is to replace `path` is written meanwhile, by this thread alone."""
    return path.with_name(f".{os.getpid()}-{threading.get_ident()}.part")


def replace(path: Path, data: bytes) -> None:
    """Put a file of `data` in the place of what is at `path`, if anything: a reader sees the one
    or the other. Raises `OSError`; then what was there is left."""
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
