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
    from benchmarks.jack_server import JackError
    from controllers.learn import BindingsError
    from engine.devices import DeviceError
    from engine.parameters import CommandError
    from engine.session import EngineError
    from engine.takes import TakeError
    from evaluation.ways import EvaluationError
    from models.audio import AudioError
    from models.extras import ExtraError
    from models.foreign.layout import ForeignError
    from models.freesound.client import FreesoundError
    from models.libraries.store import LibraryError
    from models.maps import MapError
    from models.pack import PackError
    from models.sound_map import SoundMapError
    from models.training.dataset import DatasetError
    from presets.preset import PresetError

    return (
        AudioError, BindingsError, CommandError, DatasetError, DeviceError, EngineError,
        EvaluationError, ExtraError, ForeignError, FreesoundError, JackError, LibraryError,
        MapError, PackError, PresetError, SoundMapError, TakeError,
    )  # fmt: skip
