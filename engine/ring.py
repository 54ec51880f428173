"""How many blocks the ring keeps ready: as few as is safe on this machine, now.

Less is answered sooner; more outlives a longer stall. It grows when a hop came nearly too late
or did, and shrinks by steps when all has been calm; each read that found it empty doubles how
long the calm must last, so that a machine that stalls again and again is soon left at the length
it needs.
"""

from __future__ import annotations

import math

DARING, CAUTIOUS = 1.5, 2.0  # blocks kept ready with and without real-time scheduling
LADEN = 3.0  # where a hop takes long to make: what comes late is not made up for at once
HEAVY = 0.2  # share of a hop's time from which on that is so
STEP = 0.5
NEAR = 0.85  # of the ring's length: a hop that comes as late as this was nearly too late
CALM_S, CALM_MOST_S = 8.0, 600.0  # after so long without a low ring, it shrinks by a step


class Length:
    """`blocks` is how many are kept ready. Render thread only; times in seconds.

    `asked` is the performer's own length, which is never gone below; `most` is never exceeded.
    """

    def __init__(self, asked: float | None, most: float, now: float) -> None:
        self.blocks = asked or CAUTIOUS
        self.busy = 0.0  # share of a hop's time that making it takes
        self.adapts = False  # false while the machine is busy with starting up
        self._asked = asked
        self._light = CAUTIOUS
        self._most = max(self.blocks, most)
        self._calm_s, self._calm_since = CALM_S, now

    def dare(self) -> None:
        """The render thread is never kept waiting by others: less is enough while all is calm."""
        self._light = DARING
        self.blocks = self._least()

    def starved(self, now: float, late: float) -> None:
        """A read found the ring empty, `late` blocks of time after it was last full.

        A stall that the longest ring would not have outlived says nothing of the right length.
        """
        if late <= self._most:
            self._calm_s = min(2 * self._calm_s, CALM_MOST_S)
            self._grow(now)

    def filled(self, now: float, late: float) -> bool:
        """A hop was written `late` blocks of time after the ring was last full. Whether that
        was nearly too late."""
        least = self._least()
        if self.blocks < least:
            self.blocks, self._calm_since = least, now
        if NEAR * math.ceil(self.blocks) < late <= self._most:
            self._grow(now)
            return True
        if self.blocks > least and now - self._calm_since > self._calm_s:
            self.blocks = max(self.blocks - STEP, least)
            self._calm_since = now
        return False

    def _least(self) -> float:
        if self._asked is not None:
            return self._asked
        return LADEN if self.busy > HEAVY else self._light

    def _grow(self, now: float) -> None:
        self._calm_since = now
        if self.adapts:
            self.blocks = min(self.blocks + STEP, self._most)
