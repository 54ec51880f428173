"""The memory of the voices between frames, and the scratch arrays for one frame."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentpad.models.audio.texture import BANDS

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

OVERLAPS = 8
"""Frames that overlap: a voice's hop is n_fft / 8."""

HOPS = 10
"""Hops whose mean power is the level of an even loop, 27 ms if a hop is 2.7 ms: fewer would follow
the waveform of a bass tone."""

UNKNOWN = -1000.0  # dB, instead of a level: kernels with fast maths know no NaN


class VoiceMemory(NamedTuple):
    """The state of all voices. The first axis is the voice. Made by `voice_memory`."""

    tables: Floats  # (V, 2, frames, columns) decoded: source and target of the morph
    levels: Floats  # (V, 2, frames) dB of the frames of the tables
    common: NDArray[np.float64]  # (V, 2) dB, the common level of each table's region (`even`)
    expected: NDArray[np.float64]  # (V, OVERLAPS) RMS of the frames in each coming hop
    powers: NDArray[np.float64]  # (V, 2, HOPS) of the latest hops, and of the frames there
    correction: NDArray[np.float64]  # (V,) the gain that makes them equal (`interference`)
    evened: NDArray[np.int64]  # (V,) hops since the loop is evened
    filled: Flags  # (V, frames) the target has it; else the source stands for it
    from_silence: Flags  # (V,) the source is silence, whatever is written there
    mix: NDArray[np.float64]  # (V,) 0 = source, 1 = target
    playhead: NDArray[np.float64]  # (V,) decoded frames
    before: Floats  # (V, 2, bins) log-magnitudes of the last two played frames
    phase: Floats  # (V, bins)
    tgrad: Floats  # (V, bins)
    overlap: Floats  # (V, n_fft) the windowed sum of the frames so far
    noise: Floats  # (V, n_fft) white noise of the present frame
    seed: NDArray[np.uint32]  # (V, 1)
    waves: Floats  # (V, samples) waveforms: recordings, or phase reconstructed offline
    sides: Floats  # (V, samples) (left - right) / 2
    stereo: NDArray[np.bool_]  # (V,) whether `sides` is used
    wave_position: NDArray[np.float64]  # (V,) samples


class Scratch(NamedTuple):
    """Arrays that the computation of one frame needs, shared by all voices of a thread."""

    row: Floats  # (bins,)
    now: Floats
    after: Floats
    after2: Floats
    magnitude: Floats
    magnitude2: Floats
    tgrad: Floats
    tgrad2: Floats
    fgrad: Floats
    phase: Floats
    phase2: Floats
    spectrum: NDArray[np.complex64]
    spectrum2: NDArray[np.complex64]
    signal: Floats  # (n_fft,)
    upward: Floats  # (bins,)
    texture: Floats  # (bands,) of the frame, 0...1
    cosine: Floats  # (bands,) the coherent part's share of each band's amplitude
    partial: Floats  # (bins,) how far each bin belongs to a partial, 0...1


class FrameSettings(NamedTuple):
    """How to play the next frame of a voice."""

    advance: float  # decoded frames per played frame
    low: float  # region, decoded frames
    high: float
    loop: bool
    ratio: float  # frequency ratio of the transposition
    method: int
    texture: float
    lookahead: int
    iterations: int
    range_db: float
    level: float  # the sound's, linear: it applies to the new frame, not to the overlap
    inner: float = 0.0  # of a loop's cross-fade, see `engine.region.Region`
    skip: float = 0.0
    even: float = 0.0  # 0 the frames' own levels, 1 their common level
    learned: float = 0.0  # how much of the texture that the sound tells by band is played, 0...1


def voice_memory(
    voices: int, frames: int, n_fft: int, samples: int, texture_bands: int = 0
) -> VoiceMemory:
    """The memory of `voices` silent voices for sounds of (frames, n_fft // 2 + 1) dB, and a texture
    in `texture_bands` beside them (`Representation.columns`)."""
    bins, f = n_fft // 2 + 1, np.float32
    return VoiceMemory(
        tables=np.full((voices, 2, frames, bins + texture_bands), -200, f),
        levels=np.full((voices, 2, frames), -200, f),
        common=np.full((voices, 2), UNKNOWN),
        expected=np.zeros((voices, OVERLAPS)),
        powers=np.zeros((voices, 2, HOPS)),
        correction=np.ones(voices),
        evened=np.zeros(voices, np.int64),
        filled=np.ones((voices, frames), np.bool_),
        from_silence=np.zeros(voices, np.bool_),
        mix=np.ones(voices),
        playhead=np.zeros(voices),
        before=np.zeros((voices, 2, bins), f),
        phase=np.zeros((voices, bins), f),
        tgrad=np.zeros((voices, bins), f),
        overlap=np.zeros((voices, n_fft), f),
        noise=np.zeros((voices, n_fft), f),
        seed=np.arange(1, voices + 1, dtype=np.uint32).reshape(-1, 1) * np.uint32(2654435761),
        waves=np.zeros((voices, samples), f),
        sides=np.zeros((voices, samples), f),
        stereo=np.zeros(voices, np.bool_),
        wave_position=np.zeros(voices),
    )


def scratch(n_fft: int) -> Scratch:
    """Scratch arrays for frames of `n_fft`."""
    bins = n_fft // 2 + 1
    a = [np.zeros(bins, np.float32) for _ in range(11)]
    return Scratch(
        *(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10]),
        spectrum=np.zeros(bins, np.complex64),
        spectrum2=np.zeros(bins, np.complex64),
        signal=np.zeros(n_fft, np.float32),
        upward=np.zeros(bins, np.float32),
        texture=np.zeros(BANDS, np.float32),
        cosine=np.zeros(BANDS, np.float32),
        partial=np.zeros(bins, np.float32),
    )
