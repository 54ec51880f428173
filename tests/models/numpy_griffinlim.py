"""Fast Griffin-Lim again, frame by frame: what the one in blocks is held to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from latentpad.models.representation import Floats, Representation, window


def waveform(
    magnitudes: Floats,
    representation: Representation,
    *,
    iterations: int = 32,
    momentum: float = 0.99,
    seed: int = 0,
) -> Floats:
    """(frames, bins) linear, as `Representation.magnitudes` gives them, to (samples,) float32.

    Griffin & Lim (1984) with the acceleration of Perraudin, Balazs & Sondergaard (2013);
    momentum 0 is the former. Starts from the phases of `seed`.
    """
    r = representation
    shape = window(r.window, r.n_fft).astype(np.float32)
    target = magnitudes * np.float32(shape.sum() / 2)
    whole = (r.frames - 1) * r.hop + r.n_fft
    norm = np.zeros(whole, np.float32)
    for f in range(r.frames):
        norm[f * r.hop : f * r.hop + r.n_fft] += shape**2
    norm = np.maximum(norm, 1e-3 * norm.max())

    def heard(spectrum: NDArray[np.complex64]) -> Floats:
        frames = fft.irfft(spectrum, r.n_fft, axis=1) * shape
        audio = np.zeros(whole, np.float32)
        for f, frame in enumerate(frames):
            audio[f * r.hop : f * r.hop + r.n_fft] += frame
        return audio / norm

    def seen(audio: Floats) -> NDArray[np.complex64]:
        sliding = np.lib.stride_tricks.sliding_window_view(audio, r.n_fft)[:: r.hop]
        spectrum: NDArray[np.complex64] = fft.rfft(sliding * shape, axis=1)
        return spectrum

    phase = np.random.default_rng(seed).uniform(-np.pi, np.pi, target.shape).astype(np.float32)
    spectrum = target * np.exp(1j * phase).astype(np.complex64)
    before = np.zeros_like(spectrum)
    for _ in range(iterations):
        consistent = seen(heard(spectrum))
        ahead = consistent + np.float32(momentum) * (consistent - before)
        before = consistent
        spectrum = target * (ahead / np.maximum(np.abs(ahead), np.float32(1e-12)))
    half = r.n_fft // 2
    audio = np.zeros(r.samples, np.float32)
    made = heard(spectrum)[half : half + r.samples]
    audio[: len(made)] = made
    return audio
