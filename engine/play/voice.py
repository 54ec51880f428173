"""One voice for one hop: from a decoded sound and a playhead to samples.

Everything here is compiled, releases the GIL and accesses only the arrays of the `VoiceMemory` that
it is given.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from latentpad.engine.phase_methods import NAMES
from latentpad.engine.play.even import even_out, follow_common_levels
from latentpad.engine.play.integration import integrate
from latentpad.engine.play.interference import even_hop, expect, forget_interference
from latentpad.engine.play.memory import Floats, FrameSettings, Scratch, VoiceMemory
from latentpad.engine.play.phase import (
    Frame,
    gradient_frequency,
    gradient_time,
    refine,
    refine_ahead,
    spectrum_of,
)
from latentpad.engine.play.playhead import NEPER, magnitudes_at, wrap
from latentpad.engine.play.texture import add_noise, add_noise_by_band, share_noise

GATE_DB = 3.0  # bins this close to the model's floor are muted, or they would hiss
TOLERANCE = 1e-5

RTPGHI, NOISE = NAMES.index("rtpghi"), NAMES.index("noise")
WAVE = -1  # instead of a method: the voice plays a waveform


@njit(cache=True, nogil=True)
def clear_voice(memory: VoiceMemory, v: int, frame: Frame, range_db: float) -> None:
    """Forget what the voice has played: the next frame follows silence."""
    silence = np.float32(-range_db * NEPER)
    memory.before[v] = silence
    memory.phase[v] = 0
    memory.overlap[v] = 0
    forget_interference(memory, v)
    gradient_time(memory.before[v, 0], frame.gamma, frame.hop, memory.tgrad[v])


def noise_seed(serial: int) -> int:
    """The seed of a voice's noise: 32 bits, not 0, and different for neighbouring serials
    (MurmurHash3's finalizer). So a sound that is rendered again gets the same noise."""
    x = serial & 0xFFFFFFFF
    x = (x ^ x >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    x = (x ^ x >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return x ^ x >> 16 or 1


@njit(cache=True, nogil=True)
def seed_noise(memory: VoiceMemory, v: int, begin: int) -> None:
    """Restart the voice's noise from the seed `begin`, 32 bits and not 0."""
    noise, seed = memory.noise[v], memory.seed[v]
    seed[0] = begin
    for i in range(len(noise)):
        seed[0] ^= seed[0] << np.uint32(13)
        seed[0] ^= seed[0] >> np.uint32(17)
        seed[0] ^= seed[0] << np.uint32(5)
        noise[i] = np.float32(seed[0] * (2.0 / 4294967296.0) - 1.0)


@njit(cache=True, nogil=True, fastmath=True)
def _magnitudes(s, play, out):
    """Log-magnitudes to linear ones, gated, at the sound's level, corrected for the width of
    transposed lobes."""
    gate = np.float32((GATE_DB - play.range_db) * NEPER)
    width = math.sqrt((1 + play.ratio * play.ratio) / 2) / play.ratio
    scale = np.float32(width * play.level)
    zero = np.float32(0)
    for m in range(len(s)):
        out[m] = scale * math.exp(s[m]) if s[m] > gate else zero


@njit(cache=True, nogil=True, fastmath=True)
def _coherent(memory, scratch, v, frame, play, playhead):
    """The frame's spectrum with the phase of RTPGHI and RTISI, into `scratch.spectrum`."""
    gamma = frame.gamma / (play.ratio * play.ratio)
    scale = np.float32(frame.scale)
    ahead = play.lookahead > 0
    if ahead:
        next_ = wrap(playhead + play.advance, play)
        magnitudes_at(memory, v, next_, play, scratch.row, scratch.after)
    gradient_time(scratch.now, gamma, frame.hop, scratch.tgrad)
    gradient_frequency(
        memory.before[v, 1],
        memory.before[v, 0],
        scratch.now,
        scratch.after,
        ahead,
        gamma,
        frame.hop,
        scratch.fgrad,
    )
    integrate(
        memory.before[v, 0],
        scratch.now,
        memory.phase[v],
        memory.tgrad[v],
        scratch.tgrad,
        scratch.fgrad,
        TOLERANCE,
        memory.seed[v],
        scratch.upward,
        scratch.phase,
    )
    spectrum_of(scratch.magnitude, scratch.phase, scale, scratch.spectrum)
    # Transposed lobes are wider or narrower than the window's. RTISI would change that
    # and put a tone up to 13 cents out of tune.
    if play.iterations == 0 or play.ratio != 1.0:
        return
    if play.lookahead < 2:
        refine(
            scratch.magnitude,
            scratch.spectrum,
            memory.overlap[v],
            frame.window,
            frame.partial[0],
            scale,
            play.iterations,
            scratch.phase,
        )
        return
    after2 = wrap(playhead + 2 * play.advance, play)
    magnitudes_at(memory, v, after2, play, scratch.row, scratch.after2)
    _magnitudes(scratch.after, play, scratch.magnitude2)
    if play.even > 0:
        even_out(memory, v, play, scratch.magnitude2)
    gradient_time(scratch.after, gamma, frame.hop, scratch.tgrad2)
    gradient_frequency(
        memory.before[v, 0],
        scratch.now,
        scratch.after,
        scratch.after2,
        True,
        gamma,
        frame.hop,
        scratch.fgrad,
    )
    integrate(
        scratch.now,
        scratch.after,
        scratch.phase,
        scratch.tgrad,
        scratch.tgrad2,
        scratch.fgrad,
        TOLERANCE,
        memory.seed[v],
        scratch.upward,
        scratch.phase2,
    )
    spectrum_of(scratch.magnitude2, scratch.phase2, scale, scratch.spectrum2)
    refine_ahead(
        scratch.magnitude,
        scratch.spectrum,
        scratch.magnitude2,
        scratch.spectrum2,
        memory.overlap[v],
        frame.window,
        frame.partial,
        frame.hop,
        scale,
        play.iterations,
        scratch.phase,
    )


@njit(cache=True, nogil=True, fastmath=True)
def play_frame(
    memory: VoiceMemory, scratch: Scratch, v: int, frame: Frame, play: FrameSettings, out: Floats
) -> None:
    """Add the frame at the playhead to the overlap, output one hop, and move the playhead.

    `out` (hop,) float32 receives the samples. They are n_fft / 2 before the frame's middle.
    """
    n_fft, hop = len(frame.window), frame.hop
    playhead = wrap(memory.playhead[v], play)
    magnitudes_at(memory, v, playhead, play, scratch.row, scratch.now)
    _magnitudes(scratch.now, play, scratch.magnitude)
    if play.even > 0:
        follow_common_levels(memory, v, play)
        expect(memory, v, frame, even_out(memory, v, play, scratch.magnitude))
    texture = 1.0 if play.method == NOISE else play.texture
    if texture < 1:
        _coherent(memory, scratch, v, frame, play, playhead)
        for m in range(len(scratch.now)):
            memory.phase[v, m] = scratch.phase[m]
            memory.tgrad[v, m] = scratch.tgrad[m]
    else:
        scratch.spectrum[:] = 0
    if texture < 1 and share_noise(memory, scratch, v, play, playhead, texture):
        add_noise_by_band(memory, scratch, v, frame, play.ratio, texture)
    elif texture > 0:
        add_noise(memory, scratch, v, frame, texture)
    signal = np.fft.irfft(scratch.spectrum)
    overlap = memory.overlap[v]
    for i in range(n_fft):
        overlap[i] += signal[i] * frame.window[i]
    for i in range(hop):
        out[i] = overlap[i] * frame.norm[i]
    if play.even > 0:
        even_hop(memory, v, frame, play.even, out)
    elif memory.evened[v] > 0:
        forget_interference(memory, v)
    for i in range(n_fft - hop):
        overlap[i] = overlap[i + hop]
    for i in range(n_fft - hop, n_fft):
        overlap[i] = 0
    for m in range(len(scratch.now)):
        memory.before[v, 1, m] = memory.before[v, 0, m]
        memory.before[v, 0, m] = scratch.now[m]
    memory.playhead[v] = playhead + play.advance


@njit(cache=True, nogil=True, fastmath=True)
def play_wave(memory: VoiceMemory, v: int, rate: float, out: Floats) -> None:
    """One hop of a whole sound at `rate`, as one channel. The next hop continues after it."""
    memory.wave_position[v] = _read(memory.waves[v], memory.wave_position[v], rate, out)


@njit(cache=True, nogil=True, fastmath=True)
def play_stereo(memory: VoiceMemory, v: int, rate: float, out: Floats, side: Floats) -> None:
    """The same, and (left - right) / 2 into `side`."""
    _read(memory.sides[v], memory.wave_position[v], rate, side)
    play_wave(memory, v, rate, out)


@njit(cache=True, nogil=True, fastmath=True)
def _read(wave, position, rate, out):
    """Read with cubic (Catmull-Rom) interpolation from `position` on. Returns the end position."""
    for i in range(len(out)):
        lower = math.floor(position)
        index = int(lower)
        x = np.float32(position - lower)
        if 1 <= index < len(wave) - 2:
            a, b, c, d = wave[index - 1], wave[index], wave[index + 1], wave[index + 2]
            out[i] = b + 0.5 * x * (
                c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a))
            )
        elif 0 <= index < len(wave):
            out[i] = wave[index]
        else:
            out[i] = 0
        position += rate
    return position
