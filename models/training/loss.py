"""The model that Keras trains, and its loss, on any of Keras' backends."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from latentpad.models import vae
from latentpad.models.representation import Representation
from latentpad.models.training.config import Recipe

BAND_HZ = 1450.0  # of the bands of `contrast`
STEADY = 24  # frames, 0.13 s, over which its peaks stay


class TrainingModel(keras.Model):
    """Encoder, noise and decoder as one model for Keras' `fit`.

    Its metric `score` is what is reported and chooses the best epoch: the error in dB and the
    weighted nats, without the terms that only shape the training.
    """

    def __init__(
        self, encoder: Any, decoder: Any, recipe: Recipe, representation: Representation
    ) -> None:
        super().__init__(name="learner")
        self.encoder, self.decoder = encoder, decoder
        self.recipe, self.range_db = recipe, representation.range_db
        bin_hz = representation.sample_rate / representation.n_fft
        self.band = min(max(2, round(BAND_HZ / bin_hz)), representation.bins // 2)
        self.warm = self.add_weight(name="warm", shape=(), initializer="ones", trainable=False)
        self.noise_seed = keras.random.SeedGenerator(0)
        self.score = keras.metrics.Mean("score")

    def call(self, x: Any, training: bool = False) -> dict[str, Any]:
        mean, logvar = vae.split(self.encoder(x, training=training))
        z = mean
        if training:
            z = mean + ops.exp(logvar / 2) * keras.random.normal(
                ops.shape(mean), seed=self.noise_seed
            )
        return {"decoded": self.decoder(z, training=training), "mean": mean, "logvar": logvar}

    def loss_and_score(self, x: Any, y_pred: Any) -> tuple[Any, Any]:
        """The loss that is minimised and the score that is reported, scalars in dB."""
        recipe, mean, decoded = self.recipe, y_pred["mean"], y_pred["decoded"]
        error_db = reconstruction(x, decoded, self.range_db, recipe.content)
        nats = ops.mean(vae.kl(mean, y_pred["logvar"]), axis=0)
        penalty = recipe.beta * ops.mean(ops.maximum(nats, recipe.free_nats))
        loss = error_db + self.warm * (penalty + recipe.decorrelation * dependence(mean))
        if recipe.contrast:
            loss = loss + recipe.contrast * contrast(x, decoded, self.range_db, self.band)
        return loss, error_db + recipe.beta * ops.mean(nats)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        loss, score = self.loss_and_score(x, y_pred)
        self.score.update_state(score)
        return loss


def reconstruction(x: Any, y: Any, range_db: float, content: float = 1.0) -> Any:
    """`models.vae.reconstruction_errors` in the mean of the batch."""
    return ops.mean(vae.reconstruction_errors(x, y, range_db, content))


def contrast(x: Any, y: Any, range_db: float, band: int) -> Any:
    """Mean absolute error in dB of the standard deviations within bands of `band` bins.

    `x` and `y` (batch, frames, bins). A loss bin by bin learns the median, which is smooth where a
    peak's place is not sure. This one asks for peaks and valleys of the right height. They are
    those of means over `STEADY` frames: the peaks of noise do not stay, and a decoder that was
    asked for them made lines of them. The bands overlap by half. They are weighted by the frame's
    loudest bin and their mean level in `x`.
    """
    steady = min(STEADY, x.shape[1])
    count = x.shape[1] // steady
    x, y = (
        ops.mean(ops.reshape(v[:, : count * steady], (-1, count, steady, v.shape[2])), axis=2)
        for v in (x, y)
    )
    errors, weights = 0.0, 0.0
    for first in (0, band // 2):
        count = (x.shape[2] - first) // band
        shape = (-1, x.shape[1], count, band)
        a, b = (ops.reshape(v[:, :, first : first + count * band], shape) for v in (x, y))
        weight = ops.max(x, axis=2, keepdims=True) * ops.mean(a, axis=3)
        # The root's slope has to stay finite where a band is flat.
        deviations = (ops.sqrt(ops.var(v, axis=3) + 1e-6) for v in (a, b))
        errors += ops.sum(weight * ops.abs(next(deviations) - next(deviations)))
        weights += ops.sum(weight)
    return range_db * errors / (weights + 1e-6)


def dependence(mean: Any) -> Any:
    """Squared correlations of a latent with the others, summed, mean over a batch's latents.

    A sum and not a mean over pairs: one latent that repeats another is wrong, however many there
    are (after Kumar et al., DIP-VAE, 2018).
    """
    centred = mean - ops.mean(mean, axis=0)
    scaled = centred / (ops.std(mean, axis=0) + 1e-3)
    count, dim = ops.shape(mean)[0], mean.shape[1]
    correlation = ops.matmul(ops.transpose(scaled), scaled) / ops.cast(count, mean.dtype)
    return ops.sum(ops.square(correlation * (1 - ops.eye(dim)))) / dim
