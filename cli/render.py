"""`latentpad render`: a gesture recording with its preset and pack, to a sound file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from latentpad.cli.messages import compiling
from latentpad.engine.arguments import Argument
from latentpad.engine.control.takes import check
from latentpad.engine.gestures import GestureRecording, TakeError
from latentpad.models.libraries import header
from latentpad.models.libraries.library import Library, open_
from latentpad.models.libraries.playable import as_pack
from latentpad.models.packs import pack as packs
from latentpad.models.packs import reference
from latentpad.models.packs.pack import Pack, PackError
from latentpad.models.progress import Bar
from latentpad.models.text import MOST_REASON, printable
from latentpad.presets.bank import PresetBank
from latentpad.presets.preset import Preset, PresetError

Say = Callable[[str], None]


def render_file(
    gestures: Path,
    out: Path,
    say: Say,
    *,
    pack: str | None = None,
    library: Path | None = None,
    seconds: float | None = None,
) -> None:
    """Write what the recording sounds like; `out` is replaced when all is done.

    `pack` and `library` stand in for those that it names, `seconds` for the length that it says.
    Raises `TakeError`, `PresetError`, `PackError` or `LibraryError` for what is wrong with the
    recording, and `OSError` where `out` cannot be written.
    """
    check(out, None)
    recording = GestureRecording(gestures)
    preset = _preset(recording, say)
    found = _pack(recording, preset, pack)
    opened = _library(recording, found, library)
    same = recording.head.get("fingerprint") in (None, reference.fingerprint(found))
    if not same:
        say(
            f"note   {printable(str(gestures))} was played on another model than {found.path} has "
            "now: its gestures are played on this one"
        )
    from latentpad.engine.kernel_cache import on_compile
    from latentpad.engine.offline import OfflineRenderer, render

    on_compile(lambda kernels: say(compiling("render", kernels)))
    with Bar() as bar:
        bar.report("starting up")
        renderer = OfflineRenderer(
            found if opened is None else as_pack(found, opened),
            opened,
            seed=recording.seed,
            sounds=recording.sounds and same,
        )
        length, refused = render(
            renderer,
            _commands(preset),
            recording,
            out,
            seconds,
            lambda share: bar.report("rendering", share, 1),
        )
    if recording.truncated:
        say(f"note   {printable(str(gestures))}: its last line is cut off and left out")
    for line in refused:
        say(f"not carried out: {printable(line, MOST_REASON)}")
    say(f"{printable(str(out))}: {length:.2f} s at {found.representation.sample_rate} Hz")


def _commands(preset: Preset | None) -> Sequence[tuple[str, Sequence[Argument]]]:
    return [] if preset is None else preset.commands()


def _preset(recording: GestureRecording, say: Say) -> Preset | None:
    """The one it names; None where that is lost, and the recording brings every value itself."""
    name, folder = recording.head.get("preset", "walk"), recording.path.parent
    if reference.is_path(name) and (path := reference.resolve_path(name, folder)).is_file():
        name = str(path)
    try:
        return PresetBank().load(name)
    except PresetError as error:
        if not recording.self_contained:
            raise
        say(f"note   {printable(str(error), MOST_REASON)}; the take has its values all the same")
    return None


def _pack(recording: GestureRecording, preset: Preset | None, asked: str | None) -> Pack:
    """What is asked for, else the recording's own, else the preset's."""
    if asked is not None:
        return packs.load(packs.find(asked))
    named = recording.head.get("pack") or (None if preset is None else preset.pack)
    if named is None:
        raise TakeError(f"{recording.path}: names no pack: say which it is (--pack)")
    try:
        found = reference.pack_folder(named, recording.path.parent)
    except PackError as error:
        raise PackError(
            f"{error}; {recording.path} was played on it: say where it is (--pack)"
        ) from None
    return packs.load(found)


def _library(recording: GestureRecording, pack: Pack, asked: Path | None) -> Library | None:
    """What is asked for, else the recording's own."""
    if asked is not None:
        return open_(asked, pack)
    named = recording.head.get("library")
    if named is None:
        return None
    path = reference.resolve_path(named, recording.path.parent)
    if not header.is_library(path):
        raise TakeError(
            f"{path}: no library is there; {recording.path} was played on it: say where it is "
            "(--library)"
        )
    return open_(path, pack)
