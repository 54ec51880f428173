"""Evens what is heard of an evened loop, beyond the level of its frames.

The frames of a voice overlap. Where a sound is a narrow band of noise or a cluster of partials, the
frames add up or cancel: its level swings by 10 dB and more even if all frames have the same level
(`engine.play.even`). Here the samples of each hop are brought to the level that the frames that
overlap there have. Compiled kernels: they release the GIL and access only their arguments.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from latentpad.engine.play.memory import HOPS, OVERLAPS, Floats, VoiceMemory
from latentpad.engine.play.phase import Frame

AHEAD = 3
"""Hops: so far ahead of what is heard the overlap is measured. It lacks three frames there, whose
share is small, and the gain comes in time."""

MOST_DB = 12.0
"""The largest change of level."""

# A Hann window.
WEIGHTS = np.hanning(HOPS + 2)[1:-1] / np.hanning(HOPS + 2).sum()

SILENT = 1e-12
"""A power below this, -120 dB, is silence."""


@njit(cache=True, nogil=True, fastmath=True)
def forget_interference(memory: VoiceMemory, v: int) -> None:
    """Begin anew: the overlap was cleared, or its frames were not evened."""
    memory.evened[v] = 0
    memory.correction[v] = 1
    memory.powers[v] = 0
    memory.expected[v] = 0


@njit(cache=True, nogil=True, fastmath=True)
def expect(memory: VoiceMemory, v: int, frame: Frame, power: float) -> None:
    """Note the power of a frame that is added to the overlap.

    `power` is the sum of its squared linear magnitudes, one side of the spectrum; the corrections
    for transposed lobes are taken out.
    """
    amplitude, expected = math.sqrt(power), memory.expected[v]
    last = len(expected) - 1
    for k in range(last):
        expected[k] = expected[k + 1] + amplitude * frame.share[k]
    expected[last] = amplitude * frame.share[last]


@njit(cache=True, nogil=True, fastmath=True)
def even_hop(memory: VoiceMemory, v: int, frame: Frame, even: float, samples: Floats) -> None:
    """Bring the (hop,) samples of a voice, by the share `even` in dB, to the level of its frames.

    Called when they have been copied from the overlap, and it has not moved on yet. The gain
    changes evenly within the hop. It is 1 until the levels of enough hops are known.
    """
    hop, powers = len(samples), memory.powers[v]
    memory.evened[v] += 1
    for k in range(HOPS - 1):
        powers[0, k], powers[1, k] = powers[0, k + 1], powers[1, k + 1]
    power = 0.0
    for i in range(hop):
        sample = memory.overlap[v, AHEAD * hop + i] * frame.norm[i]
        power += sample * sample
    powers[0, -1] = power / hop
    powers[1, -1] = memory.expected[v, AHEAD] * memory.expected[v, AHEAD]
    heard, frames = 0.0, 0.0
    for k in range(HOPS):
        heard += WEIGHTS[k] * powers[0, k]
        frames += WEIGHTS[k] * powers[1, k]
    before, gain = memory.correction[v], 1.0
    if memory.evened[v] >= OVERLAPS + HOPS and heard > SILENT and frames > SILENT:
        away = 10 * math.log10(frames / heard)
        gain = 10 ** (even * min(max(away, -MOST_DB), MOST_DB) / 20)
    memory.correction[v] = gain
    for i in range(hop):
        samples[i] *= before + (gain - before) * (i + 1) / hop
