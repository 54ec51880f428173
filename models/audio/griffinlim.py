"""Whole-sound phase: Griffin-Lim and Fast Griffin-Lim, with SciPy's FFT on one core.

For shots, for the card of a training, and as the bar that the live phase is measured against.
Sources: Griffin & Lim 1984; Perraudin, Balazs & Søndergaard, "A fast Griffin-Lim algorithm", 2013.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft

from latentpad.models.representation import window

Floats = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

BLOCK = 96  # frames at a time: their arrays stay in the processor's cache
SMALLEST = np.float32(1e-10)  # a magnitude that is not divided by


def stft(signal: Floats, hop: int, analysis: Floats) -> Spectrum:
    """(n,) to (frames, bins); n is (frames − 1)·hop + n_fft samples."""
    framed = sliding_window_view(signal, len(analysis))[::hop]
    spectrum: Spectrum = fft.rfft(framed * analysis, axis=1)
    return spectrum


def overlap_add(spectrum: Spectrum, synthesis: Floats, hops: Floats) -> None:
    """Add the frames of `spectrum` (frames, bins) to `hops`, (frames + n_fft/hop − 1, hop)."""
    framed = fft.irfft(spectrum, len(synthesis), axis=1)
    framed *= synthesis
    frames, overlaps = len(spectrum), len(synthesis) // hops.shape[1]
    pieces = framed.reshape(frames, overlaps, -1)
    for k in range(overlaps):
        hops[k : k + frames] += pieces[:, k]


def griffinlim(
    magnitudes: Floats,
    hop: int,
    window_name: str,
    *,
    iterations: int = 32,
    momentum: float = 0.99,
    seed: int = 0,
) -> Floats:
    """A waveform whose STFT magnitudes come near to `magnitudes`. Any thread.

    Args:
        magnitudes: (frames, bins) float32 linear, |STFT| of frames every `hop` samples,
            centred on f·hop; a full-scale sine gives 1.
        hop: samples, a divisor of n_fft.
        window_name: of `models.representation.window`.
        momentum: 0 is Griffin-Lim, 0.99 the fast one.

    Returns:
        (frames · hop,) float32; sample 0 is the middle of the first frame.
    """
    frames, bins = magnitudes.shape
    n_fft = 2 * (bins - 1)
    w = window(window_name, n_fft)
    analysis = w.astype(np.float32)
    squares = np.zeros((frames - 1) * hop + n_fft)
    for f in range(frames):
        squares[f * hop : f * hop + n_fft] += w**2
    norm = (1 / np.maximum(squares, 1e-8)).astype(np.float32)
    target = magnitudes * np.float32(w.sum() / 2)
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, magnitudes.shape)
    last = target * np.exp(1j * angle).astype(np.complex64)
    inertia, ahead = np.float32(momentum), np.float32(1 + momentum)
    starts = range(0, frames, BLOCK)
    hops = np.zeros((frames + n_fft // hop - 1, hop), np.float32)
    for f in starts:
        overlap_add(last[f : f + BLOCK], analysis, hops[f:])
    for _ in range(iterations):
        signal = hops.reshape(-1) * norm
        hops[:] = 0
        for f in starts:
            wanted, before = target[f : f + BLOCK], last[f : f + BLOCK]
            heard = signal[f * hop : (f + len(wanted) - 1) * hop + n_fft]
            consistent = stft(heard, hop, analysis)
            spectrum = consistent * ahead
            before *= inertia
            spectrum -= before
            before[:] = consistent
            size = np.abs(spectrum)
            np.divide(wanted, np.maximum(size, SMALLEST, out=size), out=size)
            spectrum *= size
            overlap_add(spectrum, analysis, hops[f:])
    half = n_fft // 2
    return (hops.reshape(-1) * norm)[half : half + frames * hop]
