"""Plausible variants of scaled spectrograms, so that a few hundred sounds teach more.

Gain needs no variant: every sound is relative to its own peak.
"""

from __future__ import annotations

import numpy as np

from models.representation import Floats


def augmented(sounds: Floats, rng: np.random.Generator, strength: float = 1.0) -> Floats:
    """(batch, frames, bins) in 0...1 to a varied copy: speed, pitch, tilt, shift and mixture.

    At strength 1: up to 12 % in speed and 8 % in pitch, 6 dB of tilt from DC to Nyquist, one
    frame of shift, and a quarter of the sounds mixed with another in dB (Zhang et al., mixup,
    2017: it teaches the space between sounds). Strength 0 changes nothing.
    """
    if strength <= 0:
        return sounds
    result = np.empty_like(sounds)
    for i, sound in enumerate(sounds):
        speed, pitch = np.exp(strength * rng.uniform((-0.12, -0.08), (0.12, 0.08)))
        varied = _stretched(sound, speed, shift=strength * rng.uniform(-1, 1), axis=0)
        varied = _stretched(varied, 1 / pitch, shift=0.0, axis=1)
        tilt = strength * rng.uniform(-0.033, 0.033) * np.linspace(-1, 1, sound.shape[1])
        # Where there was silence there stays silence.
        varied = np.where(varied > 0.01, varied + tilt, varied).astype(np.float32)
        result[i] = varied
    mixed = np.flatnonzero(rng.random(len(sounds)) < 0.25 * strength)
    share = rng.uniform(0, 0.5, (len(mixed), 1, 1)).astype(np.float32)
    others = result[rng.integers(len(sounds), size=len(mixed))]
    result[mixed] = result[mixed] * (1 - share) + others * share
    peak = np.maximum(result.max(axis=(1, 2), keepdims=True), 0.5)
    return np.asarray(np.clip(result + (1 - peak), 0, 1) * (result > 0.003), np.float32)


def _stretched(sound: Floats, factor: float, shift: float, axis: int) -> Floats:
    """`sound` read at `factor` times the pace and `shift` later; silence beyond its end."""
    length = sound.shape[axis]
    place = np.clip((np.arange(length) - shift) * factor, 0, None)
    low = np.floor(place).astype(int)
    share = np.expand_dims((place - low).astype(np.float32), 1 - axis)
    padded = np.concatenate([sound, np.zeros_like(sound.take([0, 1], axis))], axis)
    first = padded.take(np.minimum(low, length), axis)
    second = padded.take(np.minimum(low + 1, length), axis)
    return first + (second - first) * share
