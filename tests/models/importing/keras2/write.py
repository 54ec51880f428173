"""Models as Keras 2 itself writes them, with the numbers that it makes of them: `*.tar.xz`.

Run by a Keras 2 of its own, not by this project's: see README.md beside this file.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import tarfile
import tempfile
import types
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

keras = tf.keras
layers = keras.layers
KEPT = 400  # numbers of each output
# Of the web decoder's 64 x 16 coarse cells those that sound: a high one, then a softer low one.
BRIGHT, LATER = (40, 3), (10, 9)


def converter() -> Any:
    """tensorflowjs' own writer, without what its package imports beside it (JAX and others)."""
    result = importlib.util.find_spec("tensorflowjs")
    assert result is not None, "see README.md: tensorflowjs is not installed"
    (folder,) = result.submodule_search_locations or [""]
    for name in ("tensorflowjs", "tensorflowjs.converters"):
        package = types.ModuleType(name)
        package.__path__ = [str(Path(folder, *name.split(".")[1:]))]
        sys.modules[name] = package
    return importlib.import_module("tensorflowjs.converters.keras_h5_conversion")


def picture(z: Any) -> Any:
    return layers.Reshape((4, 3, 2))(layers.Dense(24)(z))


def row(z: Any) -> Any:
    return layers.Reshape((8, 3))(layers.Dense(24)(z))


HEADS: dict[str, Any] = {
    "dense": lambda z: layers.Dense(5, activation="tanh")(z),
    "no bias": lambda z: layers.Dense(5, use_bias=False, kernel_regularizer="l2")(z),
    "each frame": lambda z: layers.Dense(5, kernel_constraint="max_norm")(row(z)),
    "conv 1d": lambda z: layers.Conv1D(4, 3, padding="same", activation="relu")(row(z)),
    "causal": lambda z: layers.Conv1D(4, 3, padding="causal", dilation_rate=2)(row(z)),
    "conv 2d": lambda z: layers.Conv2D(3, (3, 2), 2, activation="elu")(picture(z)),
    "dilated": lambda z: layers.Conv2D(3, 2, padding="same", dilation_rate=2)(picture(z)),
    "grouped": lambda z: layers.Conv2D(4, 2, groups=2)(picture(z)),
    "transposed 1d": lambda z: layers.Conv1DTranspose(3, 4, 2, "same")(row(z)),
    "transposed 1d padded": lambda z: layers.Conv1DTranspose(3, 3, 2, output_padding=1)(row(z)),
    "transposed 2d": lambda z: layers.Conv2DTranspose(3, 3, 2, "same")(picture(z)),
    "transposed 2d valid": lambda z: layers.Conv2DTranspose(2, (5, 3), (3, 2))(picture(z)),
    "transposed 2d padded": lambda z: layers.Conv2DTranspose(
        2, 3, 2, "same", output_padding=(1, 0)
    )(picture(z)),
    "depthwise 1d": lambda z: layers.DepthwiseConv1D(3, depth_multiplier=2)(row(z)),
    "depthwise 2d": lambda z: layers.DepthwiseConv2D(2, padding="same", activation="relu")(
        picture(z)
    ),
    "separable 1d": lambda z: layers.SeparableConv1D(4, 3, depth_multiplier=2)(row(z)),
    "separable 2d": lambda z: layers.SeparableConv2D(4, 2, padding="same")(picture(z)),
    "batch norm": lambda z: layers.BatchNormalization()(picture(z)),
    "batch norm of another axis": lambda z: layers.BatchNormalization(axis=1)(picture(z)),
    "batch norm bare": lambda z: layers.BatchNormalization(scale=False, center=False)(row(z)),
    "layer norm": lambda z: layers.LayerNormalization(epsilon=0.01)(row(z)),
    "layer norm of two axes": lambda z: layers.LayerNormalization(axis=[1, 2])(row(z)),
    "leaky": lambda z: layers.LeakyReLU(0.2)(row(z)),
    "leaky by itself": lambda z: layers.LeakyReLU()(row(z)),
    "prelu": lambda z: layers.PReLU(shared_axes=[1])(row(z)),
    "elu": lambda z: layers.ELU(0.7)(row(z)),
    "relu": lambda z: layers.ReLU(max_value=0.9, negative_slope=0.1, threshold=0.05)(row(z)),
    "thresholded": lambda z: layers.ThresholdedReLU(0.2)(row(z)),
    "softmax": lambda z: layers.Softmax(axis=1)(row(z)),
    "activation a layer": lambda z: layers.Dense(9, activation=layers.LeakyReLU(0.3))(z),
    "activation a function": lambda z: layers.Dense(9, activation=tf.nn.leaky_relu)(z),
    "permuted": lambda z: layers.Permute((2, 1))(row(z)),
    "flattened": lambda z: layers.Flatten()(picture(z)),
    "repeated": lambda z: layers.RepeatVector(3)(z),
    "larger": lambda z: layers.UpSampling2D((3, 2))(picture(z)),
    "smoothly larger": lambda z: layers.UpSampling2D(2, interpolation="bilinear")(picture(z)),
    "longer": lambda z: layers.UpSampling1D(3)(row(z)),
    "padded": lambda z: layers.ZeroPadding2D(((2, 1), (0, 3)))(picture(z)),
    "padded row": lambda z: layers.ZeroPadding1D((1, 2))(row(z)),
    "cropped": lambda z: layers.Cropping2D(((1, 1), (0, 1)))(picture(z)),
    "cropped row": lambda z: layers.Cropping1D((1, 2))(row(z)),
    "pooled": lambda z: layers.AveragePooling2D(2, 1)(layers.MaxPooling2D(2, 1)(picture(z))),
    "pooled row": lambda z: layers.AveragePooling1D(2)(layers.MaxPooling1D(2)(row(z))),
    "pooled whole": lambda z: layers.Concatenate()(
        [layers.GlobalMaxPooling2D()(picture(z)), layers.GlobalAveragePooling1D()(row(z))]
    ),
    "pooled otherwise": lambda z: layers.Concatenate()(
        [
            layers.GlobalAveragePooling2D()(layers.SpatialDropout2D(0.2)(picture(z))),
            layers.GlobalMaxPooling1D()(row(z)),
        ]
    ),
    "scaled": lambda z: layers.Rescaling(0.5, 0.1)(row(z)),
    "noisy": lambda z: layers.GaussianDropout(0.2)(
        layers.GaussianNoise(0.3)(layers.SpatialDropout1D(0.3)(layers.Dropout(0.2)(row(z))))
    ),
    "self normalising": lambda z: layers.AlphaDropout(0.1)(layers.Dense(6, activation="selu")(z)),
    "regularised": lambda z: layers.ActivityRegularization(0.1)(layers.Dense(6)(z)),
    "merged": lambda z: layers.Average()(
        [
            layers.Subtract()([row(z), row(z)]),
            layers.Multiply()([row(z), row(z)]),
            layers.Maximum()([row(z), layers.Minimum()([row(z), row(z)])]),
            layers.Add()([row(z), row(z)]),
        ]
    ),
    "joined": lambda z: layers.Concatenate(axis=1)([row(z), row(z)]),
    "trained while it plays": lambda z: layers.Dropout(0.2)(
        layers.BatchNormalization()(row(z), training=False), training=False
    ),
} | {
    f"activation {name}": (lambda z, name=name: layers.Activation(name)(layers.Dense(9)(z)))
    for name in ("gelu", "swish", "mish", "exponential", "softplus", "softsign", "selu", "sigmoid")
    if hasattr(keras.activations, name)
}


