"""The ring between the render thread and a host that reads it: when to write, and what is kept.

The host's callback is compiled code (rtmixer's); no Python runs in it. It reads until it finds
fewer frames than it wants, then plays what there is and stops reading; that is how starved reads
are counted. Reading begins again as soon as enough lies ready.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from latentpad.engine.play.buffering import Buffering

Floats = NDArray[np.float32]

FRAMES = 1 << 16  # that fit into the ring
POLL_S = 0.00025  # how often the ring is looked at while the host reads it
IDLE_S = 0.002  # and while it does not
QUIET_S = 0.05  # a host that has read nothing for so long


class Ring(Protocol):
    """A lock-free ring buffer with one writer and one reader (PortAudio's, by rtmixer)."""

    @property
    def read_available(self) -> int: ...
    def write(self, data: Any, size: int = -1) -> int: ...


class Reader(Protocol):
    """What reads the ring."""

    def start(self) -> None:
        """Begin to read it; `reading` is true from now on."""

    @property
    def reading(self) -> bool:
        """False after it found too little in the ring."""


class RingOutput:
    """Fills a ring as its reader takes from it. Render thread only, but for `taken`, which any
    thread may read.

    `resample` makes frames at the reader's rate of (n, channels) float32 at the model's.
    """

    def __init__(
        self,
        ring: Ring,
        reader: Reader,
        buffering: Buffering,
        *,
        channels: int = 2,
        resample: Callable[[Floats], Floats] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.buffering = buffering
        self.starved = 0
        self.taken = 0  # frames that the reader took so far
        self._ring = ring
        self._reader = reader
        self._channels = channels
        self._resample = resample
        self._clock = clock
        self._started = False
        self._written = 0
        self._taken_at = clock()

    def room(self) -> bool:
        """Whether another hop is due. Starts the reader when enough lies ready."""
        now = self._clock()
        ready = self._look(now)
        if self._started and not self._reader.reading:
            self._started = False
            self.starved += 1
            self.buffering.starved(now)
        if ready < self.buffering.target:
            return True
        if not self._started:
            self._reader.start()
            self._started = True
            self.buffering.restarted(now)
        return False

    def write(self, block: Floats) -> None:
        """(n, 2) float32 at the model's rate."""
        if self._channels == 1:
            block = block.mean(axis=1, keepdims=True)
        if self._resample is not None:
            block = self._resample(block)
        now = self._clock()
        ready = self._look(now)
        self._written += self._ring.write(np.ascontiguousarray(block, np.float32))
        if self._started:
            self.buffering.made(ready, now)

    def pause(self) -> float:
        """Seconds that the render thread may sleep after `room` said no."""
        quiet = self._clock() - self._taken_at > QUIET_S
        due = self.buffering.due(int(self._ring.read_available))
        return min(max(due, 0.00005), IDLE_S if quiet else POLL_S)

    def _look(self, now: float) -> int:
        """Frames that lie ready, having noted what was taken."""
        ready = int(self._ring.read_available)
        took = self._written - ready - self.taken
        if took:
            self.taken += took
            self._taken_at = now
        self.buffering.taken(took, now)
        return ready
