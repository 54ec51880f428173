"""How many frames to keep ready for a host: as few as its rhythm and this process allow.

A host takes frames in steps, not evenly: a period at a time, early or late, several periods at
once. A leaky bucket (Turner 1986; the arrival curve of network calculus, Le Boudec & Thiran 2001)
measures that: it leaks at the sample rate and fills with what is taken. Its highest level, the
`burst`, is what must lie ready for the host. To it comes the `lead`, the time that this process
may be late. Together they say when the next frames are due, in frames, whatever the period.
"""

from __future__ import annotations

import math
from collections import deque

CALM_S, CALM_MOST_S = 8.0, 600.0  # how long a peak is remembered, at first and at most
STARVED_S = 60.0  # a rhythm of the host that was heard

# The lead, in seconds.
REALTIME_S = 64 / 48_000  # the render thread is never kept waiting by others
SHARED_S = 128 / 48_000  # it is
LADEN_S = 256 / 48_000  # hops take long to make, so what comes late is not made up for at once
HEAVY = 0.2  # share of a hop's time from which on that is so
LEAD_MOST_S = 0.0135
GUARD_S = 0.0008  # frames that come later than this before they are needed were nearly too late

BURST_MOST_S = 0.025  # beyond one period; what is longer is a stall, not a rhythm, if it comes once
BURST_MOST_PERIODS = 6
MARGIN = 0.25  # of a host's unevenness, which may yet be larger than it was
AGAIN_S = 1.5  # a host that finds too little twice in this time has a rhythm not yet known
LEAK = 1.001  # of the nominal rate: a host's clock may be faster than ours by so much
STEPS = 9  # of the host, from which its period is read


