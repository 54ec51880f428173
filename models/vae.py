"""The variational autoencoder: spectrogram -> a few latents -> spectrogram.

Kingma & Welling, Auto-Encoding Variational Bayes (2013). Two separate models and no sampling
layer between them: in training the loop samples, on stage the performer does.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from latentpad.models.representation import Representation

STEPS = 4  # the decoder's coarsest frame stands for this many


def build(
    representation: Representation,
    latent: int = 4,
    *,
    width: int = 160,
    seed_channels: int = 64,
    hidden: int = 128,
    encoder_width: int = 0,
) -> tuple[Any, Any]:
    """(encoder, decoder), both untrained Keras models.

    encoder: (batch, frames, bins) in 0...1 -> (batch, 2 * latent), means then log variances.
    decoder: (batch, latent) -> (batch, frames, bins) in 0...1.
    `width` is the channels of the decoder's convolutions (its cost grows with the square),
    `hidden` the units of its first layer, `seed_channels` those of each of its coarsest frames.
    `encoder_width` is the channels of the encoder's convolutions, which cost nothing on stage; 0:
    `width`.
    """
    return (
        _encoder(representation, latent, encoder_width or width),
        _decoder(representation, latent, width, seed_channels, hidden),
    )


def _encoder(representation: Representation, latent: int, width: int) -> Any:
    sound = keras.Input((representation.frames, representation.bins), name="sound")
    x = layers.Conv1D(width, 1, activation="silu")(sound)
    for _ in range(3):
        x = layers.Conv1D(width, 4, strides=2, padding="same", activation="silu")(x)
    x = layers.Conv1D(32, 1, activation="silu")(x)
    x = layers.Dense(128, activation="silu")(layers.Flatten()(x))
    mean = layers.Dense(latent, name="mean")(x)
    # The noise is small at first; otherwise the decoder would learn to ignore the latents.
    small = keras.initializers.Constant(-3)
    spread = layers.Dense(latent, bias_initializer=small, name="logvar")(x)
    return keras.Model(sound, layers.Concatenate(name="latent")([mean, spread]), name="encoder")


def _decoder(
    representation: Representation, latent: int, width: int, seed_channels: int, hidden: int
) -> Any:
    """1-D convolutions over time with the bins as channels.

    Neighbouring bins share no weights, as they would in a 2-D convolution. In return one second of
    sound costs a hundredth, so one core can decode many sounds a second.
    """
    coarse = ceil(representation.frames / STEPS)
    z = keras.Input((latent,), name="latent")
    x = layers.Dense(hidden, activation="silu")(z)
    x = layers.Dense(coarse * seed_channels, activation="silu")(x)
    x = layers.Reshape((coarse, seed_channels))(x)
    for _ in range(2):
        x = layers.Conv1D(width, 3, padding="same", activation="silu")(x)
        x = layers.UpSampling1D(2)(x)
    x = layers.Conv1D(width, 3, padding="same", activation="silu")(x)
    if coarse * STEPS > representation.frames:
        x = layers.Cropping1D((0, coarse * STEPS - representation.frames))(x)
    sound = layers.Conv1D(representation.bins, 1, activation="sigmoid", name="sound")(x)
    return keras.Model(z, sound, name="decoder")


def trunk(decoder: Any) -> Any:
    """(batch, latent) -> (batch, frames, width): all of a decoder but its last layer."""
    return keras.Model(decoder.input, decoder.layers[-1].input, name="trunk")


def with_outputs(decoder: Any, kernel: Any, bias: Any) -> Any:
    """The decoder with more outputs beside its bins: (batch, latent) -> (batch, frames, bins + n).

    `kernel` (width, n) and `bias` (n,) continue its last layer. The other layers are the same
    ones.
    """
    last = decoder.layers[-1]
    old_kernel, old_bias = last.get_weights()
    outputs = len(old_bias) + len(bias)
    wider = layers.Conv1D(outputs, 1, activation="sigmoid", name=last.name)
    model = keras.Model(decoder.input, wider(last.input), name=decoder.name)
    wider.set_weights(
        [
            np.concatenate([old_kernel, np.asarray(kernel)[None]], axis=2),
            np.concatenate([old_bias, bias]),
        ]
    )
    return model


def split(encoded: Any) -> tuple[Any, Any]:
    """The encoder's (batch, 2 * latent) as means and log variances, the latter clipped to
    -10...4."""
    mean, logvar = ops.split(encoded, 2, axis=-1)
    return mean, ops.clip(logvar, -10.0, 4.0)


def kl(mean: Any, logvar: Any) -> Any:
    """(batch, latent) nats between N(mean, exp(logvar)) and N(0, 1) (Kingma & Welling, app. B)."""
    return 0.5 * (ops.square(mean) + ops.exp(logvar) - 1.0 - logvar)
