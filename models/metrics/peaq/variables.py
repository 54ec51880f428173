"""What each frame contributes to the eleven model output variables.

Source: BS.1387-1, annex 2, section 4, and Kabal's reading of it. The arrays begin with
(channels, frames), and that is the shape of what comes back, but for `detection`.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from latentpad.models.metrics.peaq.ear import BAND_BARK, BANDS, EAR, NOISE, Float64, band_energies

NOT_QUALIFIED = -1.0
"""The value of a frame that does not count."""


def modulation_differences(
    reference: Float64, other: Float64, envelopes: Float64
) -> tuple[Float64, Float64, Float64]:
    """Two differences of modulations (..., BANDS) in per cent, and how much the frame counts.

    The second makes little of modulation that was lost. `envelopes` are the reference's (4.2).
    """
    difference = np.abs(other - reference)
    lost = np.where(other < reference, 0.1, 1.0)
    first = 100 * (difference / (1 + reference)).mean(axis=-1)
    second = 100 * (lost * difference / (0.01 + reference)).mean(axis=-1)
    return first, second, (envelopes / (envelopes + 100 * NOISE**0.3)).sum(axis=-1)


def noise_loudness(
    reference: Float64, other: Float64, modulation: Float64, other_modulation: Float64
) -> Float64:
    """Partial loudness, in sone, of what the other adds to the adapted excitation (4.3)."""
    scale, other_scale = (0.15 * m + 0.5 for m in (modulation, other_modulation))
    masking = np.exp(-1.5 * (other - reference) / reference)
    added = np.maximum(other_scale * other - scale * reference, 0)
    ratio = added / (NOISE + scale * reference * masking)
    loudness = (NOISE / other_scale) ** 0.23 * ((1 + ratio) ** 0.23 - 1)
    return np.asarray(24 * loudness.mean(axis=-1))


def bandwidths(reference: Float64, other: Float64) -> tuple[Float64, Float64]:
    """Bins below which (..., BINS) magnitudes stand out, or NOT_QUALIFIED (4.4).

    The reference must be 10 dB, the other 5 dB above what the other has from 21.6 kHz on, and
    the reference above 8.1 kHz. Nothing is not below nothing: frames that are digital silence in
    both sounds count with the full bandwidth, in Kabal's program as well.
    """
    lowest, highest = 347, 921
    floor = other[..., highest:1024].max(axis=-1, keepdims=True)
    bins = np.arange(highest)
    stands = reference[..., lowest:highest] >= np.sqrt(10) * floor
    first = np.where(stands, bins[lowest:] + 1.0, NOT_QUALIFIED).max(axis=-1)
    stands = other[..., :highest] >= 10**0.25 * floor
    below = bins < first[..., None]
    return first, np.where(stands & below, bins + 1.0, NOT_QUALIFIED).max(axis=-1)


_BARK = BAND_BARK * np.arange(BANDS)
_MASK = 10 ** (-np.where(_BARK <= 12, 3.0, 0.25 * _BARK) / 10)


def noise_to_mask(
    magnitudes: Float64, other_magnitudes: Float64, excitations: Float64
) -> tuple[Float64, Float64]:
    """Mean and greatest ratio of noise to mask, of energies, in a frame's bands (4.5).

    The noise is the difference of the magnitudes, the mask is below the reference's excitation.
    """
    ratio = band_energies((magnitudes - other_magnitudes) * EAR) / (excitations * _MASK)
    return ratio.mean(axis=-1), ratio.max(axis=-1)


_STEP = np.polynomial.Polynomial([-0.198719, 0.0550197, -0.00102438, 5.05622e-6, 9.01033e-11])


def detection(reference: Float64, other: Float64) -> tuple[Float64, Float64]:
    """The probability that a difference is heard, and by how many steps: two of (frames,).

    For excitations (channels, frames, BANDS). A difference that one ear hears counts as heard
    (4.7).
    """
    db, other_db = 10 * np.log10(reference), 10 * np.log10(other)
    level = 0.3 * np.maximum(db, other_db) + 0.7 * other_db
    # The fit holds for levels above 0 dB; below, no step is small enough to be heard.
    positive = np.maximum(level, 1e-3)
    step = 5.95072 * (6.39468 / positive) ** 1.71332 + _STEP(positive)
    step = np.where(level > 0, step, 1e30)
    difference = np.abs(db - other_db)
    heard = 1 - np.exp2(-((difference / step) ** np.where(db > other_db, 4, 6)))
    steps = np.floor(difference) / step
    return 1 - np.prod(1 - heard.max(axis=0), axis=-1), steps.max(axis=0).sum(axis=-1)


_LAGS = 256
_LAG_WINDOW = np.sqrt(8 / 3) / _LAGS * 0.5 * (1 + np.cos(np.pi * np.arange(_LAGS) / (_LAGS - 1)))
"""It falls from lag 0 on, as in Kabal's program. The recommendation can also be read to put its
middle on the middle lag, as others do: half or less comes out of most sounds."""


def error_harmonics(magnitudes: Float64, other_magnitudes: Float64) -> Float64:
    """How periodic the ratio of two spectra (..., BINS) is along frequency, below 12 kHz (4.8).

    The highest peak, after the first valley, of the power spectrum of the normalised
    autocorrelation of the logarithm of the ratio. 0 where one of them is silent: it has none.
    """
    length = 2 * _LAGS - 1
    one, two = magnitudes[..., :length], other_magnitudes[..., :length]
    there = (one > 0) & (two > 0)
    ratio = 2 * (np.log(np.where(there, two, 1)) - np.log(np.where(there, one, 1)))
    start = fft.rfft(ratio[..., :_LAGS], 2 * _LAGS)
    products = fft.irfft(start.conj() * fft.rfft(ratio, 2 * _LAGS), 2 * _LAGS)[..., :_LAGS]
    summed = np.cumsum(np.concatenate([np.zeros_like(ratio[..., :1]), ratio**2], axis=-1), axis=-1)
    energy = summed[..., _LAGS:] - summed[..., :_LAGS]
    both = energy[..., :1] * energy
    correlated = both > 0
    correlation = np.where(correlated, products / np.sqrt(np.where(correlated, both, 1)), 1)
    # Where there is next to no energy, rounding goes beyond what a correlation can be.
    correlation = np.clip(correlation, -1, 1)
    spectrum = np.abs(fft.rfft(correlation * _LAG_WINDOW)) ** 2
    spectrum[..., 0] = 0  # the mean is taken away after the window
    change = np.diff(spectrum, axis=-1)
    past_valley = np.logical_or.accumulate(change < 0, axis=-1)
    peaks = np.where(past_valley & (change > 0), spectrum[..., 1:], 0).max(axis=-1)
    return np.where(there.all(axis=-1), peaks, 0.0)
