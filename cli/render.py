"""`latentpad render`: a gesture recording with its preset and pack, to a sound file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from latentpad.cli.messages import compiling
from latentpad.cli.recorded import Say, library_of, pack_named, pack_of, preset_of
from latentpad.engine.arguments import Argument
from latentpad.engine.control.takes import check
from latentpad.engine.gestures import GestureRecording
from latentpad.models.libraries.playable import as_pack
from latentpad.models.packs import reference
from latentpad.models.progress import Bar
from latentpad.models.text import MOST_REASON, printable
from latentpad.presets.preset import Preset


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
    preset = preset_of(recording, say)
    loaded = pack_of(recording, preset, pack)
    loaded_library = library_of(recording, loaded, library)
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
            find_pack=lambda name: pack_named(name, recording.path.parent, loaded, loaded_library),
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
