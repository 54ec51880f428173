"""Packages of the extras, and the commands that install them.

Playing needs none of them. Code that needs one imports it where it is used, and calls `check`
before it begins to work.
"""

from __future__ import annotations

import importlib.util
import shlex
import sys
from pathlib import Path

from latentpad.models.errors import LatentpadError

MAKING = "cpu"  # the extra with TensorFlow; setup.sh takes `gpu` instead where there is one
#: The extra of pyproject.toml that brings each package, by the name that it is imported by.
EXTRAS = {
    "aiohttp": MAKING,
    "distributed": "cluster",
    "keras": MAKING,
    "keyring": MAKING,
    "matplotlib": "train",
    "sdl2": "gamepad",
    "sklearn": MAKING,
    "tensorboardX": "train",
    "tensorflow": MAKING,
    "umap": "umap",
    "visqol": "evaluate",
    "yarl": MAKING,
}
SETUP = Path(__file__).resolve().parents[1] / "setup.sh"  # only a checkout has it


class ExtraError(LatentpadError):
    """A package is not installed: one line with the command that installs it."""


def installed(package: str) -> bool:
    """Whether a package can be imported. Imports nothing."""
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None  # not a folder that was left behind


def command(package: str) -> str:
    """The command that installs one of `EXTRAS` for this copy of Latentpad."""
    extra = EXTRAS[package]
    if SETUP.is_file():  # without an extra it brings TensorFlow
        return shlex.join([str(SETUP), *([] if extra == MAKING else [extra])])
    prefix = Path(sys.prefix)
    if (prefix / "pipx_metadata.json").is_file():
        install = ["pipx", "runpip", prefix.name, "install"]
    elif (prefix / "uv-receipt.toml").is_file():
        install = ["uv", "pip", "install", "--python", str(prefix)]
    else:
        install = ["pip", "install"]
    return shlex.join([*install, f"latentpad[{extra}]"])


def missing(package: str, what: str) -> str:
    """The line that begins with `what` ("a picture needs Matplotlib") and names the command."""
    return f"{what}, which is not installed: {command(package)}"


def check(package: str, what: str) -> None:
    """Raise ExtraError, the line of `missing`, if the package is not installed."""
    if not installed(package):
        raise ExtraError(missing(package, what))


def check_tensorflow(what: str) -> None:
    """Raise ExtraError ("WHAT needs TensorFlow, ...") if TensorFlow or Keras is not installed."""
    for package in ("tensorflow", "keras"):
        check(package, f"{what} needs TensorFlow")


def import_error_line(error: ImportError) -> str | None:
    """The line of `missing` for an import that failed because a package of an extra is not
    installed; None for any other."""
    package = (error.name or "").split(".")[0]
    if not isinstance(error, ModuleNotFoundError) or package not in EXTRAS or installed(package):
        return None
    return missing(package, f"this needs {package}")
