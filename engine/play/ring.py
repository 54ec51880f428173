"""The ring between the render thread and a host that reads it: when to write, and how much is
ready.

The host's callback is compiled code of rtmixer; no Python runs in it. If it finds fewer frames than
it wants, it plays those and stops reading: such a read is counted as starved. Reading starts again
as soon as enough frames are ready.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from latentpad.engine.play.buffering import Buffering

Floats = NDArray[np.float32]

FRAMES = 1 << 16  # capacity of the ring
LEAST_PAUSE_S = 0.00005
POLL_S = 0.00025  # how often the ring is checked while a read is late
IDLE_S = 0.002  # and while the host reads nothing
QUIET_S = 0.05  # a host that has read nothing for this long is idle


class Ring(Protocol):
    """A lock-free ring buffer with one writer and one reader (PortAudio's, by rtmixer)."""

    @property
    def read_available(self) -> int: ...
    def write(self, data: Any, size: int = -1) -> int: ...


class Reader(Protocol):
    """The reader of the ring."""

    def start(self) -> None:
        """Start reading; `reading` is true from now on."""

    @property
    def reading(self) -> bool:
        """False after it found too few frames in the ring."""


class RingOutput:
    """Fills a ring as its reader takes from it. Render thread only, except `frames_read`, which any
    thread may read.

    `resample` converts (n, channels) float32 from the model's to the reader's rate.
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
        self.frames_read = 0  # frames that the reader has read so far
        self._ring = ring
        self._reader = reader
        self._channels = channels
        self._resample = resample
        self._clock = clock
        self._started = False
        self._written = 0
        self._now = self._read_at = clock()
        self._ready = 0
        self._wanted_at = self._now  # when the pause was to end

    def hop_due(self) -> bool:
        """Whether another hop is due. Starts the reader when enough frames are ready."""
        buffering = self.buffering
        self._update()
        # A reader that finds too few frames takes those and stops. To ask it costs more than the
        # rest, so it is asked only if the ring is empty, or if a read is overdue.
        suspect = self._ready == 0 or self._now - self._read_at > 2 * buffering.period_s
        if suspect and self._started and not self._reader.reading:
            self._started = False
            self.starved += 1
            buffering.record_starved(self._now, max(self._now - self._wanted_at, 0.0))
        if self._ready < buffering.target:
            return True
        if not self._started:
            self._reader.start()
            self._started = True
            buffering.record_restart(self._now)
        return False

    def write(self, block: Floats) -> None:
        """Write a hop, (n, 2) float32 at the model's rate."""
        if self._channels == 1:
            block = block.mean(axis=1, keepdims=True)
        if self._resample is not None:
            block = self._resample(block)
        self._update()
        self._written += self._ring.write(np.ascontiguousarray(block, np.float32))
        if self._started:
            self.buffering.record_write(self._ready, self._now)

    def pause(self) -> float:
        """Seconds that the render thread may sleep after `hop_due` returned False."""
        pause = self._pause()
        self._wanted_at = self._now + pause
        return pause

    def _pause(self) -> float:
        buffering = self.buffering
        due, waits = buffering.seconds_until_due(self._ready)
        due = max(due, POLL_S if waits else LEAST_PAUSE_S)
        if self._now - self._read_at > QUIET_S:
            return min(due, IDLE_S)
        look = max(buffering.seconds_until_look(self._now), LEAST_PAUSE_S)
        return min(due, max(buffering.longest_pause_s, POLL_S), look)

    def _update(self) -> None:
        """Record what was read meanwhile, and how many frames are ready now."""
        now = self._now = self._clock()
        ready = self._ready = int(self._ring.read_available)
        frames_read = self._written - ready - self.frames_read
        if frames_read:
            self.frames_read += frames_read
            self._read_at = now
        self.buffering.record_read(frames_read, now)
