"""One hop of all voices at once, mixed to stereo: the compiled heart of the render loop."""

from __future__ import annotations

import math
from ctypes import Structure, c_bool, c_double, c_int64

import numpy as np
from numba import njit

from latentpad.engine.play.memory import FrameSettings, Scratch, VoiceMemory
from latentpad.engine.play.phase import Frame
from latentpad.engine.play.voice import WAVE, clear_voice, play_frame, play_stereo, play_wave

_Type = type[c_bool] | type[c_int64] | type[c_double]
_TYPES: dict[str, _Type] = {"bool": c_bool, "int": c_int64, "float": c_double}


class Instruction(Structure):
    """What one voice does in one hop. As a dtype it is the record that the kernel reads.

    Written field by field, by the render thread: that takes less time than a record of NumPy's.
    """

    active: bool
    method: int  # RTPGHI, NOISE or WAVE
    rate: float  # of a whole sound, samples a sample
    advance: float  # decoded frames a played frame
    low: float  # region, decoded frames
    high: float
    loops: bool
    ratio: float  # frequency ratio of the transposition
    texture: float
    lookahead: int
    iterations: int
    level: float  # the sound's own, linear
    burst: int  # frames that are made at once before this hop's
    rise: int  # samples in which the hop comes up from silence, 0 none
    left_from: float  # gains at the hop's beginning and end
    left_to: float
    right_from: float
    right_to: float
    _fields_ = tuple((name, _TYPES[str(kind)]) for name, kind in __annotations__.items())


@njit(cache=True, nogil=True)
def unlooped(play: FrameSettings) -> FrameSettings:
    """The same, straight on: what leads up to a voice's first sample lies before its region."""
    return FrameSettings(
        play.advance, play.low, play.high, False, play.ratio, play.method, play.texture,
        play.lookahead, play.iterations, play.range_db, play.level,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def play_hop(memory: VoiceMemory, scratch: Scratch, frame: Frame, todo, range_db, mono, tail, out):
    """Play one hop of every voice that `todo` (V,) of `Instruction` names into `out` (hop, 2).

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
        do = todo[v]
        if not do.active:
            continue
        stereo = do.method == WAVE and memory.stereo[v]
        side = scratch.signal[:hop]  # no frame is made of a whole sound
        if stereo:
            play_stereo(memory, v, do.rate, mono, side)
        elif do.method == WAVE:
            play_wave(memory, v, do.rate, mono)
        else:
            play = FrameSettings(
                do.advance, do.low, do.high, do.loops,
                do.ratio, do.method, do.texture,
                do.lookahead, do.iterations, range_db, do.level,
            )  # fmt: skip
            for _ in range(do.burst):
                play_frame(memory, scratch, v, frame, unlooped(play), mono)
            play_frame(memory, scratch, v, frame, play, mono)
        total = np.float32(0)
        for i in range(hop):
            total += abs(mono[i])
            if stereo:
                total += abs(side[i])
        if not math.isfinite(total):
            guarded += 1
            clear_voice(memory, v, frame, range_db)
            continue
        rise = do.rise
        for i in range(min(rise, hop)):
            mono[i] *= np.float32((i + 1) / rise)
            if stereo:
                side[i] *= np.float32((i + 1) / rise)
        step = 1.0 / hop
        for i in range(hop):
            part = (i + 1) * step
            left = do.left_from + (do.left_to - do.left_from) * part
            right = do.right_from + (do.right_to - do.right_from) * part
            if stereo:  # panned by its balance
                out[i, 0] += np.float32((mono[i] + side[i]) * left)
                out[i, 1] += np.float32((mono[i] - side[i]) * right)
                continue
            out[i, 0] += np.float32(mono[i] * left)
            out[i, 1] += np.float32(mono[i] * right)
    return guarded


@njit(cache=True, nogil=True)
def leave_tail(
    memory: VoiceMemory, frame: Frame, v: int, left: float, right: float, rate: float, tail
) -> None:
    """What a stolen voice has already put into the overlap dies away by its own windows; one
    that plays a whole sound (at `rate`, else 0) plays on into a short fade."""
    n_fft, hop = len(frame.window), frame.hop
    if rate != 0:
        rest, side = np.zeros(n_fft // 4, np.float32), np.zeros(n_fft // 4, np.float32)
        if memory.stereo[v]:
            play_stereo(memory, v, rate, rest, side)
        else:
            play_wave(memory, v, rate, rest)
        for i in range(len(rest)):
            fade = 1 - (i + 1) / len(rest)
            tail[i, 0] += np.float32((rest[i] + side[i]) * fade * left)
            tail[i, 1] += np.float32((rest[i] - side[i]) * fade * right)
        return
    for i in range(n_fft):
        sample = memory.overlap[v, i] * frame.norm[i % hop]
        tail[i, 0] += np.float32(sample * left)
        tail[i, 1] += np.float32(sample * right)


@njit(cache=True, nogil=True)
def fade_out(memory: VoiceMemory, frame: Frame, v: int, left: float, right: float, tail) -> None:
    """What a voice has put into the overlap gives way, within one hop, to what replaces it."""
    for i in range(frame.hop):
        sample = memory.overlap[v, i] * frame.norm[i] * (1 - (i + 1) / frame.hop)
        tail[i, 0] += np.float32(sample * left)
        tail[i, 1] += np.float32(sample * right)
    memory.overlap[v] = 0
