"""How many frames to keep ready for a host: as few as its rhythm and this process allow.

A host does not take frames evenly: it takes a period at a time, early or late, or several periods
at once. A leaky bucket measures this (Turner 1986; the arrival curve of network calculus, Le Boudec
& Thiran 2001): it leaks at the sample rate and fills with the frames that are taken. Its highest
level, the `burst`, must be ready for the host. The `lead` is added: the time that this process may
be late. Together they say when the next frames are due, in frames, for any period.

A host that takes a period each time is also known by its clock (engine/play/host_clock.py): what it
takes next is due the lead before it can take it. That is later, and less.
"""

from __future__ import annotations

import math
from collections import deque

from latentpad.engine.play.host_clock import HostClock

PEAK_MEMORY_S, PEAK_MEMORY_MAX_S = 8.0, 600.0  # how long a peak is remembered: at first, at most
LEAD_MEMORY_S = 4.0  # how long a peak of the lead is remembered at first
STARVED_MEMORY_S = 60.0  # how long a peak of the burst that was audible is remembered, at least

# The minimum of the lead, in seconds.
REALTIME_LEAD_S = 64 / 48_000  # the render thread has real-time scheduling
SHARED_LEAD_S = 128 / 48_000  # it does not
BUSY_LEAD_S = 256 / 48_000  # hops take long to render, so lateness is made up for slowly
BUSY_SHARE = 0.2  # the share of a hop's time above which this is so
LEAD_MOST_S = 0.0135
GUARD_S = 0.0008  # frames written less than this before they are needed count as late

BURST_MOST_S = 0.025  # beyond one period; a longer one is a stall, unless it is repeated
BURST_MOST_PERIODS = 6
MARGIN = 0.25  # of a host's unevenness, added to it
REPEAT_S = 1.5  # two starved reads within this time are a rhythm, not a stall
LEAK = 1.001  # of the nominal rate: a host's clock may be this much faster than ours
STEPS = 9  # reads of the host whose median is its period


