"""The model that Keras trains, and its loss, on any of Keras' backends."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from latentpad.models import reconstruction, vae
from latentpad.models.representation import Representation
from latentpad.models.training.config import Recipe


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
        self.band = reconstruction.band(representation)
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
        error_db = ops.mean(reconstruction.errors(x, decoded, self.range_db, recipe.content))
        nats = ops.mean(vae.kl(mean, y_pred["logvar"]), axis=0)
        penalty = recipe.beta * ops.mean(ops.maximum(nats, recipe.free_nats))
        loss = error_db + self.warm * (penalty + recipe.decorrelation * dependence(mean))
        if recipe.contrast:
            blur_db = ops.mean(reconstruction.contrast_errors(x, decoded, self.range_db, self.band))
            loss = loss + recipe.contrast * blur_db
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
