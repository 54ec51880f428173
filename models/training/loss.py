"""What a VAE is taught, on any of Keras' backends: the loss."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from latentpad.models import vae
from latentpad.models.training.config import Recipe


class TrainingModel(keras.Model):
    """Encoder, noise and decoder as one model that `fit` can teach.

    Its metric `told` is what is reported and judged: the error in dB and the whole price of the
    nats, without the terms that only shape the training.
    """

    def __init__(self, encoder: Any, decoder: Any, recipe: Recipe, range_db: float) -> None:
        super().__init__(name="learner")
        self.encoder, self.decoder = encoder, decoder
        self.recipe, self.range_db = recipe, range_db
        self.warm = self.add_weight(name="warm", shape=(), initializer="ones", trainable=False)
        self.dice = keras.random.SeedGenerator(0)
        self.told = keras.metrics.Mean("told")

    def call(self, x: Any, training: bool = False) -> dict[str, Any]:
        mean, logvar = vae.split(self.encoder(x, training=training))
        z = mean
        if training:
            z = mean + ops.exp(logvar / 2) * keras.random.normal(ops.shape(mean), seed=self.dice)
        return {"decoded": self.decoder(z, training=training), "mean": mean, "logvar": logvar}

    def judged(self, x: Any, y_pred: Any) -> tuple[Any, Any]:
        """What is taught by, and what is told and judged: scalars, in dB."""
        recipe, mean = self.recipe, y_pred["mean"]
        heard = reconstruction(x, y_pred["decoded"], self.range_db, recipe.content)
        nats = ops.mean(vae.kl(mean, y_pred["logvar"]), axis=0)
        price = recipe.beta * ops.mean(ops.maximum(nats, recipe.free_nats))
        loss = heard + self.warm * (price + recipe.decorrelation * dependence(mean))
        return loss, heard + recipe.beta * ops.mean(nats)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        loss, told = self.judged(x, y_pred)
        self.told.update_state(told)
        return loss


def reconstruction(x: Any, y: Any, range_db: float, content: float = 1.0) -> Any:
    """Mean absolute error in dB of (batch, frames, bins), weighted to where there is sound.

    Most of a footstep's second is silence: at `content` 1 a frame weighs as its loudest bin, a
    bin by its own level, silence a little; each sound counts the same, however short. Sound is
    what is in either of the two: a tail that the recording does not have is heard as clearly as
    one that is missing.
    """
    there = ops.maximum(x, ops.stop_gradient(y))
    present = ops.max(there, axis=2, keepdims=True)
    weight = 1 - content + content * (0.04 + present * (0.4 + there))
    error = ops.sum(weight * ops.abs(x - y), axis=(1, 2)) / ops.sum(weight, axis=(1, 2))
    return range_db * ops.mean(error)


def dependence(mean: Any) -> Any:
    """Squared correlations of a latent with the others, summed, mean over a batch's latents.

    A sum and not a mean over pairs: one other that tells the same is one too many, however many
    there are (after Kumar et al., DIP-VAE, 2018).
    """
    centred = mean - ops.mean(mean, axis=0)
    scaled = centred / (ops.std(mean, axis=0) + 1e-3)
    count, dim = ops.shape(mean)[0], mean.shape[1]
    correlation = ops.matmul(ops.transpose(scaled), scaled) / ops.cast(count, mean.dtype)
    return ops.sum(ops.square(correlation * (1 - ops.eye(dim)))) / dim
