"""A sound file from another source, with its credits and permissions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FoundSound:
    """One readable sound file and where it came from.

    A sound with `may_train` False may be placed on the map and played, but no decoder learns
    from it.
    """

    id: str  # "freesound:123": the source, then its id there
    name: str
    author: str
    licence: str  # a short name, such as "CC BY 4.0"
    url: str  # the page to credit
    path: Path
    label: str
    may_train: bool
    duration: float  # seconds
