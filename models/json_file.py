"""Reading JSON from strangers: bounded, and what is wrong in one line."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any


def read(path: Path, most: int, advice: str, error: type[Exception]) -> Any:
    """What the file holds. Raises `error`, with `advice` if it is larger than `most` bytes."""
    try:
        told = path.stat()
        if not stat.S_ISREG(told.st_mode):  # a pipe or a device might never end
            raise error(f"{path}: cannot be read: is no file")
        if told.st_size > most:
            raise error(f"{path}: is larger than {most >> 20} MB: {advice}")
        return json.loads(path.read_bytes())
    except OSError as fault:
        raise error(f"{path}: cannot be read: {fault.strerror or fault}") from None
    except (ValueError, RecursionError) as fault:
        raise error(f"{path}: is not valid JSON: {str(fault).splitlines()[0]}") from None
