"""The part of a sound that a voice plays, in decoded frames, and where its playhead goes."""

from __future__ import annotations

import math
from typing import NamedTuple

BURST_FRAMES = 7  # earlier frames that overlap a hop: a voice that begins plays them at once
LEAD_FRAMES = 3  # of these, frames before its first sample
SLOWEST_SHOT = 0.05  # a shot with a lower speed would never end
WRAP_FRAMES = 4.0  # least cross-fade at the end of a loop, if that is not a quarter of it


class Region(NamedTuple):
    """From the first frame to the one after the last.

    At the end of a loop its last `fade` frames cross-fade with those `jump` frames earlier, to
    which the playhead then jumps. A loop that runs backwards does the same at its beginning.
    """

    low: float
    high: float
    inner: float = 0.0  # frames of the cross-fade that both lie within the region
    skip: float = 0.0  # further frames that the next round leaves out

    @property
    def jump(self) -> float:
        """Frames from where a round ends to where the next begins."""
        return self.high - self.low - self.inner - self.skip

    @property
    def fade(self) -> float:
        """Frames of the cross-fade. What of it is not `inner` is before the region."""
        return max(min(WRAP_FRAMES, 0.25 * (self.high - self.low)), self.inner)

    def skipping(self, share: float) -> Region:
        """The same region, of which the next round leaves out a share: with 1, all but a fade."""
        most = self.high - self.low - self.inner - self.fade
        return self._replace(skip=share * max(most, 0.0))

    def wrap(self, playhead: float) -> float:
        """The playhead of a loop, within the region."""
        if self.low <= playhead < self.high:
            return playhead
        if playhead < self.low:
            return self.low + (playhead - self.low) % self.jump
        begin = self.low + self.inner + self.skip
        return begin + (playhead - begin) % self.jump


def loop_region(
    onset: float,
    end: float,
    start: float,
    stop: float,
    *,
    fade: float = 0.0,
    shortest: float = 0.0,
) -> Region:
    """The region of a loop from `start` to `stop`, shares (`/loop/start`, `/loop/end`) of a sound
    that lasts from frame `onset` to frame `end`.

    `fade` is the share of it that cross-fades (`/loop/fade`). It is never shorter than a frame, nor
    than `shortest` frames (`/loop/shortest`) unless the sound is.
    """
    low, high = min(start, stop), max(start, stop)
    span = max(end - onset, 1.0)
    low, high = onset + low * span, onset + high * span
    least = min(shortest, span)
    if high - low < least:
        low = min(low, onset + span - least)
        high = low + least
    high = max(high, low + 1.0)
    return Region(low, high, fade * (high - low))


def shot_speed(speed: float) -> float:
    """The speed of a shot: that of `/loop/speed`, but never still."""
    return math.copysign(max(abs(speed), SLOWEST_SHOT), speed)
