"""Packages of the extras: playing and importing need none of them, the rest is told what does.

Whoever needs one imports it where it is used, and says before any work what is missing.
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
    """Raise ExtraError where `what` ("a card's pictures need matplotlib") can not be had."""
    if not installed(package):
        raise ExtraError(f"{what}, which is not installed: {command(package)}")