class Peak:
    """The largest of the last values. Remembered for `seconds` after it was last reached, and for
    no more than twice that."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.value = self._next = 0.0
        self._since = -math.inf

    def hold(self, value: float, now: float) -> None:
        if value >= self.value:
            self.value, self._next, self._since = value, 0.0, now
            return
        self._next = max(self._next, value)
        if now - self._since > self.seconds:
            self.value, self._next, self._since = self._next, 0.0, now

    def forget(self) -> None:
        self.value = self._next = 0.0


class Buffering:
    """When frames are due, and how many lie ready at most. Render thread only.

    Times in seconds, on a clock that never goes back; amounts in frames at the host's rate.
    `hop` is how many are made at a time, `most` how many can lie ready. `period` is what the host
    is known to take at a time, or asked to, before it is measured. `asked` is the performer's own
    number to be kept ready, which is never gone below.
    """

    def __init__(
        self, rate: float, period: int, hop: float, most: int, asked: float | None = None
    ) -> None:
        self.rate = rate
        self.hop = hop
        self.busy = 0.0  # share of a hop's time that making it takes
        self.turned_to = 0  # set by any thread: the period that the host has from now on
        self._most = most
        self._asked = asked
        self._light_s = SHARED_S
        self._learns = False
        self.period = period  # frames that the host takes at a time: the median of what it took
        self._steps: deque[int] = deque([period], STEPS)
        self._calm_s = CALM_S
        self._level = 0.0  # of the bucket
        self._balance = 0.0  # the same when frames were last taken, below zero if that was late
        self._stall = 0.0  # frames by which the host is behind its own clock
        self._burst = Peak(CALM_S)
        self._lead = Peak(CALM_S)
        self._then = self._starved_at = -math.inf

    @property
    def learns(self) -> bool:
        """Whether lateness of this process counts. Not while it, or another, is starting up."""
        return self._learns

    @learns.setter
    def learns(self, learns: bool) -> None:
        if learns and not self._learns:
            self._burst.forget()
            self._lead.forget()
        self._learns = learns

    def realtime(self) -> None:
        """The render thread has real-time scheduling: less is enough while all is calm."""
        self._light_s = REALTIME_S

    # -- what is to be kept ready ------------------------------------------------------------

    @property
    def burst(self) -> float:
        """Frames that the host may take at once."""
        known = self._burst.value or self.period
        return min(known + MARGIN * max(known - self.period, 0), 0.75 * self._most)

    @property
    def lead(self) -> float:
        """Frames by which this process may be late."""
        return min(max(self._least, self._lead.value), 0.125 * self._most)

    @property
    def _least(self) -> float:
        if self._asked is not None:
            return max(self._asked - self.burst, GUARD_S * self.rate)
        return (LADEN_S if self.busy > HEAVY else self._light_s) * self.rate

    @property
    def target(self) -> float:
        """Frames that must lie ready now: fewer than these, and more are due."""
        return self.burst + self.lead - self._level

    @property
    def kept(self) -> float:
        """Frames from one that is made now to the host's next: the latency of the buffer. No more
        than these and a period lie ready."""
        # Of periods much shorter than a hop, several are seen as one.
        period = self.period if self.period > self.hop / 4 else 0
        return self.burst + self.lead + max(self.hop - period, 0.0)

    def due(self, ready: int) -> float:
        """Seconds until more than `ready` frames are due, if the host takes none meanwhile."""
        ahead = ready - self.target
        return max(ahead, 0.0) / self.rate if ahead < self._level else math.inf

    # -- what happens ------------------------------------------------------------------------

    def taken(self, frames: int, now: float) -> None:
        """The host has taken `frames` since the last call, perhaps none."""
        if self.turned_to:
            self._turn(self.turned_to)
            self.turned_to = 0
        leaked = (now - self._then) * self.rate * LEAK if self._then > -math.inf else 0.0
        self._then = now
        idle = max(leaked - self._level - frames, 0.0)
        self._stall = max(self._stall - leaked + idle, 0.0) + idle
        if not frames:
            self._level = max(self._level - leaked, 0.0)
            return
        self._steps.append(frames)
        self.period = sorted(self._steps)[len(self._steps) // 2]
        # When in this time they were taken is not known: as early as the host can have.
        self._balance = self._level + frames - leaked
        level = max(self._balance, min(frames, self.period))
        self._rise(level, now)
        self._level = min(max(self._balance, 0.0), self.burst)

    def _turn(self, period: int) -> None:
        """Another period: what is known of the host's rhythm is of the one before."""
        self.period = period
        self._steps = deque([period], STEPS)
        self._burst.forget()
        self._burst.seconds = CALM_S
        self._level = self._stall = 0.0
        self._starved_at = -math.inf

    def _rise(self, level: float, now: float, again: bool = False) -> None:
        """The bucket rose to this level. What is beyond all rhythm is a stall, if it is not seen
        `again`."""
        beyond = max(BURST_MOST_S * self.rate, (BURST_MOST_PERIODS - 1) * self.period)
        if again or level <= self.period + beyond:
            self._burst.hold(level, now)

    def made(self, ready: int, now: float) -> None:
        """Frames were made while `ready` lay ready before them, and the host takes them."""
        self._late(ready, self._level, now)

    def _late(self, ready: int, level: float, now: float) -> None:
        if not self._learns:
            return
        left = (ready // self.period + 1) * self.period - self.burst + level
        wanted = self.lead + GUARD_S * self.rate - left
        # A stall that the longest buffer would not have outlived says nothing of the right length.
        if wanted <= LEAD_MOST_S * self.rate:
            self._lead.hold(max(wanted, self._least), now)

    def starved(self, now: float) -> None:
        """The host found fewer frames than it wanted, which it took. Peaks are remembered for
        longer from now on."""
        self._late(0, self._balance, now)
        wanted = self.period + max(self._level, self._stall)  # and what the host may catch up on
        if wanted > self.burst:
            self._rise(wanted, now, again=now - self._starved_at < AGAIN_S)
        self._starved_at = now
        if self._learns:
            self._calm_s = min(2 * self._calm_s, CALM_MOST_S)
            self._lead.seconds = self._calm_s
            self._burst.seconds = max(self._calm_s, STARVED_S)

    def restarted(self, now: float) -> None:
        """The host begins to take frames, after it took none: its rhythm begins anew."""
        self._level = self._stall = 0.0
        self._then = now
