"""The part of a voice's frame that is noise: the same everywhere, or as its sound has it by band.

Compiled kernels. They release the GIL and access only their arguments.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from latentpad.engine.play.memory import Floats, FrameSettings, Scratch, VoiceMemory
from latentpad.engine.play.phase import Frame
from latentpad.engine.play.playhead import loop_blend

LEAST = 1e-3  # a share of noise below this, -56 dB, is none, and takes no time
# Noise on a partial's main lobe hides it; between partials it is heard. So the texture of a sound
# spares what stands above the mean of the bins around it.
LOBE, AROUND = 2, 6  # bins to either side: of a main lobe, and of the mean
LEVEL, PARTIAL = 2.2, 3.5  # times the mean: no partial up to the first, one from the second on


@njit(cache=True, nogil=True, fastmath=True)
def add_noise(memory: VoiceMemory, scratch: Scratch, v: int, frame: Frame, texture: float) -> None:
    """Cross-fade `scratch.spectrum` with white noise of the same magnitudes, at equal power."""
    white, energy = _white(memory, scratch, v, frame)
    # Uniform noise in -1...1 has a variance of 1/3: each bin's mean power is energy / 3.
    level = np.float32(frame.scale * math.sin(texture * math.pi / 2) * math.sqrt(3 / energy))
    cosine = np.float32(math.cos(texture * math.pi / 2))
    for m in range(len(white)):
        scratch.spectrum[m] = cosine * scratch.spectrum[m] + white[m] * (
            level * scratch.magnitude[m]
        )


@njit(cache=True, nogil=True, fastmath=True)
def add_noise_by_band(
    memory: VoiceMemory, scratch: Scratch, v: int, frame: Frame, ratio: float, texture: float
) -> None:
    """The same, by the share of noise in each band: that of `scratch.cosine`.

    At the frequency `ratio` each bin has the noise of the bin that is transposed there. Partials
    have that of a share `texture` alone.
    """
    _find_partials(scratch.magnitude, scratch.partial)
    white, energy = _white(memory, scratch, v, frame)
    level = np.float32(frame.scale * math.sqrt(3 / energy))
    band, part, last = frame.band, frame.part, len(white) - 1
    step = 1.0 / ratio
    everywhere = np.float32(math.sin((1 - texture) * math.pi / 2))
    for m in range(len(white)):
        k = min(int(m * step), last)
        below = scratch.cosine[band[k]]
        cosine = below + part[k] * (scratch.cosine[band[k] + 1] - below)
        cosine += scratch.partial[m] * (everywhere - cosine)
        sine = math.sqrt(max(np.float32(1) - cosine * cosine, np.float32(0)))
        scratch.spectrum[m] = cosine * scratch.spectrum[m] + white[m] * (
            level * sine * scratch.magnitude[m]
        )


@njit(cache=True, nogil=True, fastmath=True)
def _find_partials(magnitude: Floats, out: Floats) -> None:
    """How far each bin belongs to a partial, (bins,) in 0...1."""
    last, sum_around = len(magnitude) - 1, 0.0  # in double precision: of a peak nothing is left
    for m in range(min(AROUND, last + 1)):
        sum_around += magnitude[m]
    for m in range(last + 1):
        if m + AROUND <= last:
            sum_around += magnitude[m + AROUND]
        if m > AROUND:
            sum_around -= magnitude[m - AROUND - 1]
        count = min(m + AROUND, last) - max(m - AROUND, 0) + 1
        highest = magnitude[m]
        for i in range(max(m - LOBE, 0), min(m + LOBE, last) + 1):
            highest = max(highest, magnitude[i])
        above = highest * count / (sum_around + 1e-20)
        out[m] = min(max((above - LEVEL) / (PARTIAL - LEVEL), 0.0), 1.0)


@njit(cache=True, nogil=True, fastmath=True)
def share_noise(
    memory: VoiceMemory,
    scratch: Scratch,
    v: int,
    play: FrameSettings,
    playhead: float,
    texture: float,
) -> bool:
    """Whether the sound itself has noise at the playhead, beside a share `texture` everywhere.

    Then `scratch.cosine` (bands,) is how much of each band's amplitude is coherent.
    """
    if play.learned <= 0 or not _texture_at(memory, v, play, playhead, scratch.texture):
        return False
    learned = np.float32(play.learned)
    for k in range(len(scratch.cosine)):
        plain = (1 - texture) * (1 - learned * min(scratch.texture[k], np.float32(1)))
        scratch.cosine[k] = math.sin(plain * math.pi / 2)
    return True


@njit(cache=True, nogil=True, fastmath=True)
def _texture_at(
    memory: VoiceMemory, v: int, play: FrameSettings, playhead: float, out: Floats
) -> bool:
    """How noise-like each band is at a playhead, (bands,) in 0...1: interpolated, morphed and
    looped as `magnitudes_at`. Returns whether any is; the sounds of some packs do not tell."""
    if memory.tables.shape[3] == memory.before.shape[2]:
        return False
    out[:] = 0
    blend, other_playhead = loop_blend(playhead, play)
    mix = memory.mix[v]
    for table in range(2):
        share = mix if table == 1 else 1.0 - mix
        if share <= 0:
            continue
        _add_row(memory, v, table, playhead, share * (1 - blend), out)
        if blend > 0:
            _add_row(memory, v, table, other_playhead, share * blend, out)
    return out.max() > LEAST


@njit(cache=True, nogil=True, fastmath=True)
def _add_row(
    memory: VoiceMemory, v: int, table: int, position: float, weight: float, out: Floats
) -> None:
    """out += weight · the table's texture at a fractional frame; none outside the table, and in
    silence."""
    tables, filled = memory.tables[v], memory.filled[v]
    bins = memory.before.shape[2]
    lower = math.floor(position)
    upper_share = position - lower
    for k in range(2):
        index = int(lower) + k
        if not 0 <= index < tables.shape[1] or (memory.from_silence[v] and not filled[index]):
            continue
        texture = tables[table if filled[index] else 0, index, bins:]
        share = np.float32(weight * (upper_share if k == 1 else 1 - upper_share))
        for m in range(len(out)):
            out[m] += share * max(texture[m], np.float32(0))


@njit(cache=True, nogil=True, fastmath=True)
def _white(memory: VoiceMemory, scratch: Scratch, v: int, frame: Frame) -> tuple[Any, float]:
    """The spectrum of the next windowed frame of white noise, and the window's energy."""
    n_fft, hop = len(frame.window), frame.hop
    noise, seed = memory.noise[v], memory.seed[v]
    energy = 0.0
    for i in range(n_fft - hop):
        noise[i] = noise[i + hop]
    for i in range(n_fft - hop, n_fft):
        seed[0] ^= seed[0] << np.uint32(13)
        seed[0] ^= seed[0] >> np.uint32(17)
        seed[0] ^= seed[0] << np.uint32(5)
        noise[i] = np.float32(seed[0] * (2.0 / 4294967296.0) - 1.0)
    for i in range(n_fft):
        scratch.signal[i] = noise[i] * frame.window[i]
        energy += frame.window[i] * frame.window[i]
    return np.fft.rfft(scratch.signal), energy