def of(head: Any) -> Any:
    z = keras.Input((4,), name="z")
    return keras.Model(z, head(z))


def web(width: int = 8) -> Any:
    """The shape of the founding paper's footsteps: 4 latents to (256, 64, 1), bins first."""
    z = keras.Input((4,))
    x = layers.Dense(64 * 16 * 2)(z)
    x = layers.LeakyReLU(0.2)(layers.BatchNormalization()(layers.Reshape((64, 16, 2))(x)))
    for filters in (width, width // 2):
        x = layers.Conv2DTranspose(filters, 3, 2, "same", activation="relu")(x)
    return keras.Model(z, layers.Conv2DTranspose(1, 3, padding="same", activation="sigmoid")(x))


def sequential() -> Any:
    return keras.Sequential(
        [
            layers.Dense(24, activation="relu", input_shape=(4,)),
            layers.Reshape((4, 3, 2)),
            layers.Conv2DTranspose(2, 3, 2, padding="same"),
            layers.BatchNormalization(),
            layers.LeakyReLU(alpha=0.1),
            layers.Dropout(0.3),
            layers.Conv2DTranspose(1, 3, padding="same", activation="sigmoid"),
        ]
    )


def nested() -> Any:
    z = keras.Input((4,))
    return keras.Model(z, of(HEADS["transposed 2d"])(layers.Dense(4)(z)))


def nested_deep() -> Any:
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(6), sequential_row()])
    return keras.Sequential([layers.Dense(4, input_dim=4), inner, layers.Softmax()])


def sequential_row() -> Any:
    return keras.Sequential([layers.Dense(24), layers.Reshape((8, 3)), layers.Conv1D(2, 3)])


def shared() -> Any:
    """A layer, and a model, that are called twice."""
    z = keras.Input((4,))
    turn, inner = layers.Dense(4, activation="tanh"), of(HEADS["conv 1d"])
    once = turn(z)
    return keras.Model(z, layers.Add()([inner(once), inner(turn(once))]))


def halves() -> Any:
    """Computed in 16 bits, kept in 32."""
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        z = keras.Input((4,))
        x = layers.LeakyReLU(0.2)(layers.BatchNormalization()(picture(z)))
        y = layers.Conv2DTranspose(1, 3, 2, "same")(x)
        return keras.Model(z, layers.Activation("sigmoid", dtype="float32")(y))
    finally:
        keras.mixed_precision.set_global_policy("float32")


