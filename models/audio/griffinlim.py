"""Whole-sound phase: Griffin-Lim and Fast Griffin-Lim, in `keras.ops`.

They run where the decoder runs (GPU or CPU, on any of Keras' backends): for shots, for
rendering, and as the bar that the live phase is measured against. Sources: Griffin & Lim 1984;
Perraudin, Balazs & Søndergaard, "A fast Griffin-Lim algorithm", 2013.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from latentpad.models.representation import window

Floats = NDArray[np.float32]


def stft(signal: Any, hop: int, analysis: Any) -> tuple[Any, Any]:
    """(n,) to real and imaginary (frames, bins); n is (frames − 1)·hop + n_fft samples."""
    n_fft = analysis.shape[0]
    frames = (signal.shape[0] - n_fft) // hop + 1
    overlaps = n_fft // hop
    # Frames as slices of hops side by side: a reshape instead of a gather.
    hops = ops.reshape(signal, (frames + overlaps - 1, hop))
    framed = ops.concatenate([hops[k : k + frames] for k in range(overlaps)], axis=1)
    return ops.rfft(framed * analysis)


def istft(real: Any, imaginary: Any, hop: int, synthesis: Any, norm: Any) -> Any:
    """Overlap-add of (frames, bins) to ((frames − 1)·hop + n_fft,) samples."""
    n_fft = synthesis.shape[0]
    overlaps = n_fft // hop
    frames = real.shape[0]
    framed = ops.irfft((real, imaginary), fft_length=n_fft) * synthesis
    pieces = ops.reshape(framed, (frames, overlaps, hop))
    total = ops.zeros((frames + overlaps - 1, hop))
    for k in range(overlaps):
        total = total + ops.pad(pieces[:, k], ((k, overlaps - 1 - k), (0, 0)))
    return ops.reshape(total, (-1,)) * norm


def griffinlim(
    magnitudes: Floats,
    hop: int,
    window_name: str,
    *,
    iterations: int = 32,
    momentum: float = 0.99,
    seed: int = 0,
) -> Floats:
    """A waveform whose STFT magnitudes come near to `magnitudes`.

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
    squares = np.zeros((frames - 1) * hop + n_fft)
    for f in range(frames):
        squares[f * hop : f * hop + n_fft] += w**2
    norm = ops.convert_to_tensor((1 / np.maximum(squares, 1e-8)).astype(np.float32))
    analysis = ops.convert_to_tensor(w.astype(np.float32))
    target = ops.convert_to_tensor(magnitudes * np.float32(w.sum() / 2))
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, magnitudes.shape)
    start = ops.convert_to_tensor(np.stack([np.cos(angle), np.sin(angle)]).astype(np.float32))
    signal = _compiled()(target, start, analysis, norm, hop, iterations, momentum)
    half = n_fft // 2
    return np.asarray(ops.convert_to_numpy(signal), np.float32)[half : half + frames * hop]


def _iterate(
    target: Any, start: Any, analysis: Any, norm: Any, hop: int, iterations: int, momentum: float
) -> Any:
    def step(_: Any, state: tuple[Any, Any, Any, Any]) -> tuple[Any, Any, Any, Any]:
        real, imaginary, last_real, last_imaginary = state
        signal = istft(real, imaginary, hop, analysis, norm)
        new_real, new_imaginary = stft(signal, hop, analysis)
        ahead_real = new_real + momentum * (new_real - last_real)
        ahead_imaginary = new_imaginary + momentum * (new_imaginary - last_imaginary)
        size = target * ops.rsqrt(ops.square(ahead_real) + ops.square(ahead_imaginary) + 1e-20)
        return ahead_real * size, ahead_imaginary * size, new_real, new_imaginary

    real, imaginary = target * start[0], target * start[1]
    state = (real, imaginary, real, imaginary)
    real, imaginary, _, _ = ops.fori_loop(0, iterations, step, state)
    return istft(real, imaginary, hop, analysis, norm)


@cache
def _compiled() -> Any:
    """`_iterate` as one graph where the backend is TensorFlow: three times as fast."""
    if keras.backend.backend() != "tensorflow":
        return _iterate
    import tensorflow as tf

    return tf.function(_iterate)
