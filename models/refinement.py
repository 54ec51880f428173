"""Moves latents to where the decoder makes the sound that they stand for.

An encoder finds a sound's latent vector in one pass, and misses the best one: the amortisation gap
(Cremer et al., Inference Suboptimality in Variational Autoencoders, 2018). It is widest for sounds
that it did not learn from. From where the encoder ends, some steps of gradient descent on the
decoder's error close most of it (Kim et al., Semi-Amortized Variational Autoencoders, 2018).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from latentpad.models import reconstruction
from latentpad.models.representation import Floats, Representation

RATE = 0.05  # Adam's, in the first step; it falls as half a cosine
BATCH = 32  # sounds
CONTRAST = 0.6  # weight of the error of peaks' heights, without which they would be smoothed


class Refinement:
    """Refines latents for a decoder. One thread; imports Keras.

    Args:
        decoder: Keras model (batch, D) -> (batch, frames, columns) in 0...1. It is not changed.
        representation: the decoder's.
        steps: of gradient descent; 0: latents stay where they are.
    """

    def __init__(self, decoder: Any, representation: Representation, steps: int) -> None:
        self._decoder, self._steps = decoder, steps
        self._error = partial(_error, decoder, representation)
        self._model: _Latents | None = None

    def __call__(
        self,
        latents: Floats,
        sounds: Any,
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> Floats:
        """The latents (L, D) float32 refined for `sounds` (L, frames, bins) in 0...1.

        The error is that which training minimises (`models.reconstruction`). A latent stays where
        it is if the error of its sound does not fall. But for rounding, a sound's result does not
        depend on the others. `progress` is called with the number of sounds done. It takes
        most of the time of placing a sound.
        """
        refined = np.array(latents, np.float32)
        if not self._steps:
            return refined
        for first in range(0, len(refined), BATCH):
            progress(first, len(refined))
            part = slice(first, first + BATCH)
            rows = np.stack([np.asarray(sounds[i], np.float32) for i in range(len(refined))[part]])
            count = len(rows)
            # Always as many rows, so that the same sums are formed whatever comes with a sound.
            filled = np.resize(rows, (BATCH, *rows.shape[1:]))
            refined[part] = self._refine(
                np.resize(refined[part], (BATCH, latents.shape[1])), filled
            )[:count]
        return refined

    def _refine(self, start: Floats, sounds: Floats) -> Floats:
        """One batch."""
        if self._model is None:
            self._model = _Latents(start.shape, self._error)
            rate = keras.optimizers.schedules.CosineDecay(RATE, self._steps)
            self._model.compile(keras.optimizers.Adam(rate))
        model = self._model
        for variable in model.optimizer.variables:  # it has not seen a batch before
            variable.assign(np.zeros(variable.shape, variable.dtype))
        model.latents.assign(start)
        before = ops.convert_to_numpy(self._error(start, sounds))
        for _ in range(self._steps):
            model.train_on_batch(sounds)
        moved = ops.convert_to_numpy(model.latents)
        after = ops.convert_to_numpy(self._error(moved, sounds))
        better = np.isfinite(moved).all(axis=1) & (after < before)
        return np.where(better[:, None], moved, start)


class _Latents(keras.Model):
    """A batch of latents as weights; what they are trained for is the sounds' error."""

    def __init__(self, shape: tuple[int, ...], error: Callable[[Any, Any], Any]) -> None:
        super().__init__(name="latents", dtype="float32")
        self.latents = self.add_weight(shape=shape, initializer="zeros", name="latents")
        self._error_of = error  # a function: Keras does not look for weights in it

    def call(self, sounds: Any) -> Any:
        return self._error_of(self.latents, sounds)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        return ops.mean(y_pred)


def _error(decoder: Any, representation: Representation, latents: Any, sounds: Any) -> Any:
    """(n,) the error of each sound in dB."""
    r = representation
    decoded = ops.cast(decoder(latents, training=False)[:, :, : r.bins], "float32")
    blur_db = reconstruction.contrast_errors(sounds, decoded, r.range_db, reconstruction.band(r))
    return reconstruction.errors(sounds, decoded, r.range_db) + CONTRAST * blur_db
