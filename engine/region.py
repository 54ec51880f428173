"""The part of a sound that a voice plays, in decoded frames, and where its playhead goes."""

from __future__ import annotations

import math
from typing import NamedTuple

BURST_FRAMES = 7  # earlier frames that overlap a hop: a voice that begins plays them at once
LEAD_FRAMES = 3  # of these, frames before its first sample
SLOWEST_SHOT = 0.05  # a shot with a lower speed would never end


class Region(NamedTuple):
    """From the first frame to the one after the last."""

    low: float
    high: float

    def wrap(self, playhead: float) -> float:
        """The playhead of a loop, within the region."""
        if self.low <= playhead < self.high:
            return playhead
        return self.low + (playhead - self.low) % (self.high - self.low)


def loop_region(onset: float, end: float, start: float, stop: float) -> Region:
    """The region of a loop from `start` to `stop`, shares (`/loop/start`, `/loop/end`) of a sound
    that lasts from frame `onset` to frame `end`. Never shorter than a frame."""
    low, high = min(start, stop), max(start, stop)
    span = max(end - onset, 1.0)
    low, high = onset + low * span, onset + high * span
    return Region(low, max(high, low + 1.0))


def shot_speed(speed: float) -> float:
    """The speed of a shot: that of `/loop/speed`, but never still."""
    return math.copysign(max(abs(speed), SLOWEST_SHOT), speed)
