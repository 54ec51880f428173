"""Evens the level within a loop: every frame is brought towards the common level of its region.

The level of a frame is that of the magnitudes that are about to be played, morphed, cross-faded and
transposed. It is the plain power of all bins: transposition keeps that, and not an A-weighted
level. The common level is the mean power of the region's frames, so a loop stays as loud as it was.
Both sounds of a morph have their own. Compiled kernels: they release the GIL and access only their
arguments.
"""

from __future__ import annotations

import math

from numba import njit

from latentpad.engine.play.memory import UNKNOWN, Floats, FrameSettings, VoiceMemory

MOST_RAISED_DB = 40.0  # below the common level: what is softer is raised no further
SILENT_DB = 30.0  # above the model's floor: what is softer counts as this, so it is not raised
FOLLOW = 1 / 40  # of the way to the common level a hop: frames arrive without a step


@njit(cache=True, nogil=True, fastmath=True)
def follow_common_levels(memory: VoiceMemory, v: int, play: FrameSettings) -> None:
    """Follow the common levels of the region, which change as frames arrive and the region moves.

    A level that is unknown is taken at once.
    """
    frames = memory.levels.shape[2]
    first, last = max(math.floor(play.low), 0), min(math.ceil(play.high), frames)
    heard = not memory.from_silence[v]
    for table in range(2):
        if table == 0 and memory.mix[v] >= 1:
            continue
        total, count = 0.0, 0
        for k in range(first, last):
            filled = memory.filled[v, k]
            if filled or heard:
                level = memory.levels[v, table if filled else 0, k]
                total += math.exp(level * (math.log(10) / 10))
                count += 1
        if count == 0 or total <= 0:
            continue
        level = 10 * math.log10(total / count)
        known = memory.common[v, table]
        memory.common[v, table] = level if known == UNKNOWN else known + FOLLOW * (level - known)


@njit(cache=True, nogil=True, fastmath=True)
def common_level(memory: VoiceMemory, v: int) -> float:
    """The common level of what the voice plays, dB, or `UNKNOWN`."""
    source, target, mix = memory.common[v, 0], memory.common[v, 1], memory.mix[v]
    if mix >= 1 or source == UNKNOWN:
        return target
    if target == UNKNOWN:
        return source
    return source + mix * (target - source)


@njit(cache=True, nogil=True, fastmath=True)
def even_out(memory: VoiceMemory, v: int, play: FrameSettings, magnitude: Floats) -> float:
    """Bring linear magnitudes (bins,) by the share `play.even`, in dB, to the common level.

    Returns their power then, as if they were not transposed.
    """
    power = 0.0
    for m in range(len(magnitude)):
        power += magnitude[m] * magnitude[m]
    # Transposed lobes are wider and lower, or narrower and higher (see `play_frame`).
    power /= (1 + play.ratio * play.ratio) / (2 * play.ratio)
    common = common_level(memory, v)
    if common == UNKNOWN:
        return power
    softest = max(common - MOST_RAISED_DB, SILENT_DB - play.range_db)
    level = 10 * math.log10(max(power / (play.level * play.level), 1e-20))
    gain = 10 ** (play.even * (common - max(level, softest)) / 20)
    for m in range(len(magnitude)):
        magnitude[m] *= gain
    return power * gain * gain
