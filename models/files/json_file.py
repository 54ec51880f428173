"""Reads JSON from other people: bounded, with errors in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from latentpad.models.files import bounded
from latentpad.models.text import reason


def read(path: Path, most: int, advice: str, error: type[Exception]) -> Any:
    """The parsed file. Raises `error`, with `advice` if it is larger than `most` bytes."""
    try:
        return json.loads(bounded.read(path, most))
    except OverflowError as fault:
        raise error(f"{path}: {fault}: {advice}") from None
    except OSError as fault:
        raise error(f"{path}: cannot be read: {fault.strerror or fault}") from None
    except (ValueError, RecursionError) as fault:
        raise error(f"{path}: is not valid JSON: {reason(fault)}") from None
