"""`latentpad library`: fill a plane with sounds, see what is there, jump to one, remove some."""

from __future__ import annotations

import shlex
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentpad.cli import completion
from latentpad.cli.library_listing import MOST_NAMED, added_line, entry, listing, sound_count
from latentpad.cli.streams import say
from latentpad.controllers.osc.packet import PORT
from latentpad.models.libraries import STEPS

if TYPE_CHECKING:
    from latentpad.models.libraries.library import AddedCounts, Library
    from latentpad.models.packs.pack import Pack
    from latentpad.models.progress import Bar

app = typer.Typer(help="Fill a plane with sounds, and look at what is there.", no_args_is_help=True)

NewOrExisting = Annotated[
    Path, typer.Argument(help="Folder of the library; made if it is not there.")
]
Existing = Annotated[Path, typer.Argument(help="Folder of the library.")]
EncoderPack = Annotated[
    str | None,
    typer.Option(
        "--pack",
        help="Pack whose model places new sounds; else the library's own.",
        autocompletion=completion.packs,
    ),
]
MadeForPack = Annotated[
    str | None,
    typer.Option(
        "--pack",
        help="Pack it was made for, if not found by name.",
        autocompletion=completion.packs,
    ),
]
Again = Annotated[bool, typer.Option("--again", help="Also add sounds that were removed earlier.")]
Link = Annotated[bool, typer.Option(help="Link to the recordings instead of copying them.")]
Cluster = Annotated[
    str | None, typer.Option(help="Encode on this Dask scheduler: tcp://HOST:PORT.")
]

Steps = Annotated[
    int,
    typer.Option(
        "--refine", min=0, max=1000, metavar="STEPS",
        help="Steps that move each sound to where the model makes it best; 0: faster, coarser.",
    ),
]  # fmt: skip


@app.command()
def add(
    library: NewOrExisting,
    folder: Annotated[Path, typer.Argument(help="Folder of sounds, with a CSV or without.")],
    pack: EncoderPack = None,
    link: Link = False,
    again: Again = False,
    refine: Steps = STEPS,
    dask: Cluster = None,
) -> None:
    """Place a folder of sounds. It can be run again; no sound is added twice."""
    from latentpad.models import extras
    from latentpad.models.libraries.items import from_folder
    from latentpad.models.progress import Bar

    if dask is None:
        extras.check_tensorflow("placing sounds")
    with _filling(library, pack) as opened, Bar() as bar:
        items = from_folder(folder.expanduser(), say)
        if dask is None:
            _ready_to_encode(bar)
        added = opened.add(
            items, link=link, again=again, steps=refine, dask=dask, log=say, progress=bar
        )
    _print_added(opened, added, pack)


@app.command()
def freesound(
    library: NewOrExisting,
    query: Annotated[str, typer.Argument(help="What to look for.")],
    pack: EncoderPack = None,
    most: Annotated[int, typer.Option(min=1, max=2000, help="At most so many sounds.")] = 200,
    tag: Annotated[str | None, typer.Option(help="Only sounds with this tag.")] = None,
    longest: Annotated[float, typer.Option(min=0.1, help="Only sounds up to so long, s.")] = 3.0,
    licence: Annotated[
        list[str] | None, typer.Option(help="Only this licence: CC0, CC BY ... Repeatable.")
    ] = None,
    again: Again = False,
    refine: Steps = STEPS,
) -> None:
    """Place sounds from Freesound (freesound.org/apiv2/apply gives a key: FREESOUND_API_KEY).

    When the day's requests are used up, the sounds so far are placed; run the same command later.
    """
    from latentpad.models import extras

    extras.check_tensorflow("placing sounds")
    from latentpad.models.freesound.search import FreesoundError, collect
    from latentpad.models.libraries.items import from_sounds
    from latentpad.models.progress import Bar

    with _filling(library, pack) as opened, Bar() as bar:
        bar.report("fetching from Freesound")
        sounds_found = collect(
            query, duration=(0.05, longest), licences=tuple(licence or ("CC0", "CC BY")),
            tag=tag, most=most, log=say,
            progress=partial(bar.report, "fetching from Freesound"),
        )  # fmt: skip
        if not sounds_found:
            raise FreesoundError(f"Freesound finds nothing of this kind for {query!r}")
        _ready_to_encode(bar)
        items = list(from_sounds(sounds_found))
        added = opened.add(items, again=again, steps=refine, log=say, progress=bar)
    _print_added(opened, added, pack)


@app.command("map")
def map_(
    library: NewOrExisting,
    file: Annotated[Path, typer.Argument(help="JSON: results or a list of {id, name, mu, ...}.")],
    pack: EncoderPack = None,
    again: Again = False,
) -> None:
    """Place the sounds of a sound map at its positions."""
    from latentpad.models.progress import Bar

    with _filling(library, pack) as opened, Bar() as bar:
        bar.report("reading the map")
        added = opened.add_map(file, again=again, log=say, progress=bar)
    _print_added(opened, added, pack)


