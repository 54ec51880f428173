"""Shell completion of names of presets and packs.

A shell runs this at each Tab and waits, so nothing heavy is imported here. If nothing fits, the
shell completes file names, as presets and packs may be files and folders.
"""

from __future__ import annotations

import os

from platformdirs import user_data_path

from latentpad.models.packs import names as pack_names
from latentpad.presets import names as files

BASH = "complete_bash"


def presets(incomplete: str) -> list[str]:
    """Names of presets that begin with `incomplete`, quoted for the shell."""
    names = files.factory_presets() | files.own_presets(files.user_folder())
    return [_quoted(name) for name in names if name.startswith(incomplete)]


def packs(incomplete: str) -> list[str]:
    """Names of packs that begin with `incomplete`."""
    folders = pack_names.folders(pack_names.SHIPPED, user_data_path("latentpad"))
    names = pack_names.names(folders)
    return [name for name in names if name.startswith(incomplete)]


def _quoted(name: str) -> str:
    """Quote a name for Bash, which inserts completions as they are; other shells quote them."""
    is_bash = os.environ.get("_LATENTPAD_COMPLETE") == BASH
    return name.replace(" ", "\\ ") if is_bash else name