def of_a_list() -> Any:
    z = keras.Input((4,))
    return keras.Model([z], [HEADS["transposed 2d"](z)])


def one_at_a_time() -> Any:
    z = keras.Input(batch_shape=(1, 4))
    return keras.Model(z, HEADS["batch norm"](z))


def trained() -> Any:
    """With all that training leaves in a file."""
    model = of(HEADS["batch norm"])
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    model.train_on_batch(np.zeros((2, 4)), np.zeros((2, 4, 3, 2)))
    return model


WHOLE: dict[str, Any] = {
    "trained": trained,
    "web": web,
    "sequential": sequential,
    "nested": nested,
    "nested deep": nested_deep,
    "shared": shared,
    "halves": halves,
    "of a list": of_a_list,
    "one at a time": one_at_a_time,
}
#: What Keras 2 can write, and Keras 3 or TensorFlow's kernels for one core cannot play.
REFUSED: dict[str, Any] = {
    "renormalised": lambda z: layers.BatchNormalization(renorm=True)(picture(z)),
    "normalised over two axes": lambda z: layers.BatchNormalization(axis=[1, 2])(picture(z)),
    "hard sigmoid": lambda z: layers.Dense(5, activation="hard_sigmoid")(z),
    "channels first": lambda z: layers.ZeroPadding2D(1, data_format="channels_first")(picture(z)),
    "lambda": lambda z: layers.Lambda(lambda x: 2 * x)(row(z)),
    "operations": lambda z: tf.sin(row(z)) * 2.0,
    "recurrent": lambda z: layers.GRU(3)(row(z)),
    "transposed 2d dilated": lambda z: layers.Conv2DTranspose(
        2, 3, padding="same", dilation_rate=2
    )(picture(z)),
    "bicubic": lambda z: layers.UpSampling2D(2, interpolation="bicubic")(picture(z)),
}


def sparse() -> Any:
    z = keras.Input((4,), sparse=True)
    return keras.Model(z, layers.Dense(3)(z))


def shaken(model: Any, seed: int) -> Any:
    """With weights on a coarse grid, which a zip keeps small; variances are above 0."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        drawn = rng.integers(-12, 13, weight.shape) / 32
        weight.assign(np.abs(drawn) + 0.25 if "variance" in weight.name else drawn)
    return model


def lit(model: Any) -> Any:
    """The web decoder with two cells that sound, among quiet ones."""
    _, *_, last = model.layers
    kernel, bias = model.layers[1].get_weights()
    cells = np.full((64, 16, 2), -0.25)
    cells[BRIGHT], cells[LATER] = 12.0, 8.0
    kernel = kernel / 4
    model.layers[1].set_weights([kernel, cells.ravel()])
    for layer in model.layers[4:]:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([np.abs(kernel) / 2, bias * 0])
    last.set_weights([2 * last.get_weights()[0], np.full(1, -2.0)])
    return model


def numbers(model: Any, count: int) -> dict[str, Any]:
    """Some inputs, and some of what comes out, evenly over the whole of it."""
    z = np.random.default_rng(7).normal(size=(count, 4)).astype(np.float32)
    batch = model.inputs[0].shape[0] or count
    given = np.concatenate([np.asarray(model(z[i : i + batch])) for i in range(0, count, batch)])
    flat = given.reshape(count, -1).astype(np.float32)
    step = max(1, flat.shape[1] // KEPT) | 1  # odd, so that no axis is passed by
    return {"z": z, "shape": given.shape[1:], "step": step, "made": flat[:, ::step]}


def nameless(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """A member of no date and no owner; nothing of what only Keras 2 reads of a SavedModel."""
    member.mtime = member.uid = member.gid = 0
    member.uname = member.gname = ""
    return None if member.name.endswith(("keras_metadata.pb", "fingerprint.pb")) else member


def main(out: Path) -> None:
    tfjs = converter()
    models = {name: shaken(of(head), i) for i, (name, head) in enumerate(HEADS.items())}
    models |= {name: shaken(make(), i) for i, (name, make) in enumerate(WHOLE.items(), 100)}
    models["web"] = lit(models["web"])
    refused = {name: of(head) for name, head in REFUSED.items()} | {"sparse": sparse()}
    with tempfile.TemporaryDirectory() as folder:
        for part in ("tfjs", "keras", "saved", "numbers"):
            Path(folder, part).mkdir()
        for name, model in (models | refused).items():
            tfjs.save_keras_model(model, str(Path(folder, "tfjs", name)))
        for name, model in models.items():
            np.savez(Path(folder, "numbers", f"{name}.npz"), **numbers(model, 3))
        for name in (*WHOLE, "batch norm", "leaky", "prelu", "separable 2d"):
            models[name].save(Path(folder, "keras", f"{name}.keras"))
        for name in ("web", "sequential"):
            models[name].save(Path(folder, "saved", name), save_format="tf")
        with tarfile.open(out, "w:xz") as archive:
            for place in sorted(Path(folder).iterdir()):
                archive.add(place, place.name, filter=nameless)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
