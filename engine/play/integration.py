"""Integrates the phase gradients of one frame: RTPGHI's order of integration, without its heap.

RTPGHI (Průša & Søndergaard, DAFx-16) spreads the phase from the loudest bins first, with a heap:
from a bin of the previous frame to the same bin, and within the frame to both neighbours. So each
bin gets its phase by the path whose quietest bin is loudest. The bins of one frame form a chain, so
these widest paths are found by one pass upwards and one downwards: the same phases as with the
heap, at a fraction of its time. Of equally wide paths, the one from the lowest bin is taken: where
the previous frame was silence, one bin continues it, and the others follow from that one.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

TWO_PI = 2 * math.pi
# Finite: the callers' `fastmath` is inherited, which does not know infinities.
NOWHERE = np.float32(-1e30)  # the width of a path that does not exist
FROM_BELOW = np.float32(1e30)  # marks a bin that gets its phase from below


@njit(cache=True, nogil=True)
def integrate(
    s_before, s, phase_before, tgrad_before, tgrad, fgrad, tolerance, seed, upward, phase
):
    """The phase of one frame: (bins,) radians, float32, into `phase`.

    `s` (bins,) are natural log-magnitudes, `tgrad` and `fgrad` the gradients over time and
    frequency; `..._before` belong to the previous frame. Bins below `tolerance` times the larger
    maximum of both frames are inaudible and get a random phase from `seed`. `upward` (bins,)
    float32 is scratch space.
    """
    bins = len(s)
    top = s[0]
    for m in range(bins):
        top = max(top, s[m], s_before[m])
    floor = top + math.log(tolerance)
    m = 0
    while m < bins:
        if s[m] > floor:
            first = m
            while m < bins and s[m] > floor:
                m += 1
            _integrate_run(
                first, m, floor, s_before, s, phase_before, tgrad_before, tgrad, fgrad, upward,
                phase,
            )  # fmt: skip
        else:
            seed[0] ^= seed[0] << np.uint32(13)
            seed[0] ^= seed[0] >> np.uint32(17)
            seed[0] ^= seed[0] << np.uint32(5)
            phase[m] = seed[0] * (TWO_PI / 4294967296.0)
            m += 1
    for m in range(bins):
        phase[m] -= TWO_PI * math.floor(phase[m] / TWO_PI + 0.5)


@njit(cache=True, nogil=True)
def _integrate_run(
    first, end, floor, s_before, s, phase_before, tgrad_before, tgrad, fgrad, upward, phase
):
    """The phase of the audible bins `first`...`end` - 1, next to which are inaudible ones."""
    # The width of the best path to a bin is the log-magnitude of its quietest bin, where the bin
    # itself does not count. `upward` is that of the best one from below.
    width = NOWHERE
    for m in range(first, end):
        upward[m] = width
        own = s_before[m] if s_before[m] > floor else NOWHERE
        width = min(max(width, own), s[m])
    if width == NOWHERE:
        _integrate_from_loudest(first, end, s, fgrad, phase)
        return
    # Phases by paths from the previous frame and from above. Those from below come afterwards.
    width = NOWHERE
    for m in range(end - 1, first - 1, -1):
        own = s_before[m] if s_before[m] > floor else NOWHERE
        below = upward[m]
        if width > own and width > below:
            phase[m] = phase[m + 1] - np.float32(0.5) * (fgrad[m + 1] + fgrad[m])
        elif own > below:
            phase[m] = phase_before[m] + np.float32(0.5) * (tgrad_before[m] + tgrad[m])
        else:
            upward[m] = FROM_BELOW
        width = min(max(width, own), s[m])
    for m in range(first + 1, end):
        if upward[m] == FROM_BELOW:
            phase[m] = phase[m - 1] + np.float32(0.5) * (fgrad[m - 1] + fgrad[m])


@njit(cache=True, nogil=True)
def _integrate_from_loudest(first, end, s, fgrad, phase):
    """No bin continues one of the previous frame: the loudest gets phase 0."""
    loudest = first
    for m in range(first, end):
        if s[m] > s[loudest]:
            loudest = m
    phase[loudest] = 0.0
    for m in range(loudest + 1, end):
        phase[m] = phase[m - 1] + np.float32(0.5) * (fgrad[m - 1] + fgrad[m])
    for m in range(loudest - 1, first - 1, -1):
        phase[m] = phase[m + 1] - np.float32(0.5) * (fgrad[m + 1] + fgrad[m])
