"""Renders one hop of all voices and mixes them to stereo: the compiled core of the render loop."""

from __future__ import annotations

import math
from ctypes import Structure, c_bool, c_double, c_int64

import numpy as np
from numba import njit

from latentpad.engine.play.interference import forget_interference
from latentpad.engine.play.memory import FrameSettings, Scratch, VoiceMemory
from latentpad.engine.play.phase import Frame
from latentpad.engine.play.voice import WAVE, clear_voice, play_frame, play_stereo, play_wave

_Type = type[c_bool] | type[c_int64] | type[c_double]
_TYPES: dict[str, _Type] = {"bool": c_bool, "int": c_int64, "float": c_double}


class Instruction(Structure):
    """What one voice does in one hop. As a dtype it is the record that the kernel reads.

    The render thread writes it field by field, which is faster than writing a NumPy record.
    """

    active: bool
    method: int  # RTPGHI, NOISE or WAVE
    rate: float  # of a waveform, samples per output sample
    advance: float  # decoded frames per played frame
    low: float  # region, decoded frames
    high: float
    inner: float  # of a loop's cross-fade, see `engine.region.Region`
    skip: float
    even: float
    loops: bool
    ratio: float  # frequency ratio of the transposition
    texture: float
    learned: float  # share of the sound's own texture
    lookahead: int
    iterations: int
    level: float  # the sound's, linear
    burst: int  # extra frames that are computed before this hop's
    rise: int  # samples of a fade from silence at the start of the hop, 0 none
    left_from: float  # gains at the hop's beginning and end
    left_to: float
    right_from: float
    right_to: float
    _fields_ = tuple((name, _TYPES[str(kind)]) for name, kind in __annotations__.items())


@njit(cache=True, nogil=True)
def without_loop(play: FrameSettings) -> FrameSettings:
    """The same settings without a loop: frames before a voice's first sample lie outside its
    region."""
    return FrameSettings(
        play.advance, play.low, play.high, False, play.ratio, play.method, play.texture,
        play.lookahead, play.iterations, play.range_db, play.level, play.inner, play.skip,
        play.even, play.learned,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def play_hop(
    memory: VoiceMemory, scratch: Scratch, frame: Frame, instructions, range_db, mono, tail, out
):
    """Render one hop of every active voice of `instructions` (V,), records of `Instruction`, into
    `out` (hop, 2).

    Returns the number of voices that gave NaN or infinity. They are silenced.
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
    for v in range(len(instructions)):
        instruction = instructions[v]
        if not instruction.active:
            continue
        stereo = instruction.method == WAVE and memory.stereo[v]
        side = scratch.signal[:hop]  # free: a waveform needs no frame
        if stereo:
            play_stereo(memory, v, instruction.rate, mono, side)
        elif instruction.method == WAVE:
            play_wave(memory, v, instruction.rate, mono)
        else:
            play = FrameSettings(
                instruction.advance, instruction.low, instruction.high, instruction.loops,
                instruction.ratio, instruction.method, instruction.texture,
                instruction.lookahead, instruction.iterations, range_db, instruction.level,
                instruction.inner, instruction.skip, instruction.even, instruction.learned,
            )  # fmt: skip
            for _ in range(instruction.burst):
                play_frame(memory, scratch, v, frame, without_loop(play), mono)
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
        rise = instruction.rise
        for i in range(min(rise, hop)):
            mono[i] *= np.float32((i + 1) / rise)
            if stereo:
                side[i] *= np.float32((i + 1) / rise)
        step = 1.0 / hop
        for i in range(hop):
            part = (i + 1) * step
            left = instruction.left_from + (instruction.left_to - instruction.left_from) * part
            right = instruction.right_from + (instruction.right_to - instruction.right_from) * part
            if stereo:  # for stereo, pan is balance
                out[i, 0] += np.float32((mono[i] + side[i]) * left)
                out[i, 1] += np.float32((mono[i] - side[i]) * right)
                continue
            out[i, 0] += np.float32(mono[i] * left)
            out[i, 1] += np.float32(mono[i] * right)
    return guarded


@njit(cache=True, nogil=True)
def add_tail(
    memory: VoiceMemory, frame: Frame, v: int, left: float, right: float, rate: float, tail
) -> None:
    """Add what is left of a voice that is given to another source to `tail` (n_fft, 2).

    Its overlap fades by the windows of its frames. A voice that plays a waveform (at `rate`, else
    0) plays on into a short fade.
    """
    n_fft, hop = len(frame.window), frame.hop
    if rate != 0:
        wave, side = np.zeros(n_fft // 4, np.float32), np.zeros(n_fft // 4, np.float32)
        if memory.stereo[v]:
            play_stereo(memory, v, rate, wave, side)
        else:
            play_wave(memory, v, rate, wave)
        for i in range(len(wave)):
            fade = 1 - (i + 1) / len(wave)
            tail[i, 0] += np.float32((wave[i] + side[i]) * fade * left)
            tail[i, 1] += np.float32((wave[i] - side[i]) * fade * right)
        return
    for i in range(n_fft):
        sample = memory.overlap[v, i] * frame.norm[i % hop]
        tail[i, 0] += np.float32(sample * left)
        tail[i, 1] += np.float32(sample * right)


@njit(cache=True, nogil=True)
def fade_out_overlap(
    memory: VoiceMemory, frame: Frame, v: int, left: float, right: float, tail
) -> None:
    """Fade out a voice's overlap within one hop, into `tail`: other frames replace it."""
    for i in range(frame.hop):
        sample = memory.overlap[v, i] * frame.norm[i] * (1 - (i + 1) / frame.hop)
        tail[i, 0] += np.float32(sample * left)
        tail[i, 1] += np.float32(sample * right)
    memory.overlap[v] = 0
    forget_interference(memory, v)
