"""An instrument without processes; generated sounds and a small pack made of them."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import sys
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import settings

from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.instrument import Instrument
from latentpad.models import decode_cost
from latentpad.models.packs import pack
from latentpad.models.representation import Representation
from tests import forking
from tests.alone import shared
from tests.limits import limits

# Laws are tried on the same draws each time, so that a failure is of the change and not of luck.
# Whether a law holds does not depend on how busy the machine is, so no draw has a deadline.
settings.register_profile("same", deadline=None, derandomize=True)
# Other draws each time: `make laws`, and the long form of tests that have one.
settings.register_profile("random", deadline=None, print_blob=True)
settings.register_profile("long", settings.get_profile("random"), max_examples=1000)
settings.load_profile(os.environ.get("LATENTPAD_DRAWS", "same"))


def pytest_configure() -> None:
    """Whoever runs the tests may ignore signals, as `nohup` and a shell's background jobs do: what
    they start would ignore them too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # Programs are started as a user has them, with buffers and with compiled modules: without
    # these, each of some hundred processes compiles the sources again, and each run the tests.
    os.environ.pop("PYTHONUNBUFFERED", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def pytest_collectstart() -> None:
    """Garbage collection would take a fifth of the time in which the tests are collected: much is
    imported, and none of it is garbage."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long begin first, those that listen come last."""
    items.sort(key=_order)


def _order(item: pytest.Item) -> int:
    early, listens = (item.get_closest_marker(name) is not None for name in ("early", "listens"))
    return listens - early


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Each worker's test shares the lock that `alone` has for itself."""
    with shared():
        return (yield)


def pytest_collection_finish() -> None:
    """What was imported stays to the end, and TensorFlow's half a million objects need not be
    looked at by each of the garbage collections that Keras' `clear_session` asks for."""
    gc.freeze()
    gc.enable()


SMALL = Representation(sample_rate=16000, n_fft=256, hop=128, frames=32, range_db=80.0)


@pytest.fixture
def instrument() -> Instrument:
    return Instrument(
        Board(BoardShape(frames=8, bins=9, samples=256, sample_rate=48000)),
        limits(4, ("raw", "principal", "map")),
        clock=time.monotonic,
    )


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve decaying sounds in two folders, tones and noises."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(0)
    time = np.arange(4096) / 16000
    for i in range(12):
        kind = "tone" if i % 2 else "noise"
        carrier = np.sin(2 * np.pi * 300 * (i + 1) * time) if i % 2 else rng.normal(size=4096)
        (folder / kind).mkdir(exist_ok=True)
        sound = 0.1 * carrier * np.exp(-time * (10 + 5 * i)) * (time > 0.01)
        soundfile.write(folder / kind / f"{kind}{i}.wav", sound, 16000)
    return folder


@pytest.fixture(scope="session")
def small(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> pack.Pack:
    """A pack after two epochs on `recordings`, with its card."""
    from latentpad.models.training.config import Recipe, TrainingConfig
    from latentpad.models.training.train import train

    out = tmp_path_factory.getbasetemp() / "packs" / "small"
    if "PYTEST_XDIST_WORKER" in os.environ:  # the workers have one
        out = out.parents[2] / "packs" / "small"
    out.parent.mkdir(exist_ok=True)
    with (out.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if out.exists():
            return pack.load(out)
        course = TrainingConfig(2, Recipe(width=16), SMALL, epochs=2, batch=4, held_out=0.4)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(decode_cost, "decode", forking.decode_cost)
            return train(recordings, out, course, progress=False)
