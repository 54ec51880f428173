"""Which packs there are by name. Nothing heavy is imported, so that a shell can complete them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

SHIPPED = Path(__file__).parent


def folders(shipped: Path, user: Path) -> list[Path]:
    """Where packs are looked for by name: those shipped, then the user's own, among that one's
    data."""
    return [shipped, user / "packs"]


def names(folders: Iterable[Path]) -> list[str]:
    """Of all packs in these folders."""
    return sorted({path.parent.name for folder in folders for path in folder.glob("*/model.toml")})