@app.command("list")
def list_(
    library: Existing,
    pack: MadeForPack = None,
    sounds: Annotated[
        bool, typer.Option("--sounds", help="Every sound: number, name, label, id, credits.")
    ] = False,
) -> None:
    """What is in a library, and under which licences."""
    opened = _existing(library, pack)
    lines = list(listing(opened, opened.summary()))
    lines += [entry(number, row) for number, row in enumerate(opened.rows() if sounds else ())]
    typer.echo("\n".join(lines))


@app.command()
def play(
    library: Existing,
    sound: Annotated[str, typer.Argument(help="Number of a sound, or part of its name.")],
    pack: MadeForPack = None,
    osc_port: Annotated[int, typer.Option(min=1, max=65535, help="Of the instrument.")] = PORT,
) -> None:
    """Hear a sound in the instrument that plays this library. `/pad/1/touch 0` releases it."""
    from latentpad.cli.streams import say
    from latentpad.controllers.osc import text
    from latentpad.controllers.osc.client import NobodyListens, ask
    from latentpad.controllers.osc.packet import encode, encode_bundle
    from latentpad.models.libraries.library import LibraryError

    names = [str(name) for name in _existing(library, pack).anchors.names]
    if sound.isdecimal():
        rows = [int(sound)] if int(sound) < len(names) else []
    else:
        rows = [i for i, name in enumerate(names) if sound.lower() in name.lower()]
    if not rows:
        raise LibraryError(f"{library}: holds no sound {sound!r}: see latentpad library list")
    # The touch is needed: the jump alone starts only a loop, and only once.
    jump = [encode(f"/anchor/{rows[0]}"), encode("/pad/1/touch", [1])]
    try:
        answers = ask(encode_bundle(jump), "127.0.0.1", osc_port)
    except NobodyListens:
        raise LibraryError(
            f"no instrument listens on port {osc_port}: latentpad play --library {library}"
        ) from None
    others = f"  (the first of {len(rows)})" if len(rows) > 1 else ""
    typer.echo(f"{rows[0]} {names[rows[0]]}{others}")
    for message in answers:  # for example, it plays another library
        say(text.line(message))


@app.command()
def remove(
    library: Existing,
    sounds: Annotated[
        list[str] | None, typer.Argument(help="Numbers or ids, as `list --sounds` tells them.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Only sounds with this label.")] = None,
    author: Annotated[str | None, typer.Option(help="Only sounds by this author.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    pack: MadeForPack = None,
) -> None:
    """Take sounds out. They stay out: adding their folder again needs --again to bring them back.

    The library's own copies are deleted; linked recordings, and yours, are left alone.
    """
    if not sounds and label is None and author is None:
        raise typer.BadParameter("name sounds by number or id, or a --label, or an --author")
    from latentpad.models.libraries import contents

    opened = _existing(library, pack)
    ids = set(contents.select_ids(library.expanduser(), sounds or (), label, author))
    rows = [(number, row) for number, row in enumerate(opened.rows()) if row.id in ids]
    for number, row in rows[:MOST_NAMED]:
        typer.echo(entry(number, row))
    if len(rows) > MOST_NAMED:
        typer.echo(f"... and {len(rows) - MOST_NAMED} more")
    if not (sounds or yes):
        typer.confirm(f"remove {sound_count(len(rows))}?", abort=True)
    removed_count = opened.remove(ids, log=typer.echo)
    first = rows[0][0]
    renumbered = (
        f"; the sounds after {first} have other numbers now: /anchor/K in presets and MIDI "
        "bindings means another"
    )
    summary = f"{opened.path}: {sound_count(removed_count)} removed, {len(opened)} left"
    typer.echo(summary + (renumbered if first < len(opened) else ""))
    typer.echo("an instrument that plays them does so until it is started again")


def _filling(path: Path, pack_name: str | None) -> AbstractContextManager[Library]:
    """The library, made if it does not exist, and removed again if it stays empty."""
    from latentpad.models.libraries import library

    return library.filling(path, _pack(pack_name))


def _existing(path: Path, pack_name: str | None) -> Library:
    from latentpad.models.libraries import library

    return library.open_(path, _pack(pack_name))


def _pack(name: str | None) -> Pack | None:
    from latentpad.models.packs import pack as packs

    return None if name is None else packs.load(packs.find(name))


def _ready_to_encode(bar: Bar) -> None:
    from latentpad.engine.process import stderr_silenced

    bar.report("starting up")
    with stderr_silenced():
        import keras  # noqa: F401  (its import takes seconds and prints)
    bar.done()


def _print_added(opened: Library, added: AddedCounts, pack_name: str | None) -> None:
    from latentpad.models.libraries.library import LibraryError

    if not len(opened):
        raise LibraryError(f"{opened.path}: {added_line(added)}: no sounds to play")
    typer.echo(f"{opened.path}: {added_line(added)}; {len(opened)} in all")
    words = ["latentpad", "play", "--library", str(opened.path)]
    if pack_name not in (None, opened.pack.name):  # otherwise it is found by its name
        words += ["--pack", str(pack_name)]
    typer.echo(f"play it: {shlex.join(words)}")
