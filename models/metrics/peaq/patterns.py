"""The ear's response to one sound: excitation, modulation and loudness, frame by frame.

`ear_patterns` depends on one sound only, so its result serves every comparison with that sound.
`adapted` is the first step that needs both. Source: BS.1387-1, annex 2, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentpad.models.metrics.peaq import sound
from latentpad.models.metrics.peaq.ear import (
    CENTRES_HZ,
    EAR,
    FRAMES_A_SECOND,
    HOP,
    Float64,
    band_energies,
    excitation,
    filter_coefficients,
    smoothed,
    spectra,
    time_spread,
)

LEVEL_DB = 92.0
"""The recommendation's level of a full-scale sine, if the real one is unknown, dB SPL."""
SOUNDING = 8000 / 32768**2
"""Least energy of half a frame that counts for the harmonics of the error (5.2)."""


@dataclass(frozen=True, eq=False)
class Patterns:
    """The ear's response to one sound. The arrays are float64; do not write to them."""

    level_db: float
    """Sound pressure level of a full-scale sine."""
    samples: int
    first: int
    last: int
    """The first and the last frame that hold data."""
    magnitudes: Float64
    """(channels, frames, BINS) before the ear's weighting."""
    excitations: Float64
    """(channels, frames, BANDS) spread over bands and time."""
    modulations: Float64
    """(channels, frames, BANDS) of the envelope of each band."""
    envelopes: Float64
    """(channels, frames, BANDS) the mean compressed excitation that these modulate."""
    loudness: Float64
    """(channels, frames) in sone."""
    sounding: NDArray[np.bool_]
    """(channels, frames) True if the newer half of the frame has enough energy."""


def ear_patterns(signal: ArrayLike, *, level_db: float = LEVEL_DB) -> Patterns:
    """The patterns of a sound: (n,) or (n, 2) floats at 48 kHz, full scale 1.

    Args:
        level_db: sound pressure level of a full-scale sine, dB.

    Raises:
        ValueError: the sound is none (`sound.channels`), or the level is not within 0...140.
    """
    if not 0 <= level_db <= 140:
        raise ValueError(f"the level of full scale must be 0 to 140 dB SPL, not {level_db}")
    samples = sound.channels(signal)
    framed = sound.frames(samples)
    first, last = sound.data_boundaries(samples)
    magnitudes = spectra(framed, level_db)
    spread = excitation(band_energies(magnitudes * EAR))
    lasting = time_spread(spread)
    modulations, envelopes = _modulation(spread)
    newer = framed[..., HOP:]
    return Patterns(
        level_db=level_db,
        samples=samples.shape[1],
        first=first,
        last=last,
        magnitudes=magnitudes,
        excitations=lasting,
        modulations=modulations,
        envelopes=envelopes,
        loudness=_loudness(lasting),
        sounding=np.einsum("cfi,cfi->cf", newer, newer) >= SOUNDING,
    )


def _modulation(excitations: Float64) -> tuple[Float64, Float64]:
    """Modulation and mean envelope of (..., frames, BANDS), not spread over time (3.2)."""
    compressed = excitations**0.3
    slope = np.abs(np.diff(compressed, axis=-2, prepend=0)) * FRAMES_A_SECOND
    forget = filter_coefficients(0.050)
    envelope = smoothed(compressed, forget, 1 - forget)
    return smoothed(slope, forget, 1 - forget) / (1 + envelope / 0.3), envelope


_THRESHOLD = 10 ** (0.364 * (CENTRES_HZ / 1000) ** -0.8)
_INDEX = 10 ** (
    0.1 * (-2 - 2.05 * np.arctan(CENTRES_HZ / 4000) - 0.75 * np.arctan((CENTRES_HZ / 1600) ** 2))
)
_SONES = 1.07664 * (_THRESHOLD / (_INDEX * 1e4)) ** 0.23


def _loudness(excitations: Float64) -> Float64:
    """Total loudness in sone of (..., BANDS) after Zwicker (3.3)."""
    bands = _SONES * ((1 - _INDEX + _INDEX * excitations / _THRESHOLD) ** 0.23 - 1)
    return np.asarray(24 * np.maximum(bands, 0).mean(axis=-1))


def adapted(reference: Float64, other: Float64) -> tuple[Float64, Float64]:
    """Two excitations (..., frames, BANDS) after the ear's adaptation to their difference.

    The louder one is brought down to the other, first as a whole and then band by band, so that a
    steady gain or a steady filter counts for little (3.1).
    """
    forget = filter_coefficients(0.050)
    mean, mean_other = (smoothed(x, forget, 1 - forget) for x in (reference, other))
    level = (np.sqrt(mean * mean_other).sum(-1) / mean_other.sum(-1))[..., None] ** 2
    reference, other = reference / np.maximum(level, 1), other * np.minimum(level, 1)
    cross_energy = smoothed(reference * other, forget, 1.0)
    reference_energy = smoothed(reference * reference, forget, 1.0)
    of_reference, of_other = (
        np.minimum(cross_energy / reference_energy, 1),
        np.minimum(reference_energy / cross_energy, 1),
    )
    return (
        reference * smoothed(_neighbours(of_reference), forget, 1 - forget),
        other * smoothed(_neighbours(of_other), forget, 1 - forget),
    )


def _neighbours(values: Float64) -> Float64:
    """The mean of the bands from three below to four above, fewer at the edges (3.1)."""
    bands = values.shape[-1]
    summed = np.cumsum(np.concatenate([np.zeros_like(values[..., :1]), values], axis=-1), axis=-1)
    lowest = np.maximum(np.arange(bands) - 3, 0)
    above = np.minimum(np.arange(bands) + 5, bands)
    return np.asarray((summed[..., above] - summed[..., lowest]) / (above - lowest))
