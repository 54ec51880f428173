"""Packages of the extras, and the commands that install them.

Playing and importing need none of them. Code that needs one imports it where it is used, and calls
`check` before it begins to work.
"""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path

from latentpad.models.errors import LatentpadError

#: The extra of pyproject.toml that brings each package, by the name that it is imported by.
EXTRAS = {
    "distributed": "cluster",
    "matplotlib": "train",
    "tensorboardX": "train",
    "umap": "umap",
    "visqol": "evaluate",
}
SETUP = Path(__file__).resolve().parents[1] / "setup.sh"  # only a checkout has it


class ExtraError(LatentpadError):
    """A package is not installed: one line with the command that installs it."""


def installed(package: str) -> bool:
    """Whether a package can be imported. Imports nothing."""
    return importlib.util.find_spec(package) is not None


def command(package: str) -> str:
    """The command that installs one of `EXTRAS` for this copy of Latentpad."""
    extra = EXTRAS[package]
    if SETUP.is_file():
        return f"{shlex.quote(str(SETUP))} {extra}"
    return f"pip install 'latentpad[{extra}]'"


def check(package: str, what: str) -> None:
    """Raise ExtraError, which begins with `what` ("a picture needs Matplotlib"), if not
    installed."""
    if not installed(package):
        raise ExtraError(f"{what}, which is not installed: {command(package)}")
