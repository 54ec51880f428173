"""The frame at a playhead: interpolated between decoded frames, morphed, looped, transposed.

Compiled kernels. They release the GIL and access only their arguments.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from latentpad.engine.play.memory import Floats, FrameSettings, VoiceMemory
from latentpad.engine.region import WRAP_FRAMES

NEPER = math.log(10) / 20  # natural logarithm of a magnitude per dB


@njit(cache=True, nogil=True)
def wrap(playhead: float, play: FrameSettings) -> float:
    """The playhead wrapped into its region if the voice loops, as `engine.region.Region` does."""
    if not play.loop or play.high - play.low <= 0:
        return playhead
    jump = play.high - play.low - play.inner - play.skip
    if playhead >= play.high:
        begin = play.low + play.inner + play.skip
        return begin + (playhead - begin) % jump
    if playhead < play.low:
        return play.low + (playhead - play.low) % jump
    return playhead


@njit(cache=True, nogil=True)
def loop_blend(playhead: float, play: FrameSettings) -> tuple[float, float]:
    """How far a loop's end has faded into its beginning at the playhead, 0...1, and the playhead
    there."""
    length = play.high - play.low
    blend = 0.0
    if play.loop:
        fade = max(min(WRAP_FRAMES, 0.25 * length), play.inner)
        if play.advance > 0 and playhead > play.high - fade:
            blend = min((playhead - (play.high - fade)) / fade, 1.0)
        elif play.advance < 0 and playhead < play.low + fade:
            blend = min((play.low + fade - playhead) / fade, 1.0)
    jump = length - play.inner - play.skip
    return blend, playhead - jump if play.advance > 0 else playhead + jump


@njit(cache=True, nogil=True, fastmath=True)
def _add_row(
    memory: VoiceMemory,
    v: int,
    table: int,
    position: float,
    weight: float,
    range_db: float,
    row: Floats,
) -> None:
    """row += weight · the table's dB at a fractional frame; silence outside the table.

    Where the target (table 1) is not decoded yet, the source, or silence, stands for it.
    """
    tables, filled = memory.tables[v], memory.filled[v]
    frames = tables.shape[1]
    lower = math.floor(position)
    upper_weight = np.float32(weight * (position - lower))
    lower_weight = np.float32(weight) - upper_weight
    floor = np.float32(-range_db)
    index = int(lower)
    heard = not memory.from_silence[v]
    if 0 <= index < frames and (heard or filled[index]):
        source = tables[table if filled[index] else 0, index]
        for m in range(len(row)):
            row[m] += lower_weight * max(source[m], floor)
    else:
        for m in range(len(row)):
            row[m] += lower_weight * floor
    if 0 <= index + 1 < frames and (heard or filled[index + 1]):
        source = tables[table if filled[index + 1] else 0, index + 1]
        for m in range(len(row)):
            row[m] += upper_weight * max(source[m], floor)
    else:
        for m in range(len(row)):
            row[m] += upper_weight * floor


@njit(cache=True, nogil=True, fastmath=True)
def magnitudes_at(
    memory: VoiceMemory, v: int, playhead: float, play: FrameSettings, row: Floats, out: Floats
) -> None:
    """Natural log-magnitudes (bins,) at a playhead: morphed, looped seamlessly, transposed."""
    row[:] = 0
    mix = memory.mix[v]
    blend, other_playhead = loop_blend(playhead, play)
    for table in range(2):
        share = mix if table == 1 else 1.0 - mix
        if share <= 0:
            continue
        _add_row(memory, v, table, playhead, share, play.range_db, row)
    bins = len(row)
    neper = np.float32(NEPER)
    if blend > 0:
        # Linear, not in dB: the mean in dB of two different tones is near silence.
        out[:] = 0
        for table in range(2):
            share = mix if table == 1 else 1.0 - mix
            if share > 0:
                _add_row(memory, v, table, other_playhead, share, play.range_db, out)
        main_weight, blend_weight = np.float32(1 - blend), np.float32(blend)
        for m in range(bins):
            row[m] = math.log(
                main_weight * math.exp(row[m] * neper) + blend_weight * math.exp(out[m] * neper)
            )
            row[m] /= neper
    if play.ratio == 1.0:
        for m in range(bins):
            out[m] = row[m] * neper
        return
    # Cubic (Catmull-Rom) between bins, because a lobe is a parabola. Linear interpolation would cut
    # its top by a dB, and its slopes, the phase's gradient, would be off by 20 cents.
    floor = np.float32(-play.range_db * NEPER)
    step = 1.0 / play.ratio
    last = bins - 1
    for m in range(bins):
        position = m * step
        lower = int(position)
        if lower < last:
            x = np.float32(position - lower)
            b, c = row[lower], row[lower + 1]
            a, d = row[max(lower - 1, 0)], row[min(lower + 2, last)]
            cubic = b + 0.5 * x * (
                c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a))
            )
            out[m] = cubic * neper
        else:
            out[m] = floor
