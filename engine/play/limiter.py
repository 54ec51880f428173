"""The last thing before the output: DC guard and look-ahead limiter.

The limiter delays the sound by `LOOKAHEAD_S` (half a millisecond): in that time its gain glides
down to what the coming peak allows, so that nothing ever passes the ceiling and nothing is clipped.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LOOKAHEAD_S = 0.0005
RELEASE_S = 0.08
DC_HZ = 5.0
ABSURD = 1e4  # +80 dBFS: no sound, and the DC guard would take seconds to forget it


class Limiter:
    """Stereo state between blocks. Render thread only."""

    def __init__(self, sample_rate: int) -> None:
        self.delay = max(1, round(LOOKAHEAD_S * sample_rate))
        self._line: Floats = np.zeros((self.delay, 2), np.float32)
        self._wanted: Floats = np.ones(self.delay + 1, np.float32)  # gain each sample needs
        self._state = np.array([1.0, 0.0, 0.0, 0.0, 0.0])  # gain; DC guard's x and y, left, right
        self._release = math.exp(-1 / (RELEASE_S * sample_rate))
        self._dc = math.exp(-2 * math.pi * DC_HZ / sample_rate)

    def process(self, block: Floats, gain_from: float, gain_to: float, ceiling: float) -> None:
        """(n, 2) float32 in place: gain ramp, DC guard, limit to ±`ceiling` (linear)."""
        _limit(
            block,
            gain_from,
            gain_to,
            ceiling,
            self._line,
            self._wanted,
            self._state,
            self._release,
            self._dc,
        )

    @property
    def reduction_db(self) -> float:
        """How much the limiter takes away now, in dB (0 or less)."""
        return 20 * math.log10(max(float(self._state[0]), 1e-6))


@njit(cache=True, nogil=True)
def _limit(block, gain_from, gain_to, ceiling, line, wanted, state, release, dc):
    frames, delay = len(block), len(line)
    gain = state[0]
    for i in range(frames):
        level = gain_from + (gain_to - gain_from) * (i + 1) / frames
        peak = 0.0
        for c in range(2):
            x = block[i, c] * level
            if not abs(x) <= ABSURD:
                x = 0.0
            y = x - state[1 + 2 * c] + dc * state[2 + 2 * c]
            state[1 + 2 * c] = x
            state[2 + 2 * c] = y
            block[i, c] = y
            peak = max(peak, abs(y))
        # The oldest sample leaves the line, the newest enters it. `block` may be longer or
        # shorter than the line, so the line turns by one sample at a time.
        left, right = line[0, 0], line[0, 1]
        for j in range(delay - 1):
            line[j, 0] = line[j + 1, 0]
            line[j, 1] = line[j + 1, 1]
        line[delay - 1, 0] = block[i, 0]
        line[delay - 1, 1] = block[i, 1]
        for j in range(delay):
            wanted[j] = wanted[j + 1]
        wanted[delay] = ceiling / peak if peak > ceiling else 1.0
        # The sample that leaves now is wanted[0]; the gain must be down to wanted[j] j samples
        # later, j + 1 steps from here: take the steepest of the straight lines there.
        step = 1.0
        limited = False
        for j in range(delay + 1):
            if wanted[j] < gain:
                slope = (wanted[j] - gain) / (j + 1)
                if not limited or slope < step:
                    step = slope
                    limited = True
        gain = gain + step if limited else 1.0 - (1.0 - gain) * release
        block[i, 0] = min(max(left * gain, -ceiling), ceiling)
        block[i, 1] = min(max(right * gain, -ceiling), ceiling)
    state[0] = gain
