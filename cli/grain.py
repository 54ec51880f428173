"""`latentpad grain`: keeps the grain of a trained pack's recordings beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentpad.cli import completion
from latentpad.cli.errors import check_folder
from latentpad.cli.streams import say

if TYPE_CHECKING:
    from latentpad.models.packs.pack import Pack


def grain(
    pack: Annotated[
        str, typer.Argument(help="Pack, by name or folder.", autocompletion=completion.packs)
    ],
    sounds: Annotated[Path, typer.Argument(help="Folder or library that it was trained on.")],
) -> None:
    """Keep what the model misses of the recordings in a file beside the pack, for /grain."""
    from latentpad.models.packs import pack as packs

    loaded = packs.load(packs.find(pack))
    check_folder(loaded.path)
    keep(loaded, sounds)
    say(f"play it: latentpad play --pack {pack}, with /grain 1")


def keep(pack: Pack, sounds: Path) -> None:
    """Write grain.npy beside the pack, and say what came of it. Raises LatentpadError."""
    from latentpad.engine.decode.decoder import fastest_decoder
    from latentpad.models.packs.grain import FILE
    from latentpad.models.progress import Bar
    from latentpad.models.training import grain as grain_files

    with Bar() as bar:
        bar.report("starting up")
        decoder, _ = fastest_decoder(pack)
        count = grain_files.keep(pack, sounds, decoder.whole, say, bar.report)
    size = (pack.path / FILE).stat().st_size / 1e6
    say(f"{pack.path / FILE}: the grain of {count} of {len(pack.anchors)} sounds, {size:.0f} MB")
