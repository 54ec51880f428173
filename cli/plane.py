"""`latentpad plane`: adds a plane to a pack."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from latentpad.cli import completion
from latentpad.cli.errors import check_folder
from latentpad.cli.streams import say


def plane(
    pack: Annotated[
        str,
        typer.Argument(
            help="Pack, by name or folder; or a library.", autocompletion=completion.packs
        ),
    ],
    name: Annotated[str, typer.Argument(help="learned, map (t-SNE), umap, or descriptors.")],
    sounds: Annotated[
        Path | None, typer.Option(help="Folder it was trained on, to measure descriptors on.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same map.")] = 0,
    default: Annotated[
        bool, typer.Option("--default", help="Make it the pack's default plane.")
    ] = False,
) -> None:
    """Add a plane to a pack: a map of its latents, or what its sounds are like."""
    from latentpad.models.packs import pack as packs
    from latentpad.models.progress import Bar

    if (Path(pack) / "library.toml").is_file():
        _of_library(Path(pack), name, seed)
        return
    loaded = packs.load(packs.find(pack))
    check_folder(loaded.path)
    from latentpad.cli.messages import compiling
    from latentpad.engine.kernel_cache import on_compile
    from latentpad.engine.process import stderr_silenced
    from latentpad.models.maps import picture, planes

    on_compile(lambda kernels: say(compiling("plane", kernels)))
    began = monotonic()
    with Bar() as bar, stderr_silenced():
        new_pack = planes.add(
            loaded, name, sounds=sounds, seed=seed, default=default, progress=bar.report
        )
    took = monotonic() - began
    say(f"{new_pack.path}: {len(new_pack.anchors)} sounds on the plane {name}, in {took:.0f} s")
    if new_pack.default_plane == name:
        say(f"which sound lies where: {new_pack.path / picture.FILE}")
    say(f"play it: latentpad play --pack {pack} --plane {name}")
    if name == packs.DESCRIBED:
        axes = ", ".join(new_pack.described)
        say(f"any two of {axes}: --axes X Y, or /axes X Y while playing")


def _of_library(folder: Path, name: str, seed: int) -> None:
    from latentpad.models.libraries import library
    from latentpad.models.progress import Bar

    if name != "map":
        raise library.LibraryError(
            f"{folder}: only a map can be its own; its other planes are those of its pack"
        )
    check_folder(folder)
    opened = library.open_(folder)
    with Bar() as bar:
        bar.report("drawing its map")
        opened.refit(seed)
    say(f"{folder}: {len(opened)} sounds on a map of their own, until more come in")
