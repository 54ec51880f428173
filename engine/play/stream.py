"""The voices as one stream of hops at the instrument's rate, whatever packs they play.

The instrument keeps the sample rate and the hop of the pack that it was started with, so its output
and its tape go on when another pack is played. The voices of a pack with another rate are
resampled, and their hops are cut into those of the instrument.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from latentpad.engine.play import handover
from latentpad.engine.play.resampling import resampler
from latentpad.engine.play.voices import Voices

Floats = NDArray[np.float32]

SPARE = 1024  # frames that a resampler may return beyond its ratio
TAIL_S = 0.05  # after the last voice: limiter, resampler


class PackStream:
    """The voices of one pack, at `rate` Hz in hops of `hop` samples. Render thread only, except
    that any thread may make it."""

    def __init__(self, voices: Voices, sample_rate: int, rate: int, hop: int) -> None:
        """`sample_rate` is the pack's."""
        self.voices = voices
        size = voices.hop_size
        self._convert = resampler(sample_rate, rate, 2)
        self._direct = self._convert is None and size == hop
        self._rendered: Floats = np.zeros((size, 2), np.float32)
        capacity = 0 if self._direct else 2 * math.ceil(size * rate / sample_rate) + hop + SPARE
        self._ready: Floats = np.zeros((capacity, 2), np.float32)
        self._count = 0  # frames in `_ready`
        self.silent_hops = 0  # since its last voice ended
        window_s = len(voices.frame.window) / sample_rate
        self.tail_hops = math.ceil((TAIL_S + window_s) * rate / hop)  # then it is silent

    def read(self, out: Floats, render: Callable[[Floats], None]) -> None:
        """The next hop, into `out` (hop, 2). `render` renders a hop of the voices."""
        if self._direct:
            render(out)
            return
        while self._count < len(out):
            render(self._rendered)
            block = self._rendered if self._convert is None else self._convert(self._rendered)
            end = min(self._count + len(block), len(self._ready))
            self._ready[self._count : end] = block[: end - self._count]
            self._count = end
        out[:] = self._ready[: len(out)]
        self._count -= len(out)
        self._ready[: self._count] = self._ready[len(out) : len(out) + self._count]


class Stream:
    """The stream of the pack that is played, and of earlier packs until they are silent.

    Render thread only. Streams that have ended are in `ended`, so that another thread can free
    their memory.
    """

    def __init__(self, stream: PackStream, hop: int) -> None:
        self.ended: deque[PackStream] = deque()
        self._current = stream
        self._earlier: list[PackStream] = []
        self._earlier_hop: Floats = np.zeros((hop, 2), np.float32)

    @property
    def voices(self) -> Voices:
        """The voices of the pack that is played."""
        return self._current.voices

    @property
    def silent(self) -> bool:
        """Whether the last hop was silence that cost nothing."""
        return self.voices.silent and not self._earlier

    @property
    def changing(self) -> bool:
        """Whether an earlier pack is still heard."""
        return bool(self._earlier)

    def change(self, stream: PackStream) -> None:
        """Play the pack of `stream` from the next hop on."""
        handover.take_over(stream.voices, self.voices)
        for earlier in self._earlier:
            handover.end(earlier.voices)
        self._earlier.append(self._current)
        self._current = stream

    def hop(self, out: Floats) -> None:
        """The next hop, into `out` (hop, 2), within the ceiling."""
        self._current.read(out, self.voices.hop)
        if self._earlier:
            self._add_earlier(out)

    def _add_earlier(self, out: Floats) -> None:
        for stream in self._earlier.copy():
            sounds = handover.give_way(stream.voices, self.voices)
            stream.read(self._earlier_hop, stream.voices.play_out)
            out += self._earlier_hop
            stream.silent_hops = 0 if sounds else stream.silent_hops + 1
            if stream.silent_hops > stream.tail_hops:
                self._earlier.remove(stream)
                self.ended.append(stream)
        # Each stream is limited, the sum is not. It is above the ceiling at most for moments.
        ceiling = self.voices.ceiling
        np.clip(out, -ceiling, ceiling, out=out)
