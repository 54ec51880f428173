"""Wraps a foreign decoder and encoder in Keras layers with the pack's inputs and outputs.

The result is a plain Keras model: it saves as `.keras`, loads in safe mode, and the engine needs to
know nothing. Keras is imported in the functions, as this takes seconds.
"""

from __future__ import annotations

import math
from typing import Any

from latentpad.models.importing.layout import Foreign, ForeignError, Layout
from latentpad.models.representation import FLOOR

LOGVAR = -4.0  # for an encoder that gives means only


def decoder(model: Any, foreign: Foreign, output_layout: Layout) -> Any:
    """A Keras model (batch, latent) -> (batch, frames, bins) in 0...1 around a foreign one."""
    import keras
    from keras import layers, ops

    r, (low, high) = output_layout.representation, output_layout.missing(foreign)
    z = keras.Input((model.inputs[0].shape[1],), name="latent")
    x = model(z)
    a, b = output_layout.shape[:2]
    if foreign.parts != "magnitude":
        # To (2, a, b): the parts first.
        if output_layout.channels == 2:
            x = layers.Reshape((2, a, b))(layers.Permute((2, 1))(layers.Reshape((a * b, 2))(x)))
        elif output_layout.frequency == 0:
            a //= 2
            x = layers.Reshape((2, a, b))(x)
        else:
            b //= 2
            x = layers.Permute((2, 1, 3))(layers.Reshape((a, 2, b))(x))
        if foreign.parts == "magnitude and phase":
            x = layers.Cropping1D((0, 1))(layers.Reshape((2, a * b))(x))
        else:
            x = ops.sqrt(ops.sum(ops.square(_levels(x, foreign)), axis=1))
    x = layers.Reshape((a, b))(x)
    if foreign.parts != "real and imaginary":
        x = _levels(x, foreign)
    if foreign.scale == "db":
        db = layers.Rescaling(1.0, -foreign.standing_for[1])(x)
    else:
        db = _relative(x, foreign.scale, r.range_db)
    x = layers.ReLU(max_value=1.0)(layers.Rescaling(1 / r.range_db, 1.0)(db))
    if low or high:
        around = ((low, high), (0, 0)) if output_layout.frequency == 0 else ((0, 0), (low, high))
        x = layers.ZeroPadding2D(around)(layers.Reshape((a, b, 1))(x))
        x = layers.Reshape(tuple(x.shape[1:3]))(x)
    if output_layout.frequency == 0:
        x = layers.Permute((2, 1))(x)
    return keras.Model(z, x, name="decoder_as_ours")


def _levels(x: Any, foreign: Foreign) -> Any:
    from keras import layers

    (v0, v1), (l0, l1) = foreign.values, foreign.standing_for
    slope = (l1 - l0) / (v1 - v0)
    return layers.Rescaling(slope, l0 - slope * v0)(x)


def _relative(x: Any, scale: str, range_db: float) -> Any:
    """Magnitudes, powers or logarithms to dB below the sound's peak; silence has no peak."""
    from keras import ops

    if scale in ("linear", "power"):
        x = ops.log10(ops.maximum(x, FLOOR if scale == "linear" else FLOOR**2))
    per = {"linear": 20.0, "power": 10.0, "log": 20 / math.log(10), "log10": 20.0}[scale]
    db = per * x
    peak = ops.max(db, axis=(1, 2), keepdims=True)
    return db - ops.maximum(peak, 20 * math.log10(FLOOR) + range_db)


def encoder(model: Any, foreign: Foreign, output_layout: Layout, latent: int) -> Any:
    """A Keras model (batch, frames, bins) in 0...1 -> (batch, 2 * latent) around a foreign one.

    Means, then log variances: its own, or `LOGVAR` if it gives means only. Raises ForeignError.
    """
    import keras
    from keras import layers, ops

    r, (low, high) = output_layout.representation, output_layout.missing(foreign)
    if len(model.inputs) != 1:
        raise ForeignError(f"the encoder takes {len(model.inputs)} inputs, not one sound")
    input_shape = tuple(model.inputs[0].shape[1:])
    size = [r.bins - low - high, r.frames]
    magnitudes_shape = tuple(size if output_layout.frequency == 0 else reversed(size))
    if input_shape not in (magnitudes_shape, (*magnitudes_shape, 1)):
        what = f"the decoder's magnitudes are {magnitudes_shape}"
        if foreign.parts != "magnitude" and math.prod(w or 0 for w in input_shape) == 2 * math.prod(
            size
        ):
            what = f"and a sound here has no {foreign.parts.split()[-1]}: leave the encoder out"
        raise ForeignError(f"the encoder takes {input_shape}, {what}")
    sound = keras.Input((r.frames, r.bins), name="sound")
    x = layers.Reshape((r.frames, r.bins, 1))(sound)
    if low or high:
        x = layers.Cropping2D(((0, 0), (low, high)))(x)
    if output_layout.frequency == 0:
        x = layers.Permute((2, 1, 3))(x)
    x = layers.Reshape(input_shape)(x)
    x = layers.Rescaling(r.range_db, -r.range_db)(x)
    if foreign.scale == "db":
        x = layers.Rescaling(1.0, foreign.standing_for[1])(x)
    elif foreign.scale in ("linear", "power"):
        x = ops.exp((math.log(10) / (20 if foreign.scale == "linear" else 10)) * x)
    else:
        x = layers.Rescaling(math.log(10) / 20 if foreign.scale == "log" else 1 / 20)(x)
    (v0, v1), (l0, l1) = foreign.values, foreign.standing_for
    slope = (v1 - v0) / (l1 - l0)
    x = layers.Rescaling(slope, v0 - slope * l0)(x)
    encoded = model(x)
    outputs = list(encoded) if isinstance(encoded, list | tuple) else [encoded]
    shapes = [tuple(o.shape[1:]) for o in outputs]
    if shapes == [(2 * latent,)]:
        latent_output = layers.Rescaling(1.0, name="latent")(outputs[0])
    elif shapes == [(latent,)]:
        fixed_logvar = layers.Rescaling(0.0, LOGVAR)(outputs[0])
        latent_output = layers.Concatenate(name="latent")([outputs[0], fixed_logvar])
    elif shapes in ([(latent,)] * 2, [(latent,)] * 3):
        latent_output = layers.Concatenate(name="latent")(outputs[:2])
    else:
        listed = ", ".join(map(str, shapes))
        raise ForeignError(
            f"the encoder gives {listed}: the decoder takes {latent} latents, so {latent} means, "
            f"or means and log variances, are wanted"
        )
    return keras.Model(sound, latent_output, name="encoder_as_ours")
