"""When a host takes the next period, at the earliest.

The host's thread may be late, but its device's clock is steady: a late read says nothing about the
next one. So of its reads the earliest ones, on a clock at the sample rate, give the phase of that
clock. Frames that are rendered by it are ready in time when the host catches up after a stall, and
need not lie ready before.
"""

from __future__ import annotations

import math

LOOK_S = 0.0002  # between two looks at the ring when a read is expected; later more
TIGHT_S = 0.0004  # a read that was seen within this time after a look is `watched`
WATCH_S = 0.04  # between two reads that are watched
WINDOW_S = 1.5  # in this time the earliest read comes
WINDOW_READS = 16  # of those that were watched, at least
EARLY_S = 0.0002  # the least by which a read may come earlier than the earliest one
EARLY = 8.0  # of the mean lateness, over the number of reads: in even jitter, 1 in 1,000 windows
SKIPPED = 0.5  # of a period: if so many reads in turn are later than this, the host skipped time
SKIPPED_READS = 16


class HostClock:
    """The clock of a host that takes `period` frames at a time. Render thread only.

    Times are in seconds, amounts in frames. It is `known` after the first WINDOW_READS reads.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.reset(-math.inf)

    def reset(self, now: float) -> None:
        """The host begins to read, or with another period: nothing is known."""
        self.known = False
        self.taken = 0  # frames
        self._first_at = math.inf  # time of the first read, if all came as early as the earliest
        self._margin = EARLY_S
        self._looked_at = self._watched_at = now
        self._begin_window(now, settled=False)

    def _begin_window(self, now: float, *, settled: bool) -> None:
        """Look for the earliest read from now on. If the phase is not `settled`, each read is
        watched, and the first ones give it."""
        self._window_at, self._settled = now, settled
        self._earliest, self._sum, self._watched = math.inf, 0.0, 0
        # Reads that were late in turn, and by how much at least.
        self._late, self._late_by = 0, math.inf

    def frames_until_read(self, now: float) -> float:
        """Frames until the next read at the earliest; negative if the host is late."""
        return (self._first_at - self._margin + self.taken / self.rate - now) * self.rate

    def record(self, frames: int, period: int, now: float) -> None:
        """The host has taken `frames` since the last call; 0 is possible."""
        looked_at, self._looked_at = self._looked_at, now
        if not frames:
            return
        self.taken += frames
        since_first = (self.taken - period) / self.rate
        first_at = now - since_first  # at the latest
        self._first_at = min(self._first_at, first_at)
        self._earliest = min(self._earliest, first_at)
        if self.known and self._skipped(looked_at - since_first, period / self.rate):
            self._first_at += self._late_by
            self._begin_window(now, settled=False)
        elif now - looked_at < TIGHT_S:
            self._watch(first_at, now)

    def _skipped(self, first_at: float, period_s: float) -> bool:
        """Whether the host skipped time. `first_at` is as the last read has it, at the earliest."""
        late_by = first_at - self._first_at
        if late_by < SKIPPED * period_s:
            self._late, self._late_by = 0, math.inf
            return False
        self._late, self._late_by = self._late + 1, min(self._late_by, late_by)
        return self._late == SKIPPED_READS

    def _watch(self, first_at: float, now: float) -> None:
        self._watched_at = now
        self._watched += 1
        self._sum += first_at
        if self._watched < WINDOW_READS or (self._settled and now - self._window_at < WINDOW_S):
            return
        late = self._sum / self._watched - self._earliest
        self.known, self._first_at = True, self._earliest
        self._margin = max(EARLY_S, EARLY * late / self._watched)
        self._begin_window(now, settled=True)

    def seconds_until_look(self, now: float) -> float:
        """Seconds until the ring should be looked at, so that the time of a read is known."""
        if self._settled and now - self._watched_at < WATCH_S:
            return math.inf
        ahead = self._first_at + self.taken / self.rate - LOOK_S / 2 - now
        if not self.known or ahead <= 0:
            return LOOK_S if not self._settled else max(-ahead, LOOK_S)
        return ahead
