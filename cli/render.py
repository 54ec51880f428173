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
    """Render the recording to `out`, which is replaced when all is done.

    `pack`, `library` and `seconds` replace those of the recording. Raises `TakeError`,
    `PresetError`, `PackError` or `LibraryError` for errors of the recording, and `OSError` if `out`
    cannot be written.
    """
    check(out, None)
    recording = GestureRecording(gestures)
    preset = _preset(recording, say)
    loaded = _pack(recording, preset, pack)
    loaded_library = _library(recording, loaded, library)
    same = recording.head.get("fingerprint") in (None, reference.fingerprint(loaded))
    if not same:
        say(
            f"note   {printable(str(gestures))} was played on another model than {loaded.path} has "
            "now: its gestures are played on this one"
        )
    from latentpad.engine.kernel_cache import on_compile
    from latentpad.engine.offline import OfflineRenderer, render

    on_compile(lambda kernels: say(compiling("render", kernels)))
    with Bar() as bar:
        bar.report("starting up")
        renderer = OfflineRenderer(
            loaded if loaded_library is None else as_pack(loaded, loaded_library),
            loaded_library,
            seed=recording.seed,
            sounds=recording.sounds and same,
            find_pack=lambda name: _other(name, recording.path.parent, loaded, loaded_library),
            rate=recording.rate,
            hop=recording.hop,
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
    for note in (note for model in renderer.models.values() for note in model.notes):
        say(f"note   {printable(note, MOST_REASON)}")
    for line in refused:
        say(f"not carried out: {printable(line, MOST_REASON)}")
    say(f"{printable(str(out))}: {length:.2f} s at {renderer.rate} Hz")


def _commands(preset: Preset | None) -> Sequence[tuple[str, Sequence[Argument]]]:
    return [] if preset is None else preset.commands()


def _preset(recording: GestureRecording, say: Say) -> Preset | None:
    """The recording's preset; None if it is lost and the recording has all values itself."""
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


def _pack(recording: GestureRecording, preset: Preset | None, requested: str | None) -> Pack:
    """The requested pack, else the recording's, else the preset's."""
    if requested is not None:
        return packs.load(packs.find(requested))
    name = recording.head.get("pack") or (None if preset is None else preset.pack)
    if name is None:
        raise TakeError(f"{recording.path}: names no pack: say which it is (--pack)")
    try:
        folder = reference.pack_folder(name, recording.path.parent)
    except PackError as error:
        raise PackError(
            f"{error}; {recording.path} was played on it: say where it is (--pack)"
        ) from None
    return packs.load(folder)


def _other(
    name: str, folder: Path, first: Pack, library: Library | None
) -> tuple[Pack, Library | None]:
    """The pack of a `/pack` in the recording; `first` is the one that it begins with, and has a
    library. Raises `PackError`."""
    path = reference.pack_folder(name, folder)
    if path.resolve() != first.path.resolve():
        return packs.load(path), None
    return (first, None) if library is None else (as_pack(first, library), library)


def _library(recording: GestureRecording, pack: Pack, requested: Path | None) -> Library | None:
    """The requested library, else the recording's."""
    if requested is not None:
        return open_(requested, pack)
    name = recording.head.get("library")
    if name is None:
        return None
    path = reference.resolve_path(name, recording.path.parent)
    if not header.is_library(path):
        raise TakeError(
            f"{path}: no library is there; {recording.path} was played on it: say where it is "
            "(--library)"
        )
    return open_(path, pack)
