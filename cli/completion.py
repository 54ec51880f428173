"""What a shell completes beside commands and options: presets and packs by their names.

A shell asks at each Tab and waits, so that nothing heavy is imported here. Where nothing fits,
shells complete files, which presets and packs may be, too.
"""

from __future__ import annotations

import os

from platformdirs import user_data_path

from latentpad.models.packs import names as pack_names
from latentpad.presets import names as files

BASH = "complete_bash"


def presets(incomplete: str) -> list[str]:
    """Names of presets that begin so, as the shell that asks wants them."""
    there = files.factory_presets() | files.own_presets(files.user_folder())
    return [_typed(name) for name in there if name.startswith(incomplete)]


def packs(incomplete: str) -> list[str]:
    """Names of packs that begin so."""
    folders = pack_names.folders(pack_names.SHIPPED, user_data_path("latentpad"))
    there = pack_names.names(folders)
    return [name for name in there if name.startswith(incomplete)]


def _typed(name: str) -> str:
    """Bash puts a completion into the line as it is; the others quote it themselves."""
    asking = os.environ.get("_LATENTPAD_COMPLETE") == BASH
    return name.replace(" ", "\\ ") if asking else name
