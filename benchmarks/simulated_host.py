"""A simulated host: the render loop with a clock that only this module advances.

The ring's logic is the real one (`engine.play.ring`, `engine.play.buffering`, the resampler); only
the clock, the ring's memory and the host are simulated, so that hours take seconds and every run is
the same.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latentpad.engine.play.buffering import Buffering
from latentpad.engine.play.resampling import resampler
from latentpad.engine.play.ring import FRAMES, RingOutput


@dataclass(frozen=True)
class Rhythm:
    """The times at which a host takes its periods.

    Each comes up to `late` periods late, evenly spread. Every `every` periods (drawn around that)
    the host stalls, and then takes `burst` periods at once. `drift` is how much faster than its
    nominal rate it is.
    """

    rate: int = 48_000
    period: int = 128
    late: float = 0.0
    burst: int = 1
    every: int = 0
    drift: float = 0.0


@dataclass
class HostResult:
    """The result of a run."""

    starved: list[float] = field(default_factory=list)  # when, seconds
    kept: int = 0  # most frames that were ready, after the first second
    target: float = 0.0  # largest target of the buffering in frames, after the first second
    most: float = 0.0  # frames that may be ready, while the host is late
    ready: list[int] = field(default_factory=list)  # frames before each hop was written
    taken: int = 0
    seconds: float = 0.0


class SimulatedHost:
    """A ring, its reader and the clock in one: `Ring` and `Reader` of engine.play.ring."""

    def __init__(self, rhythm: Rhythm, seed: int) -> None:
        self.now = 0.0
        self.rhythm = rhythm
        self.starved: list[float] = []
        self.reading = False
        self.taken = 0
        self.written: list[Any] = []  # the last few blocks
        self._ready = 0
        self._skipped = 0.0
        self._dice = random.Random(seed)
        self._takes = self._rhythm()
        self._next = next(self._takes)

    def clock(self) -> float:
        return self.now

    def turn_to(self, rhythm: Rhythm) -> None:
        """Change the rhythm."""
        self.rhythm = rhythm
        self._takes = self._rhythm(self.now)
        self._next = next(self._takes)

    def skip(self, seconds: float) -> None:
        """Come later by so much from now on, as after an xrun."""
        self._skipped += seconds
        self._next += seconds

    def stop(self) -> None:
        """Take nothing until `turn_to`."""
        self._next = math.inf

    def _rhythm(self, begin: float = 0.0) -> Iterator[float]:
        """When periods are taken, times rising."""
        r, dice = self.rhythm, self._dice
        step = r.period / (r.rate * (1 + r.drift))
        wait = dice.randint(1, 2 * r.every) if r.every else 0
        k, last = 0, begin
        while True:
            k += 1
            wait -= 1
            if r.every and wait == 0:
                k += r.burst - 1
                for _ in range(r.burst):
                    last = max(last, begin + k * step)
                    yield last
                wait = dice.randint(r.burst + 1, 2 * r.every + r.burst)
                continue
            last = max(last, begin + (k + r.late * dice.random()) * step)
            yield last

    @property
    def read_available(self) -> int:
        while self._next <= self.now:
            if self.reading:
                took = min(self.rhythm.period, self._ready)
                self._ready -= took
                self.taken += took
                if took < self.rhythm.period:
                    self.reading = False
                    self.starved.append(self._next)
            self._next = next(self._takes) + self._skipped
        return self._ready

    def start(self) -> None:
        self.reading = True

    def write(self, data: Any, size: int = -1) -> int:
        fits = min(len(data), FRAMES - self.read_available)
        self._ready += fits
        self.written = [*self.written[-3:], data]
        return fits


def render(
    rhythm: Rhythm,
    seconds: float,
    *,
    cost: float = 0.0002,
    wake: float = 0.0001,
    hop: int = 128,
    model_rate: int = 48_000,
    realtime: bool = True,
    asked: float | None = None,
    period: int | None = None,
    exact: bool = False,
    stalls: tuple[float, ...] = (),
    seed: int = 0,
) -> HostResult:
    """Run the render loop for `seconds`.

    A hop takes 0.5 to 1 of `cost` seconds to make, a sleep lasts up to `wake` longer than
    requested; at each of `stalls` the loop waits for 4 ms. `period` is the assumed period of the
    host before it is measured; `exact` says that the host never takes less.
    """
    host = SimulatedHost(rhythm, seed)
    hop_out = hop * rhythm.rate / model_rate
    buffering = Buffering(rhythm.rate, period or rhythm.period, hop_out, FRAMES, asked, exact=exact)
    if realtime:
        buffering.realtime()
    buffering.learns = True
    output = RingOutput(
        host, host, buffering,
        resample=resampler(model_rate, rhythm.rate, 2), clock=host.clock,
    )  # fmt: skip
    dice = random.Random(seed + 1)
    block = np.zeros((hop, 2), np.float32)
    result = HostResult()
    waiting = sorted(stalls)
    while host.now < seconds:
        if waiting and host.now >= waiting[0]:
            waiting.pop(0)
            host.now += 0.004
        if not output.hop_due():
            host.now += output.pause() + dice.random() * wake
            continue
        host.now += cost * dice.uniform(0.5, 1)
        buffering.busy = cost * model_rate / hop
        ready = host.read_available
        output.write(block)
        if host.now > 1.0:
            result.ready.append(ready)
            result.kept = max(result.kept, host.read_available)
            result.target = max(result.target, buffering.latency_frames)
            result.most = max(result.most, buffering.burst + buffering.lead + hop_out)
    result.starved, result.taken, result.seconds = host.starved, host.taken, host.now
    return result
