"""Notes when a gesture passes each stage: `latentpad play --controller` starts it for
`benchmarks.path`.

The three processes run functions of the engine that are replaced here by ones that note the time.
The times lie in memory that they share; `/bench/stamps FILE` writes them to a file, as NumPy's
`savez` does. `time.monotonic` is one clock for all processes.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from latentpad.controllers.controller import Connection
from latentpad.engine.arguments import Argument
from latentpad.engine.board import Board
from latentpad.engine.control import session
from latentpad.engine.control.child import Child
from latentpad.engine.control.instrument import Sender

MOST = 4096  # stamps of a stage
HOP = 128  # samples

# What has happened, in the order in which it does.
CHANGED = 0  # the board holds the gesture
SERVED = 1  # the decoding process begins with the voice
EXPANDED = 2  # the voice's latents are known
PUBLISHED = 3  # what is heard first is decoded
TAKEN = 4  # a hop takes up the sound
RENDERED = 5  # that hop is rendered
WRITTEN = 6  # that hop lies in the ring
STAGES = 7


class Stamps:
    """Times of each stage, and the hops with which sounds begin. Each stage is noted by one
    thread."""

    def __init__(self, memory: Any = None) -> None:
        size = 8 * STAGES * MOST + 4 * HOP * MOST
        self._memory = memory or multiprocessing.get_context("spawn").RawArray("B", size)
        numbers = np.frombuffer(self._memory, np.float64, STAGES * MOST)
        self.times = numbers.reshape(STAGES, MOST)  # s, 0 where there is none yet
        self.hops = np.frombuffer(self._memory, np.float32, offset=numbers.nbytes)
        self.hops = self.hops.reshape(MOST, HOP)  # left side, of WRITTEN
        self._counts = [0] * STAGES

    def __reduce__(self) -> tuple[Any, ...]:
        return Stamps, (self._memory,)

    def note(self, stage: int, at: float | None = None) -> None:
        """Note the stage at time `at`, or now. Nothing once there are `MOST`."""
        if (k := self._counts[stage]) < MOST:
            self.times[stage, k] = time.monotonic() if at is None else at
            self._counts[stage] += 1

    def note_hop(self, taken: float, rendered: float, hop: np.ndarray) -> None:
        """Note a hop that was written now."""
        if (k := self._counts[WRITTEN]) < MOST:
            self.hops[k] = hop
            self.note(WRITTEN)
            self.note(TAKEN, taken)
            self.note(RENDERED, rendered)


def serve(stamps: Stamps, module: str, *args: Any) -> None:
    """As `module.serve`, which runs with the replaced functions. In a process of its own."""
    (stamp_playing if "play" in module else stamp_decoding)(stamps)
    import_module(module).serve(*args)


def stamp_control(stamps: Stamps) -> None:
    """Replace functions of the control process, and the modules of those that it starts."""
    writing = Board.writing

    @contextmanager
    def stamped(board: Board) -> Iterator[None]:
        with writing(board):
            yield
            if threading.current_thread() is threading.main_thread():  # else it is a tick
                stamps.note(CHANGED)

    def child(name: str, module: str, args: Sequence[Any]) -> Child:
        return Child(name, __name__, (stamps, module, *args))

    _replace(Board, "writing", stamped)
    _replace(session, "Child", child)


def stamp_decoding(stamps: Stamps) -> None:
    """Replace functions of the decoding process."""
    from latentpad.engine.decode.decoding import Decoding
    from latentpad.engine.decode.mailbox import Mailbox

    def note_before(owner: object, name: str, stage: int) -> None:
        original = getattr(owner, name)

        def stamped(*args: Any) -> Any:
            stamps.note(stage)
            return original(*args)

        _replace(owner, name, stamped)

    note_before(Mailbox, "serve", SERVED)
    note_before(Decoding, "begin", EXPANDED)
    note_before(Board, "publish", PUBLISHED)


def stamp_playing(stamps: Stamps) -> None:
    """Replace functions of the playing process."""
    from latentpad.engine.play.ring import RingOutput
    from latentpad.engine.play.sound_reader import SoundReader
    from latentpad.engine.play.voices import Voices

    hop, write = Voices.hop, RingOutput.write
    taken = rendered = 0.0  # of the last hop, 0 if it took up no sound

    def noting(take: Callable[..., Any]) -> Callable[..., Any]:
        def stamped(*args: Any, **options: Any) -> Any:
            nonlocal taken
            at = time.monotonic()
            sound = take(*args, **options)
            if sound is not None:
                taken = at
            return sound

        return stamped

    def stamped_hop(voices: Voices, out: np.ndarray) -> None:
        nonlocal taken, rendered
        taken = 0.0
        hop(voices, out)
        rendered = time.monotonic()

    def stamped_write(output: RingOutput, block: np.ndarray) -> None:
        write(output, block)
        if taken:
            stamps.note_hop(taken, rendered, block[:, 0])

    _replace(SoundReader, "begin", noting(SoundReader.begin))
    _replace(SoundReader, "merge", noting(SoundReader.merge))
    _replace(Voices, "hop", stamped_hop)
    _replace(RingOutput, "write", stamped_write)


def _replace(owner: object, name: str, function: Callable[..., Any]) -> None:
    setattr(owner, name, function)


class Stamping:
    """The controller."""

    def __init__(self) -> None:
        self._stamps = Stamps()
        stamp_control(self._stamps)

    async def start(self, connection: Connection) -> None:
        """As `Controller.start`."""
        connection.instrument.register("/bench/stamps", self._save)

    async def stop(self) -> None:
        """As `Controller.stop`."""

    def _save(self, args: Sequence[Argument], sender: Sender) -> None:
        np.savez(str(args[0]), times=self._stamps.times, hops=self._stamps.hops)


def controller() -> Stamping:
    """As `--controller` calls it."""
    return Stamping()
