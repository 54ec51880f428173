"""Names of packs. Nothing heavy is imported, so that a shell can complete them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

SHIPPED = Path(__file__).parent


def folders(shipped: Path, user: Path) -> list[Path]:
    """Where packs are searched by name: the shipped ones, then `packs` in the user's data
    folder."""
    return [shipped, user / "packs"]


def names(folders: Iterable[Path]) -> list[str]:
    """The names of all packs in these folders."""
    return sorted({path.parent.name for folder in folders for path in folder.glob("*/model.toml")})
