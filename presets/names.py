"""Which presets there are: names and files, read by nobody yet. Nothing heavy is imported, so that
a shell can complete them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from platformdirs import user_data_path

from latentpad.models.text import printable

MOST_TOLD = 1000  # characters of all names
FACTORY = Path(__file__).parent / "factory"


def user_folder() -> Path:
    """Where the performer's own presets are kept."""
    return user_data_path("latentpad") / "presets"


def factory_presets(folder: Path = FACTORY) -> dict[str, str]:
    """The files of the factory's presets by name, in the order of their numbers: `00-walk.toml` is
    `walk`, number 0."""
    return {re.sub(r"^\d+-", "", path.stem): str(path) for path in sorted(folder.glob("*.toml"))}


def own_presets(folder: Path) -> dict[str, str]:
    """The performer's: there may be many, and one may ask at every beat."""
    try:
        with os.scandir(folder) as found:
            paths = sorted(entry.path for entry in found if entry.name.endswith(".toml"))
    except OSError:  # none was saved yet
        return {}
    return {os.path.basename(path).removesuffix(".toml"): path for path in paths}


def listed(names: Iterable[str]) -> str:
    """Presets with their numbers, in one line."""
    return printable(", ".join(f"{number} {name}" for number, name in enumerate(names)), MOST_TOLD)
