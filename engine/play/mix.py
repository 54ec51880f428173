"""One hop of all voices at once, mixed to stereo: the compiled heart of the render loop."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from latentpad.engine.play.memory import Bank, Play, Work
from latentpad.engine.play.phase import Frame
from latentpad.engine.play.voice import WAVE, play_frame, play_stereo, play_wave, quiet

# Columns of the table that tells the kernel what each voice does in this hop.
(
    ACTIVE, ADVANCE, LOW, HIGH, LOOPS, RATIO, METHOD, TEXTURE, LOOKAHEAD, ITERATIONS, BURST,
    LEFT_FROM, LEFT_TO, RIGHT_FROM, RIGHT_TO, RATE, LEVEL, RISE, COLUMNS,
) = range(19)  # fmt: skip


@njit(cache=True, nogil=True)
def unlooped(play: Play) -> Play:
    """The same, straight on: what leads up to a voice's first sample lies before its region."""
    return Play(
        play.advance, play.low, play.high, False, play.ratio, play.method, play.texture,
        play.lookahead, play.iterations, play.range_db, play.level,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def play_hop(bank: Bank, work: Work, frame: Frame, todo, range_db, mono, tail, out):
    """Play one hop of every voice that `todo` (V, COLUMNS) names into `out` (hop, 2).

    Returns how many voices gave anything but numbers; those are silenced.
    """
    hop = frame.hop
    guarded = 0
    for i in range(hop):
        out[i, 0] = tail[i, 0]
        out[i, 1] = tail[i, 1]
    for i in range(len(tail) - hop):
        tail[i, 0] = tail[i + hop, 0]
        tail[i, 1] = tail[i + hop, 1]
    tail[len(tail) - hop :] = 0
    for v in range(len(todo)):
        if todo[v, ACTIVE] == 0:
            continue
        stereo = todo[v, METHOD] == WAVE and bank.stereo[v]
        side = work.signal[:hop]  # no frame is made of a whole sound
        if stereo:
            play_stereo(bank, v, todo[v, RATE], mono, side)
        elif todo[v, METHOD] == WAVE:
            play_wave(bank, v, todo[v, RATE], mono)
        else:
            play = Play(
                todo[v, ADVANCE], todo[v, LOW], todo[v, HIGH], todo[v, LOOPS] != 0,
                todo[v, RATIO], int(todo[v, METHOD]), todo[v, TEXTURE],
                int(todo[v, LOOKAHEAD]), int(todo[v, ITERATIONS]), range_db, todo[v, LEVEL],
            )  # fmt: skip
            for _ in range(int(todo[v, BURST])):
                play_frame(bank, work, v, frame, unlooped(play), mono)
            play_frame(bank, work, v, frame, play, mono)
        total = np.float32(0)
        for i in range(hop):
            total += abs(mono[i])
            if stereo:
                total += abs(side[i])
        if not math.isfinite(total):
            guarded += 1
            quiet(bank, v, frame, range_db)
            continue
        rise = int(todo[v, RISE])
        for i in range(min(rise, hop)):
            mono[i] *= np.float32((i + 1) / rise)
            if stereo:
                side[i] *= np.float32((i + 1) / rise)
        step = 1.0 / hop
        for i in range(hop):
            part = (i + 1) * step
            left = todo[v, LEFT_FROM] + (todo[v, LEFT_TO] - todo[v, LEFT_FROM]) * part
            right = todo[v, RIGHT_FROM] + (todo[v, RIGHT_TO] - todo[v, RIGHT_FROM]) * part
            if stereo:  # panned by its balance
                out[i, 0] += np.float32((mono[i] + side[i]) * left)
                out[i, 1] += np.float32((mono[i] - side[i]) * right)
                continue
            out[i, 0] += np.float32(mono[i] * left)
            out[i, 1] += np.float32(mono[i] * right)
    return guarded


@njit(cache=True, nogil=True)
def leave_tail(
    bank: Bank, frame: Frame, v: int, left: float, right: float, rate: float, tail
) -> None:
    """What a stolen voice has already put into the overlap dies away by its own windows; one
    that plays a whole sound (at `rate`, else 0) plays on into a short fade."""
    n_fft, hop = len(frame.window), frame.hop
    if rate != 0:
        rest, side = np.zeros(n_fft // 4, np.float32), np.zeros(n_fft // 4, np.float32)
        if bank.stereo[v]:
            play_stereo(bank, v, rate, rest, side)
        else:
            play_wave(bank, v, rate, rest)
        for i in range(len(rest)):
            fade = 1 - (i + 1) / len(rest)
            tail[i, 0] += np.float32((rest[i] + side[i]) * fade * left)
            tail[i, 1] += np.float32((rest[i] - side[i]) * fade * right)
        return
    for i in range(n_fft):
        sample = bank.overlap[v, i] * frame.norm[i % hop]
        tail[i, 0] += np.float32(sample * left)
        tail[i, 1] += np.float32(sample * right)


@njit(cache=True, nogil=True)
def fade_out(bank: Bank, frame: Frame, v: int, left: float, right: float, tail) -> None:
    """What a voice has put into the overlap gives way, within one hop, to what replaces it."""
    for i in range(frame.hop):
        sample = bank.overlap[v, i] * frame.norm[i] * (1 - (i + 1) / frame.hop)
        tail[i, 0] += np.float32(sample * left)
        tail[i, 1] += np.float32(sample * right)
    bank.overlap[v] = 0
