"""`latentpad touchosc` and `latentpad open-stage-control`: layouts for touch programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentpad.cli import completion
from latentpad.cli.errors import CommandRefused, check_report
from latentpad.cli.streams import say

if TYPE_CHECKING:
    from latentpad.controllers.layouts.surface import Surface

Preset = Annotated[
    str, typer.Option(help="Preset whose values it shows.", autocompletion=completion.presets)
]
Pack = Annotated[
    str | None,
    typer.Option(
        help="Model pack other than the preset's: the mixer has its sounds.",
        autocompletion=completion.packs,
    ),
]
ReceivePort = Annotated[
    int, typer.Option(min=1024, max=65535, help="UDP port that the touch program receives on.")
]


def touchosc(
    file: Annotated[Path, typer.Argument(help="The layout to write, FILE.tosc.")],
    preset: Preset = "walk",
    pack: Pack = None,
    phone: Annotated[
        bool, typer.Option("--phone", help="For a phone that is held upright; else for a tablet.")
    ] = False,
    receive_port: ReceivePort = 9001,
) -> None:
    """Write a TouchOSC layout for a preset: a pad for ten fingers, and every parameter."""
    from latentpad.controllers.layouts import touchosc as layout

    _check(file, ".tosc", "TouchOSC")
    shape = layout.PHONE if phone else layout.TABLET
    file.write_bytes(layout.tosc(_surface(preset, pack, receive_port), shape))
    say(f"{file}: open it in TouchOSC on a {'phone' if phone else 'tablet'}")
    say(f"connection OSC 1: UDP, send port 9000, receive port {receive_port}; then press sync")


def open_stage_control(
    file: Annotated[Path, typer.Argument(help="The session to write, FILE.json.")],
    preset: Preset = "walk",
    pack: Pack = None,
    receive_port: ReceivePort = 8080,
) -> None:
    """Write a session of Open Stage Control for a preset: the same as the TouchOSC layout."""
    from latentpad.controllers.layouts import open_stage_control as layout

    _check(file, ".json", "Open Stage Control")
    file.write_text(layout.session(_surface(preset, pack, receive_port)), encoding="utf-8")
    say(f"{file}: open-stage-control --load {file} --send 127.0.0.1:9000; then press sync")


def _check(file: Path, suffix: str, program: str) -> None:
    if file.suffix != suffix:
        raise CommandRefused(f"{file}: {program} opens files whose names end in {suffix}")
    check_report(file)


def _surface(preset: str, pack: str | None, receive_port: int) -> Surface:
    from latentpad.controllers.layouts.surface import surface
    from latentpad.engine.planes import Planes
    from latentpad.models.packs.pack import find, load
    from latentpad.presets.bank import PresetBank

    bank = PresetBank()
    loaded = bank.load(preset)
    played = load(find(pack or loaded.pack))
    return surface(
        {**dict(loaded.commands()), "/preset": (bank.named(preset),)},
        bank.names(),
        played.anchors.labels.tolist(),
        Planes(played).names,
        receive_port=receive_port,
    )
