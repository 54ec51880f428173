"""Which errors are the user's to mend: they end a command with one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def refusing(refused: type[Exception]) -> Iterator[None]:
    """Raise `refused` with the one line of any error that says what to do about it."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, _mendable()):
            raise
        raise refused(" ".join(str(error).split()) or type(error).__name__) from None


def _mendable() -> tuple[type[Exception], ...]:
    # Only now: some of what they come from takes seconds to import.
    from benchmarks.jack_server import JackError
    from controllers.learn import BindingsError
    from engine.session import EngineError
    from engine.stream import DeviceError
    from engine.takes import TakeError
    from models.adapting import ForeignError
    from models.audio import AudioError
    from models.dataset import DatasetError
    from models.freesound_client import FreesoundError
    from models.library_store import LibraryError
    from models.pack import PackError
    from models.sound_map import SoundMapError
    from presets.preset import PresetError

    return (
        AudioError, BindingsError, DatasetError, DeviceError, EngineError, ForeignError,
        FreesoundError, JackError, LibraryError, OSError, PackError, PresetError,
        SoundMapError, TakeError,
    )  # fmt: skip
