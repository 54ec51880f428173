"""The ear of the FFT model: from samples to excitation on 109 bands of a quarter of a Bark.

Sources: ITU-R BS.1387-1, annex 2, section 2.1, whose sections and equations are named below;
Kabal, "An Examination and Interpretation of ITU-R BS.1387" (McGill, 2002). An energy of 1 is
0 dB SPL: a full-scale sine comes in at the level that it is played at.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Float64 = NDArray[np.float64]

RATE = 48000
FRAME = 2048
HOP = 1024
FRAMES_A_SECOND = RATE / HOP
BINS = FRAME // 2 + 1

BAND_BARK = 0.25
LOWEST_HZ, HIGHEST_HZ = 80.0, 18000.0
LEAST_ENERGY = 1e-12
"""The least energy of a band, so that none is 0."""


def _bark(hz: float) -> float:
    return float(7 * np.arcsinh(hz / 650))


def _hz(bark: Float64) -> Float64:
    return np.asarray(650 * np.sinh(bark / 7))


def _edges() -> tuple[Float64, Float64, Float64]:
    """Lower edges, centres and upper edges of the bands in Hz (2.1.5); the last is narrower."""
    lowest, highest = _bark(LOWEST_HZ), _bark(HIGHEST_HZ)
    count = int(np.ceil((highest - lowest) / BAND_BARK))
    lower = lowest + BAND_BARK * np.arange(count, dtype=np.float64)
    upper = np.minimum(lower + BAND_BARK, highest)
    lower_hz, centres_hz, upper_hz = _hz(lower), _hz((lower + upper) / 2), _hz(upper)
    # The formula gives 4616.482 Hz. The table of the reference program has two digits the other
    # way round, so that two bands overlap by 27 Hz: published grades are grades of that table,
    # and a harmonic that falls there moves the modulation variables by up to 2 %.
    upper_hz[70] = 4643.482
    return lower_hz, centres_hz, upper_hz


LOWER_HZ, CENTRES_HZ, UPPER_HZ = _edges()
BANDS = len(CENTRES_HZ)


def _shares() -> Float64:
    """(BINS, BANDS) the share of each FFT bin that lies in each band (2.1.5)."""
    width = RATE / FRAME
    centres = width * np.arange(BINS)[:, None]
    top = np.minimum(UPPER_HZ, centres + width / 2)
    bottom = np.maximum(LOWER_HZ, centres - width / 2)
    return np.asarray(np.maximum(top - bottom, 0) / width)


def _outer_and_middle_ear() -> Float64:
    """(BINS,) gain of the magnitudes on the way to the inner ear; 0 at 0 Hz (eq. 7 to 9)."""
    khz = np.arange(1, BINS) * RATE / FRAME / 1000
    db = -2.184 * khz**-0.8 + 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) - 0.001 * khz**3.6
    return np.concatenate([[0.0], 10 ** (db / 20)])


def _window() -> Float64:
    """(FRAME,) a Hann window that brings a full-scale sine of 1019.5 Hz out at 0 dB.

    That sine is between two bins, and its loss is compensated (2.1.3; Kabal, 2.4).
    """
    hann = 0.5 * (1 - np.cos(2 * np.pi * np.arange(FRAME) / (FRAME - 1)))
    bins = 1019.5 / RATE * FRAME
    off = min(bins % 1, 1 - bins % 1) / FRAME * (FRAME - 1)
    kept = np.sin(np.pi * off) / (np.pi * off * (1 - off**2))
    return np.asarray(hann / (kept / 4 * (FRAME - 1)))


SHARES = _shares()
EAR = _outer_and_middle_ear()
WINDOW = _window()
NOISE = 10 ** (0.4 * 0.364 * (CENTRES_HZ / 1000) ** -0.8)
"""(BANDS,) energy of the ear's own noise (eq. 13 and 14)."""


def spectra(frames: Float64, level_db: float) -> Float64:
    """(..., FRAME) samples of full scale 1 to (..., BINS) magnitudes, before the outer ear.

    `level_db` is the sound pressure level of a full-scale sine in dB (2.1.3).
    """
    return np.asarray(np.abs(fft.rfft(frames * WINDOW)) * 10 ** (level_db / 20))


def band_energies(magnitudes: Float64) -> Float64:
    """(..., BINS) magnitudes at the inner ear to (..., BANDS) energies (2.1.5)."""
    return np.maximum(magnitudes**2 @ SHARES, LEAST_ENERGY)


def _spread(energies: Float64) -> Float64:
    """(n, BANDS) energies spread over the bands, to the power of 0.4.

    Towards lower bands the spread energy falls by 27 dB per Bark, towards higher bands by less the
    louder the band is; its sum is the energy of the band. Contributions add as powers of 0.4.
    """
    below = 10 ** (-2.7 * BAND_BARK)
    above = 10 ** ((-2.4 - 23 / CENTRES_HZ) * BAND_BARK) * energies ** (0.2 * BAND_BARK)
    # Towards higher bands the sum is computed term by term: its closed form is 0 / 0 for a band
    # that is so loud that its slope is 0.
    given_down = (1 - below ** (np.arange(BANDS) + 1)) / (1 - below)
    term, given_up = np.ones_like(energies), np.zeros_like(energies)
    for distance in range(1, BANDS):
        term[:, : BANDS - distance] *= above[:, : BANDS - distance]
        given_up[:, : BANDS - distance] += term[:, : BANDS - distance]
    arriving = (energies / (given_down + given_up)) ** 0.4
    below, above = below**0.4, above**0.4
    result = arriving.copy()
    for band in range(BANDS - 2, -1, -1):
        result[:, band] += below * result[:, band + 1]
    for distance in range(1, BANDS):
        arriving = arriving[:, :-1] * above[:, : BANDS - distance]
        result[:, distance:] += arriving
    return result


_SPREAD_OF_ONE = _spread(np.ones((1, BANDS)))


def excitation(energies: Float64) -> Float64:
    """(..., BANDS) energies of `band_energies` to (..., BANDS) excitation.

    With the ear's noise, spread over the bands, not yet over time (2.1.6 and 2.1.7).
    """
    flat = (energies + NOISE).reshape(-1, BANDS)
    return np.asarray((_spread(flat) / _SPREAD_OF_ONE) ** 2.5).reshape(energies.shape)


def filter_coefficients(longest: float) -> Float64:
    """(BANDS,) what each band's low-pass filter keeps from one frame to the next.

    Its time constant is `longest` seconds at 100 Hz and goes towards 8 ms upwards (eq. 21).
    """
    shortest = 0.008
    return np.exp(-1 / (FRAMES_A_SECOND * (shortest + 100 / CENTRES_HZ * (longest - shortest))))


def smoothed(values: Float64, forget: Float64 | float, taken: Float64 | float) -> Float64:
    """(..., frames, n) y[k] = forget · y[k − 1] + taken · values[k], from rest."""
    result = values * taken
    for frame in range(1, result.shape[-2]):
        result[..., frame, :] += forget * result[..., frame - 1, :]
    return result


def time_spread(excitations: Float64) -> Float64:
    """(..., frames, BANDS) excitation that outlasts what caused it (2.1.8)."""
    forget = filter_coefficients(0.030)
    return np.maximum(smoothed(excitations, forget, 1 - forget), excitations)
