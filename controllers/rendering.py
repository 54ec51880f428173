"""`latentpad render`: a gesture recording with its preset and pack, to a sound file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from controllers.telling import compiling
from engine.gestures import Gestures
from engine.takes import check
from models import pack as packs
from models.libraries.library import open_
from models.libraries.playable import as_pack
from models.line import MOST_REASON, printable
from models.progress import Bar
from presets.bank import Bank


def render_file(gestures: Path, out: Path, say: Callable[[str], None]) -> None:
    """Write what the recording sounds like; `out` is replaced when all is done.

    Raises `TakeError`, `PresetError`, `PackError` or `LibraryError` for what is wrong with the
    recording, and `OSError` where `out` cannot be written.
    """
    check(out, None)
    recording = Gestures(gestures)
    head = recording.head
    preset = Bank().load(head.get("preset", "walk"))
    pack = packs.load(packs.find(head.get("pack", preset.pack)))
    library = open_(head["library"], pack) if "library" in head else None
    from engine.kernels import attend
    from engine.render import render

    attend(lambda kernels: say(compiling("render", kernels)))
    with Bar() as bar:
        bar.tell("starting up")
        seconds, refused = render(
            pack if library is None else as_pack(pack, library),
            preset.commands(),
            recording,
            recording.seconds,
            out,
            lambda share: bar.tell("rendering", share, 1),
            library=library,
            told=recording.told,
        )
    if recording.cut:
        say(f"note   {printable(str(gestures))}: its last line is cut off and left out")
    for line in refused:
        say(f"not carried out: {printable(line, MOST_REASON)}")
    say(f"{printable(str(out))}: {seconds:.2f} s at {pack.representation.sample_rate} Hz")
