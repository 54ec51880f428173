"""Names and files of presets. Nothing heavy is imported, so that a shell can complete them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from platformdirs import user_data_path

from latentpad.models.text import printable

MOST_LISTED = 1000  # characters of all names
FACTORY = Path(__file__).parent / "factory"


def user_folder() -> Path:
    """The folder of the user's own presets."""
    return user_data_path("latentpad") / "presets"


def factory_presets(folder: Path = FACTORY) -> dict[str, str]:
    """The factory's files by name, in the order of their numbers: `00-walk.toml` is `walk`."""
    return {re.sub(r"^\d+-", "", path.stem): str(path) for path in sorted(folder.glob("*.toml"))}


def own_presets(folder: Path) -> dict[str, str]:
    """The user's files by name. Fast, as there may be many and this may be called at every beat."""
    try:
        with os.scandir(folder) as entries:
            paths = sorted(entry.path for entry in entries if entry.name.endswith(".toml"))
    except OSError:  # none was saved yet
        return {}
    return {os.path.basename(path).removesuffix(".toml"): path for path in paths}


def listed(names: Iterable[str]) -> str:
    """The presets with their numbers, in one line."""
    return printable(
        ", ".join(f"{number} {name}" for number, name in enumerate(names)), MOST_LISTED
    )
