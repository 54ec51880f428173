"""Phase for one frame of magnitudes, in real time.

RTPGHI (Průša & Søndergaard, "Real-time spectrogram inversion using phase gradient heap
integration", DAFx-16; gradients from PGHI, 2017) estimates the phase from the gradients of the
magnitudes, which engine/play/integration.py integrates. RTISI (Zhu, Beauregard & Wyse, 2007) then
refines it so that the frame fits the overlap of the previous frames.

Conventions: `s` is the natural logarithm of the magnitude. Frames are n_fft long and centred (zero
phase: the sign (−1)^m turns a spectrum with phase 0 into a frame whose middle sample is the time of
the frame). All kernels release the GIL and access only their arguments.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from latentpad.models.representation import GAMMA, window

TWO_PI = 2 * math.pi


class Frame(NamedTuple):
    """Constants of all frames of a model. Made once, read by all kernels."""

    window: NDArray[np.float32]  # (n_fft,) analysis and synthesis window
    hop: int  # samples between played frames
    gamma: float  # of the window, in samples squared
    scale: float  # a magnitude of 1 is a full-scale sine
    norm: NDArray[np.float32]  # (hop,) 1 / sum of w² where all frames overlap
    partial: NDArray[np.float32]  # (3, n_fft) w / sum of w² of a frame and those before it
    share: NDArray[np.float64]  # (n_fft / hop,) see `frame`
    band: NDArray[np.intp]  # (bins,) the band of a sound's texture below each bin
    part: NDArray[np.float32]  # (bins,) the share of the next band


def frame(
    n_fft: int,
    hop: int,
    window_name: str,
    bands: tuple[NDArray[np.intp], NDArray[np.float32]] | None = None,
) -> Frame:
    """The constants for frames of `n_fft` samples, played every `hop` samples, in float32.

    `bands`: where each bin lies between the bands of sounds that have a texture
    (`models.audio.texture.interpolation`). None: they have none.
    """
    band, part = bands or (np.zeros(0, np.intp), np.zeros(0, np.float32))
    w = window(window_name, n_fft)
    squares = w**2
    overlaps = n_fft // hop
    full = squares.reshape(overlaps, hop).sum(axis=0)
    # The sum of w² at each sample of a frame's support, after the previous frames, the frame itself
    # and `ahead` later frames have been added.
    partial = np.empty((3, n_fft))
    for ahead in range(3):
        total = np.zeros(n_fft)
        for k in range(-overlaps + 1, ahead + 1):
            shift = k * hop
            low, high = max(0, shift), min(n_fft, n_fft + shift)
            total[low:high] += squares[low - shift : high - shift]
        partial[ahead] = w / total
    # Frames whose squared magnitudes have the sum 1 and that continue each other overlap to a sound
    # of this amplitude (RMS); each hop of a frame has its share of it.
    amplitude = w.sum() / 2 * np.sqrt(2 / (n_fft * squares.sum()))
    share = amplitude * (squares.reshape(overlaps, hop) / full).mean(axis=1)
    return Frame(
        w.astype(np.float32),
        hop,
        GAMMA[window_name] * n_fft**2,
        float(w.sum() / 2),
        (1 / full).astype(np.float32),
        partial.astype(np.float32),
        share,
        band,
        part,
    )


@njit(cache=True, nogil=True)
def gradient_time(s, gamma, hop, out):
    """Phase advance per hop at each bin from the log-magnitude's slope over frequency.

    (bins,) in, (bins,) radians out: (a·M / 2γ)(s[m+1] − s[m−1]) + 2π·a·m / M.
    """
    bins = len(s)
    n_fft = 2 * (bins - 1)
    slope = hop * n_fft / (2 * gamma)
    step = TWO_PI * hop / n_fft
    out[0] = 0.0
    out[bins - 1] = step * (bins - 1)
    for m in range(1, bins - 1):
        out[m] = slope * (s[m + 1] - s[m - 1]) + step * m


@njit(cache=True, nogil=True)
def gradient_frequency(before2, before, now, after, ahead, gamma, hop, out):
    """Phase step per bin from the log-magnitude's slope over time, centred or causal.

    With `ahead` the centred difference of `after` and `before`; without, the causal one of
    `now`, `before` and `before2` (DAFx-16, eq. 12): −(γ / a·M)·∂s/∂n.
    """
    bins = len(now)
    slope = -gamma / (2 * hop * 2 * (bins - 1))
    if ahead:
        for m in range(bins):
            out[m] = slope * (after[m] - before[m])
    else:
        for m in range(bins):
            out[m] = slope * (3 * now[m] - 4 * before[m] + before2[m])


@njit(cache=True, nogil=True, fastmath=True)
def spectrum_of(magnitude, phase, scale, spectrum):
    """(bins,) magnitudes and phases to the spectrum of a centred frame, complex64.

    DC and Nyquist are real: their phase becomes 0 or π.
    """
    bins = len(magnitude)
    sign = np.float32(scale)
    for m in range(bins):
        amplitude = sign * magnitude[m]
        spectrum[m] = complex(amplitude * math.cos(phase[m]), amplitude * math.sin(phase[m]))
        sign = -sign
    spectrum[0] = complex(spectrum[0].real, 0.0)
    spectrum[bins - 1] = complex(spectrum[bins - 1].real, 0.0)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def refine(magnitude, spectrum, overlap, window_, partial, scale, iterations, phase):
    """RTISI: make the newest frame consistent with the overlap of the previous ones, `iterations`
    times.

    `overlap` (n_fft,) is the windowed sum of the previous frames over this frame's support.
    `partial` are the weights that compensate a partial overlap (`Frame.partial[0]`). `spectrum` is
    changed in place; its angle is written to `phase`, from which the next frame continues.
    """
    bins = len(magnitude)
    tiny = np.float32(1e-20)
    for _ in range(iterations):
        signal = np.fft.irfft(spectrum)
        for i in range(len(signal)):
            signal[i] = (overlap[i] + signal[i] * window_[i]) * partial[i]
        projected = np.fft.rfft(signal)
        for m in range(bins):
            re, im = projected[m].real, projected[m].imag
            size = scale * magnitude[m] / math.sqrt(re * re + im * im + tiny)
            spectrum[m] = complex(re * size, im * size)
    spectrum[0] = complex(spectrum[0].real, 0.0)
    spectrum[bins - 1] = complex(spectrum[bins - 1].real, 0.0)
    for m in range(bins):
        angle = math.atan2(spectrum[m].imag, spectrum[m].real)
        phase[m] = angle + math.pi * (m & 1)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def refine_ahead(
    magnitude,
    spectrum,
    magnitude2,
    spectrum2,
    overlap,
    window_,
    partial,
    hop,
    scale,
    iterations,
    phase,
):
    """RTISI-LA with one tentative frame ahead: both frames are made consistent; `phase` is that
    of the first. Arguments as in `refine`; those ending in `2` belong to the frame ahead."""
    bins, n_fft = len(magnitude), len(window_)
    tiny = np.float32(1e-20)
    for _ in range(iterations):
        first = np.fft.irfft(spectrum)
        second = np.fft.irfft(spectrum2)
        for i in range(n_fft):
            first[i] = overlap[i] + first[i] * window_[i]
            second[i] *= window_[i]
        for i in range(n_fft - hop):
            total = first[i + hop] + second[i]
            second[i] = total * partial[0, i]
            first[i + hop] = total * partial[1, i + hop]
        for i in range(hop):
            first[i] *= partial[1, i]
            second[n_fft - hop + i] *= partial[0, n_fft - hop + i]
        projected, projected2 = np.fft.rfft(first), np.fft.rfft(second)
        for m in range(bins):
            re, im = projected[m].real, projected[m].imag
            size = scale * magnitude[m] / math.sqrt(re * re + im * im + tiny)
            spectrum[m] = complex(re * size, im * size)
            re, im = projected2[m].real, projected2[m].imag
            size = scale * magnitude2[m] / math.sqrt(re * re + im * im + tiny)
            spectrum2[m] = complex(re * size, im * size)
    spectrum[0] = complex(spectrum[0].real, 0.0)
    spectrum[bins - 1] = complex(spectrum[bins - 1].real, 0.0)
    for m in range(bins):
        phase[m] = math.atan2(spectrum[m].imag, spectrum[m].real) + math.pi * (m & 1)