class Peak:
    """The maximum of the last values. It is remembered for `seconds` after it was last reached,
    and for at most twice that."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.value = self._next = 0.0
        self._since = -math.inf

    def update(self, value: float, now: float) -> None:
        """Add a value at the time `now`, seconds."""
        if value >= self.value:
            self.value, self._next, self._since = value, 0.0, now
            return
        self._next = max(self._next, value)
        if now - self._since > self.seconds:
            self.value, self._next, self._since = self._next, 0.0, now

    def reset(self) -> None:
        """Forget all values."""
        self.value = self._next = 0.0


class Buffering:
    """When frames are due, and how many are kept ready. Render thread only.

    Times are in seconds, on a clock that never goes back; amounts are in frames at the host's rate.
    `hop` is how many frames are rendered at a time, `capacity` how many the ring holds. `period` is
    how many frames the host takes at a time, as known or requested, until it is measured.
    `requested` is the number of frames that the user wants to be kept ready at least. `exact` says
    that the host never takes less than its period.
    """

    def __init__(
        self,
        rate: float,
        period: int,
        hop: float,
        capacity: int,
        requested: float | None = None,
        *,
        exact: bool = False,
    ) -> None:
        self.rate = rate
        self.hop = hop
        self.busy = 0.0  # share of a hop's time that rendering takes
        self.new_period = 0  # set by any thread: the host's new period, 0 none
        self._capacity = capacity
        self._requested = requested
        self._exact = exact
        self._least_read = period if exact else 0  # frames that the host takes at a time at least
        self._base_lead_s = SHARED_LEAD_S
        self._learns = False
        self.period = period  # frames that the host takes at a time: the median of its reads
        self._steps: deque[int] = deque([period], STEPS)
        self._in_periods = False  # whether the last reads were whole periods
        self.clock = HostClock(rate)
        self._frames_until_read = 0.0  # by the clock
        self._memory_s = LEAD_MEMORY_S
        self._level = 0.0  # of the bucket, frames
        self._balance = 0.0  # the same at the last read; negative if that was late
        self._stall = 0.0  # frames by which the host is behind its own clock
        self._burst = Peak(PEAK_MEMORY_S)
        self._lead = Peak(LEAD_MEMORY_S)
        self._last_at = self._starved_at = -math.inf

    @property
    def learns(self) -> bool:
        """Whether lateness of this process counts. It does not while this or another process
        starts."""
        return self._learns

    @learns.setter
    def learns(self, learns: bool) -> None:
        if learns and not self._learns:
            self._burst.reset()
            self._lead.reset()
        self._learns = learns

    def realtime(self) -> None:
        """The render thread has real-time scheduling: a shorter lead is enough."""
        self._base_lead_s = REALTIME_LEAD_S

    # -- the frames to keep ready ------------------------------------------------------------

    @property
    def burst(self) -> float:
        """Frames that the host may take at once."""
        known = self._burst.value or self.period
        return min(known + MARGIN * max(known - self.period, 0), 0.75 * self._capacity)

    @property
    def lead(self) -> float:
        """Frames by which this process may be late."""
        return min(max(self._least, self._lead.value), 0.125 * self._capacity)

    @property
    def _least(self) -> float:
        if self._requested is not None:
            return max(self._requested - self.burst, GUARD_S * self.rate)
        return (BUSY_LEAD_S if self.busy > BUSY_SHARE else self._base_lead_s) * self.rate

    @property
    def target(self) -> float:
        """Frames that must be ready now. If fewer are ready, more are due."""
        target = self._bucket_target
        if not self._follows_clock:
            return target
        period, begun = self.period, self.lead - self._frames_until_read
        taken = period * max(1 + begun // period, 0.0)  # within the lead
        # A longer period takes several hops to fill, the last one in time: these are spread.
        return min(target, max(taken, period + begun - self.hop))

    @property
    def _bucket_target(self) -> float:
        return self.burst + self.lead - self._level

    @property
    def _follows_clock(self) -> bool:
        return self._in_periods and self.clock.known and self._requested is None

    @property
    def latency_frames(self) -> float:
        """The latency of the buffer: frames between one that is rendered now and the next one
        that the host takes. At most these, and a period or hop, are ready."""
        # Several periods that are much shorter than a hop are measured as one.
        period = self.period if self.period > self.hop / 4 else 0
        if self._follows_clock:
            return self.lead + abs(self.hop - period)
        return self.burst + self.lead + max(self.hop - period, 0.0)

    @property
    def period_s(self) -> float:
        """The period, seconds."""
        return self.period / self.rate

    @property
    def longest_pause_s(self) -> float:
        """Seconds between two calls of `record_read` at most, so that reads are seen one by one,
        also those of a host that takes less at a time than was believed."""
        whole = self._least_read if self._least_read >= self.hop else 0
        return max(whole, self.period / 2) / self.rate

    def seconds_until_look(self, now: float) -> float:
        """Seconds until the ring should be looked at for the host's clock. Never if the user says
        how much is kept ready."""
        return math.inf if self._requested is not None else self.clock.seconds_until_look(now)

    def seconds_until_due(self, ready: int) -> tuple[float, bool]:
        """Seconds until more than `ready` frames can be due at the earliest, and whether the host
        must take some first.

        A read of the host changes nothing about that time: it takes from the ring what it adds to
        the bucket. Only a read beyond the known burst makes frames due at once.
        """
        ahead = max(ready - self._bucket_target, 0.0)
        waits = ahead >= self._level
        if self._follows_clock:
            period = self.period
            begins = min(ready // period * period, ready + self.hop - period)
            ahead = max(ahead, begins + self._frames_until_read - self.lead)
        return ahead / self.rate, waits

    # -- events ------------------------------------------------------------------------------

    def record_read(self, frames: int, now: float) -> None:
        """The host has taken `frames` since the last call; 0 is possible."""
        if self.new_period:
            self._change_period(self.new_period, now)
            self.new_period = 0
        leaked = (now - self._last_at) * self.rate * LEAK if self._last_at > -math.inf else 0.0
        self._last_at = now
        self.clock.record(frames, self.period, now)
        self._frames_until_read = self.clock.frames_until_read(now)
        idle = max(leaked - self._level - frames, 0.0)
        self._stall = max(self._stall - leaked + idle, 0.0) + idle
        if not frames:
            self._level = max(self._level - leaked, 0.0)
            return
        self._steps.append(frames)
        period = sorted(self._steps)[len(self._steps) // 2]
        if period != self.period:
            self.period = period
            self.clock.reset(now)
        self._in_periods = not any(step % period for step in self._steps)
        # The time of the read is not known: assume the earliest possible one.
        self._balance = self._level + frames - leaked
        level = max(self._balance, min(frames, self.period))
        self._record_level(level, now)
        self._level = min(max(self._balance, 0.0), self.burst)

    def _change_period(self, period: int, now: float) -> None:
        """Begin with another period: what was measured belongs to the old one."""
        self.period = period
        self._least_read = period if self._exact else 0
        self._steps = deque([period], STEPS)
        self._burst.reset()
        self._burst.seconds = PEAK_MEMORY_S
        self._level = self._stall = 0.0
        self._starved_at = -math.inf
        self.clock.reset(now)

    def _record_level(self, level: float, now: float, repeated: bool = False) -> None:
        """The bucket rose to this level. If that is more than a rhythm explains, it is a stall,
        unless it was seen `repeated`."""
        beyond = max(BURST_MOST_S * self.rate, (BURST_MOST_PERIODS - 1) * self.period)
        if repeated or level <= self.period + beyond:
            self._burst.update(level, now)

    def record_write(self, ready: int, now: float) -> None:
        """Frames were written while `ready` were in the ring and the host was reading."""
        until_read = self._frames_until_read
        if not self._follows_clock:
            self._record_lateness(ready, self._level, now)
        elif until_read > -GUARD_S * self.rate:  # else the host is late, too
            self._record_margin(until_read + ready // self.period * self.period, now)

    def _record_lateness(self, ready: int, level: float, now: float) -> None:
        self._record_margin((ready // self.period + 1) * self.period - self.burst + level, now)

    def _record_margin(self, margin: float, now: float) -> None:
        """Frames were written `margin` frames before the host could find too few."""
        if not self._learns:
            return
        required = self.lead + GUARD_S * self.rate - margin
        # A stall longer than any buffer says nothing about the right length.
        if required <= LEAD_MOST_S * self.rate:
            self._lead.update(max(required, self._least), now)

    def record_starved(self, now: float, late_s: float = 0.0) -> None:
        """The host found fewer frames than it wanted, and took those. From now on, peaks are
        remembered for longer.

        The render thread came `late_s` later than it wanted. It may do so again when frames are
        due, which this time may have been later.
        """
        if self._follows_clock:
            self._record_margin(self._frames_until_read - self.clock.taken % self.period, now)
            self._record_margin(self.lead - late_s * self.rate, now)
        else:
            self._record_lateness(0, self._balance, now)
        required = self.period + max(self._level, self._stall)  # the host may catch up on a stall
        if required > self.burst:
            self._record_level(required, now, repeated=now - self._starved_at < REPEAT_S)
        self._starved_at = now
        self.clock.reset(now)
        if self._learns:
            self._memory_s = min(2 * self._memory_s, PEAK_MEMORY_MAX_S)
            self._lead.seconds = self._memory_s
            self._burst.seconds = max(self._memory_s, STARVED_MEMORY_S)

    def record_restart(self, now: float) -> None:
        """The host begins to take frames after a pause: its rhythm begins again."""
        self._level = self._stall = 0.0
        self._last_at = now
        self.clock.reset(now)
