"""The last stage before the output: DC blocker and look-ahead limiter.

The limiter delays the sound by `LIMITER_DELAY_S` (half a millisecond). In that time its gain falls
linearly to what the coming peak allows, so nothing exceeds the ceiling and nothing is clipped.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from latentpad.engine.output_settings import LIMITER_DELAY_S

Floats = NDArray[np.float32]

RELEASE_S = 0.08
DC_HZ = 5.0
INAUDIBLE = 1e-46  # the next value of the DC blocker is 0 as float32
MAX_SAMPLE = 1e4  # +80 dBFS: a larger one is an error and would upset the DC blocker for seconds


class Limiter:
    """A stereo limiter that keeps its state between blocks. Render thread only.

    `at_rest` says that a block of zeros would leave it as it is, and come out as zeros. This is so
    some 3 s after the sound: the DC blocker decays to the smallest float32 first.
    """

    def __init__(self, sample_rate: int) -> None:
        self.at_rest = True
        self.delay = max(1, round(LIMITER_DELAY_S * sample_rate))
        self._delay_line: Floats = np.zeros((self.delay, 2), np.float32)
        self._needed_gain: Floats = np.ones(self.delay + 1, np.float32)  # gain each sample needs
        self._state = np.array(
            [1.0, 0.0, 0.0, 0.0, 0.0]
        )  # gain; x and y of the DC blocker, left and right
        self._release = math.exp(-1 / (RELEASE_S * sample_rate))
        self._dc = math.exp(-2 * math.pi * DC_HZ / sample_rate)

    def process(self, block: Floats, gain_from: float, gain_to: float, ceiling: float) -> None:
        """Process (n, 2) float32 in place: gain ramp, DC blocker, limit to ±`ceiling` (linear)."""
        self.at_rest = _limit(
            block,
            gain_from,
            gain_to,
            ceiling,
            self._delay_line,
            self._needed_gain,
            self._state,
            self._release,
            self._dc,
        )

    @property
    def reduction_db(self) -> float:
        """The present gain of the limiter in dB, 0 or less."""
        return 20 * math.log10(max(float(self._state[0]), 1e-6))


@njit(cache=True, nogil=True)
def _limit(block, gain_from, gain_to, ceiling, delay_line, needed_gain, state, release, dc):
    """Returns whether the limiter is at rest."""
    frames, delay = len(block), len(delay_line)
    gain = state[0]
    for i in range(frames):
        level = gain_from + (gain_to - gain_from) * (i + 1) / frames
        peak = 0.0
        for c in range(2):
            x = block[i, c] * level
            if not abs(x) <= MAX_SAMPLE:
                x = 0.0
            y = x - state[1 + 2 * c] + dc * state[2 + 2 * c]
            state[1 + 2 * c] = x
            state[2 + 2 * c] = y
            block[i, c] = y
            peak = max(peak, abs(y))
        # Shift the delay line by one sample. `block` may be longer or shorter than the line, so
        # this is done sample by sample.
        left, right = delay_line[0, 0], delay_line[0, 1]
        for j in range(delay - 1):
            delay_line[j, 0] = delay_line[j + 1, 0]
            delay_line[j, 1] = delay_line[j + 1, 1]
        delay_line[delay - 1, 0] = block[i, 0]
        delay_line[delay - 1, 1] = block[i, 1]
        for j in range(delay):
            needed_gain[j] = needed_gain[j + 1]
        needed_gain[delay] = ceiling / peak if peak > ceiling else 1.0
        # The next sample to be output is j = 0. The gain must fall to needed_gain[j] within j + 1
        # steps: take the steepest of these slopes.
        step = 1.0
        limited = False
        for j in range(delay + 1):
            if needed_gain[j] < gain:
                slope = (needed_gain[j] - gain) / (j + 1)
                if not limited or slope < step:
                    step = slope
                    limited = True
        gain = gain + step if limited else 1.0 - (1.0 - gain) * release
        block[i, 0] = min(max(left * gain, -ceiling), ceiling)
        block[i, 1] = min(max(right * gain, -ceiling), ceiling)
    at_rest = state[0] == gain and state[1] == 0 and state[3] == 0
    at_rest = at_rest and abs(state[2]) < INAUDIBLE and abs(state[4]) < INAUDIBLE
    state[0] = gain
    if not at_rest:
        return False
    for j in range(delay):
        if delay_line[j, 0] != 0 or delay_line[j, 1] != 0 or needed_gain[j + 1] != 1:
            return False
    state[2] = state[4] = 0.0
    return True
