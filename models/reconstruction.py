"""How far a decoded sound is from the sound that it should be: what a model is trained for.

Written in `keras.ops`, for any of Keras' backends.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from latentpad.models.representation import Representation

BAND_HZ = 1450.0  # of the bands of `contrast_errors`
STEADY = 24  # frames, 0.13 s, over which peaks stay
APART = 4  # frames: between them is nothing new, as they overlap


def errors(x: Any, y: Any, range_db: float, content: float = 1.0) -> Any:
    """Mean absolute errors in dB (batch,) of `y` for `x` (batch, frames, bins), weighted towards
    the sound.

    Most of a footstep's second is silence. At `content` 1 a frame is weighted by its loudest bin, a
    bin by its own level, and silence a little; each sound counts the same, however short. The level
    is the greater of the two sounds': an added tail is as audible as a missing one.
    """
    level = ops.maximum(x, ops.stop_gradient(y))
    frame_level = ops.max(level, axis=2, keepdims=True)
    weight = 1 - content + content * (0.04 + frame_level * (0.4 + level))
    error = ops.sum(weight * ops.abs(x - y), axis=(1, 2)) / ops.sum(weight, axis=(1, 2))
    return range_db * error


def band(representation: Representation) -> int:
    """The bins of a band of `contrast_errors`."""
    bin_hz = representation.sample_rate / representation.n_fft
    return min(max(2, round(BAND_HZ / bin_hz)), representation.bins // 2)


def contrast_errors(x: Any, y: Any, range_db: float, band: int) -> Any:
    """Mean absolute errors in dB (batch,) of the standard deviations within bands of `band` bins,
    where they are steady.

    `x` and `y` (batch, frames, bins). A loss bin by bin learns the median, which is smooth where a
    peak's place is not sure. This one asks for peaks and valleys of the right height. The peaks of
    noise do not stay, and a decoder that was asked for them made lines of them: so a band counts as
    far as its deviations in `x` stay over `STEADY` frames. The bands overlap by half. They are
    weighted by the frame's loudest bin and their mean level in `x`.
    """
    steady = min(STEADY, x.shape[1])
    blocks, step = x.shape[1] // steady, min(APART, steady)
    x, y = (v[:, : blocks * steady] for v in (x, y))
    level = ops.max(x[:, ::step], axis=2, keepdims=True)
    errors, weights = 0.0, 0.0
    for first in (0, band // 2):
        a, b = (_banded(v, first, band) for v in (x, y))
        weight = level * ops.mean(a[:, ::step], axis=3)
        kept = weight * _steadiness(a, blocks, steady // step)
        # The root's slope has to stay finite where a band is flat.
        deviations = (ops.sqrt(ops.var(v[:, ::step], axis=3) + 1e-6) for v in (a, b))
        errors += ops.sum(kept * ops.abs(next(deviations) - next(deviations)), axis=(1, 2))
        weights += ops.sum(weight, axis=(1, 2))
    return range_db * errors / (weights + 1e-6)


def _banded(x: Any, first: int, band: int) -> Any:
    """(batch, frames, bins) as (batch, frames, bands, `band`), from bin `first` on."""
    count = (x.shape[2] - first) // band
    return ops.reshape(x[:, :, first : first + count * band], (-1, x.shape[1], count, band))


def _steadiness(x: Any, blocks: int, repeats: int) -> Any:
    """How far the deviations within bands stay, 0...1: (batch, blocks * repeats, bands).

    `x` (batch, frames, bands, bins). It is the variance of the mean over the frames of a block, as
    a share of their mean variance. Noise, whose frames overlap, has up to a quarter.
    """
    x = ops.reshape(x, (-1, blocks, x.shape[1] // blocks, *x.shape[2:]))
    share = ops.var(ops.mean(x, axis=2), axis=3) / (ops.mean(ops.var(x, axis=4), axis=2) + 1e-6)
    return ops.repeat(ops.clip(2 * share - 0.5, 0.0, 1.0), repeats, axis=1)
