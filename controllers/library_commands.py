"""`latentpad library`: fill a plane with sounds, look at what is there, jump to one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from models.library import Library

app = typer.Typer(help="Fill a plane with sounds, and look at what is there.", no_args_is_help=True)

Place = Annotated[Path, typer.Argument(help="Folder of the library; made if it is not there.")]
PackName = Annotated[str, typer.Option("--pack", help="Pack whose model places new sounds.")]
Link = Annotated[bool, typer.Option(help="Leave recordings where they are, do not copy them.")]
Cluster = Annotated[
    str | None, typer.Option(help="Encode on this Dask scheduler: tcp://HOST:PORT.")
]


@app.command()
def add(
    library: Place,
    folder: Annotated[Path, typer.Argument(help="Folder of sounds, with a CSV or without.")],
    pack: PackName = "footsteps",
    link: Link = False,
    dask: Cluster = None,
) -> None:
    """Place a folder of sounds. Started again, it goes on; no sound comes in twice."""
    with _refusing(), _opened(library, pack) as (place, say, progress):
        _told(place, place.add(folder, link=link, dask=dask, say=say, progress=progress))


@app.command()
def freesound(
    library: Place,
    query: Annotated[str, typer.Argument(help="What to look for.")],
    pack: PackName = "footsteps",
    most: Annotated[int, typer.Option(min=1, max=2000, help="At most so many sounds.")] = 200,
    tag: Annotated[str | None, typer.Option(help="Only sounds with this tag.")] = None,
    longest: Annotated[float, typer.Option(min=0.1, help="Only sounds up to so long, s.")] = 3.0,
    licence: Annotated[
        list[str] | None, typer.Option(help="Only this licence: CC0, CC BY ... Repeatable.")
    ] = None,
) -> None:
    """Place sounds from Freesound (freesound.org/apiv2/apply gives a key: FREESOUND_API_KEY)."""
    from models.freesound import collect

    with _refusing(), _opened(library, pack) as (place, say, progress):
        task = progress.add_task("fetching from Freesound", total=most)
        found = collect(
            query, duration=(0.05, longest), licences=tuple(licence or ("CC0", "CC BY")),
            tag=tag, most=most, say=say,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )  # fmt: skip
        _told(place, place.add_found(found, say=say, progress=progress))


@app.command("map")
def map_(
    library: Place,
    file: Annotated[Path, typer.Argument(help="JSON: results or a list of {id, name, mu, ...}.")],
    pack: PackName = "footsteps",
) -> None:
    """Place the sounds of a sound map, where it says they are."""
    with _refusing(), _opened(library, pack, encodes=False) as (place, say, progress):
        _told(place, place.add_map(file, say=say, progress=progress))


@app.command("list")
def list_(
    library: Place,
    pack: Annotated[str | None, typer.Option(help="Pack it was made for, if not by name.")] = None,
    sounds: Annotated[bool, typer.Option(help="Every sound with its number.")] = False,
) -> None:
    """What is in a library, and under which licences."""
    with _refusing():
        place = _existing(library, pack)
        for line in _listing(place, sounds):
            typer.echo(line)


@app.command()
def play(
    library: Place,
    sound: Annotated[str, typer.Argument(help="Number of a sound, or part of its name.")],
    pack: Annotated[str | None, typer.Option(help="Pack it was made for, if not by name.")] = None,
    osc_port: Annotated[int, typer.Option(min=1, max=65535, help="Of the instrument.")] = 9000,
) -> None:
    """Jump to a sound in the instrument that plays this library."""
    from controllers.osc import encode
    from models.library import LibraryError

    with _refusing():
        names = [str(name) for name in _existing(library, pack).anchors.names]
        if sound.isdecimal():
            rows = [int(sound)] if int(sound) < len(names) else []
        else:
            rows = [i for i, name in enumerate(names) if sound.lower() in name.lower()]
        if not rows:
            raise LibraryError(f"{library}: holds no sound {sound!r}: see latentpad library list")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(encode(f"/anchor/{rows[0]}"), ("127.0.0.1", osc_port))
        typer.echo(f"{rows[0]} {names[rows[0]]}")


@contextmanager
def _opened(
    path: Path, pack_name: str, encodes: bool = True
) -> Iterator[tuple[Library, Callable[[str], None], Progress]]:
    """The library, made if it is not there; how to say a line; a bar on the terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    from engine.process import hushed
    from models import library
    from models import pack as packs

    pack = packs.load(packs.find(pack_name))
    there = (path / "library.toml").is_file()
    place = library.open_(path, pack) if there else library.create(path, pack)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*columns, console=console) as progress:
        if encodes:
            with hushed():
                import keras  # noqa: F401  (its import takes seconds and speaks)

        yield place, lambda line: progress.console.print(line, markup=False), progress


def _existing(path: Path, pack_name: str | None) -> Library:
    from models import library
    from models import pack as packs

    pack = packs.load(packs.find(pack_name)) if pack_name is not None else None
    return library.open_(path, pack)


def _told(place: Library, added: Any) -> None:
    typer.echo(
        f"{place.path}: {added.added} sounds added, {added.known} were there, "
        f"{added.duplicates} twice the same, {added.refused} refused; {len(place)} in all"
    )
    if len(place):
        typer.echo(f"play it: latentpad play --library {place.path}")


def _listing(place: Library, sounds: bool) -> Iterator[str]:
    summary = place.summary()
    yield f"{place.path}: {summary.sounds} sounds, {summary.seconds:.0f} s, for {place.pack.name}"
    for what in ("origins", "licences", "labels"):
        counts = getattr(summary, what).items()
        yield f"{what}: " + ", ".join(f"{name or 'none'} {n}" for name, n in counts)
    if summary.without_recording:
        yield f"without a recording: {summary.without_recording}"
    if summary.not_for_training:
        yield f"not to be trained on: {summary.not_for_training}"
    if sounds:
        for number, (name, label) in enumerate(
            zip(place.anchors.names, place.anchors.labels, strict=True)
        ):
            yield f"{number:6d}  {name}  ({label})"


@contextmanager
def _refusing() -> Iterator[None]:
    from controllers.cli import refusing

    with refusing():
        yield
