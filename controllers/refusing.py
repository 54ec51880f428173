"""Which errors are the user's to mend: they end a command with one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.jack_server import JackError
from controllers.learn import BindingsError
from engine.session import EngineError
from engine.stream import DeviceError
from engine.takes import TakeError
from models.audio import AudioError
from models.dataset import DatasetError
from models.pack import PackError
from presets.preset import PresetError

MENDABLE = (
    AudioError, BindingsError, DatasetError, DeviceError, EngineError, JackError, OSError,
    PackError, PresetError, TakeError,
)  # fmt: skip


@contextmanager
def refusing(refused: type[Exception]) -> Iterator[None]:
    """Raise `refused` with the one line of any error that says what to do about it."""
    try:
        yield
    except MENDABLE as error:
        raise refused(" ".join(str(error).split()) or type(error).__name__) from None
