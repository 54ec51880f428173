"""Which errors are the user's to mend: they end a command with one clear line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile


class Refused(Exception):
    """What went wrong, in one line for the performer; exit status 1."""


def check_folder(out: Path) -> None:
    """Raise `Refused` unless files can be written to this folder, or it can be made."""
    there = next((path for path in (out, *out.absolute().parents) if path.exists()), out)
    try:
        TemporaryFile(dir=there).close()
    except OSError as error:
        raise Refused(f"{out} cannot be written: {there}: {error.strerror}") from None


@contextmanager
def refusing() -> Iterator[None]:
    """Raise `Refused` with the one line of any error that says what to do about it."""
    try:
        yield
    except OSError:  # says by itself which file, and why
        raise
    except Exception as error:
        if not isinstance(error, _mendable()):
            raise
        raise Refused(str(error) or type(error).__name__) from None


def check_report(path: Path | None) -> None:
    """Raise `Refused` where no text can be written, before minutes of work rather than after."""
    if path is None:
        return
    if path.is_dir():
        raise Refused(f"{path}: is a folder: name a file for the report")
    if not path.parent.is_dir():
        raise Refused(f"{path.parent}: no such folder")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise Refused(f"{path}: cannot be written")


def _mendable() -> tuple[type[Exception], ...]:
    # Only now: some of what they come from takes seconds to import.
    from latentpad.benchmarks.jack_server import JackError
    from latentpad.controllers.midi.learn import BindingsError
    from latentpad.engine.control.session import EngineError
    from latentpad.engine.control.takes import TakeError
    from latentpad.engine.parameters import CommandError
    from latentpad.engine.play.devices import DeviceError
    from latentpad.evaluation.paths import EvaluationError
    from latentpad.models.audio.reading import AudioError
    from latentpad.models.extras import ExtraError
    from latentpad.models.freesound.client import FreesoundError
    from latentpad.models.importing.layout import ForeignError
    from latentpad.models.libraries.store import LibraryError
    from latentpad.models.maps.projection import MapError
    from latentpad.models.packs.pack import PackError
    from latentpad.models.sources.sound_map import SoundMapError
    from latentpad.models.training.dataset import DatasetError
    from latentpad.presets.preset import PresetError

    return (
        AudioError, BindingsError, CommandError, DatasetError, DeviceError, EngineError,
        EvaluationError, ExtraError, ForeignError, FreesoundError, JackError, LibraryError,
        MapError, PackError, PresetError, SoundMapError, TakeError,
    )  # fmt: skip
