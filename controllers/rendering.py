"""`latentpad render`: a gesture recording with its preset and pack, to a WAV."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.takes import read_gestures
from models import pack as packs
from models.libraries.library import open_
from models.libraries.playable import as_pack
from presets.bank import Bank


def render_file(gestures: Path, out: Path, say: Callable[[str], None]) -> None:
    """Raises `TakeError`, `PresetError` or `PackError` for what is wrong with the recording."""
    head, messages = read_gestures(gestures)
    preset = Bank().load(str(head.get("preset", "walk")))
    pack = packs.load(packs.find(str(head.get("pack", preset.pack))))
    library = open_(str(head["library"]), pack) if "library" in head else None
    from rich.progress import Progress

    from engine.render import render

    with Progress(transient=True) as progress:
        task = progress.add_task("rendering", total=1.0)
        seconds, refused = render(
            pack if library is None else as_pack(pack, library),
            preset.commands(),
            messages,
            out,
            lambda share: progress.update(task, completed=share),
            library=library,
        )
    for line in refused:
        say(f"not carried out: {line}")
    say(f"{out}: {seconds:.2f} s at {pack.representation.sample_rate} Hz")
