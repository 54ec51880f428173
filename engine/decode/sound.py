"""A decoded sound: its level, its beginning and end, its waveform."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from latentpad.engine.phase_methods import Waveform
from latentpad.models.representation import Floats, Representation, audible, outline

LEVEL_DB = -12.0  # the common loudness of all sounds (see `models.representation`)
MOST_DB = 40.0  # the largest gain, so that a nearly silent sound does not become noise


def playable(frames: Floats) -> bool:
    """Whether decoded frames, of any shape, are all finite. Fast, because every decode calls it."""
    return math.isfinite(float(frames.min()) + float(frames.max()))


@dataclass(frozen=True)
class DecodedSound:
    """One decoded sound and its properties."""

    frames: Floats  # (frames, columns) dB relative to full scale of the model, and the texture
    gain: float  # dB that brings it to LEVEL_DB
    onset: float  # frame
    end: float  # frame


def gain_of(loudness: float) -> float:
    """The gain in dB that brings a sound of this level to the common one."""
    return min(LEVEL_DB - loudness, MOST_DB)


def describe(frames: Floats, representation: Representation) -> DecodedSound:
    """Measure one decoded sound (frames, columns): its level, its beginning and its end."""
    r = representation
    loudness, start, end = outline(r.spectrum(frames), r)
    return DecodedSound(frames, gain_of(loudness), start, max(end, start + 1))


def whole_waveform(frames: Floats, representation: Representation, reconstruct: Waveform) -> Floats:
    """The whole sound (frames, columns) by a phase method, (samples,) float32 at the model's rate.

    If the model's hop is more than an eighth of n_fft, frames are interpolated to that hop, as the
    voices do.
    """
    r = representation
    hop = min(r.hop, r.n_fft // 8)
    dense = r.hop // hop
    position = np.arange((r.frames - 1) * dense + 1) / dense
    low = np.floor(position).astype(int)
    part = (position - low).astype(np.float32)[:, None]
    high = np.minimum(low + 1, r.frames - 1)
    spectrum = r.spectrum(frames)
    decibels = spectrum[low] * (1 - part) + spectrum[high] * part
    magnitudes = audible(decibels, r)
    wave = reconstruct(magnitudes, hop, r.window)
    sound = np.zeros(r.samples, np.float32)
    sound[: len(wave)] = wave[: len(sound)]
    return sound
