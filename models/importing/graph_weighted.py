"""Operations with weights, as Keras layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from latentpad.models.importing.graph_constants import axes
from latentpad.models.importing.graph_shaped import spread
from latentpad.models.importing.graph_step import Step
from latentpad.models.importing.layout import ForeignError


def _layer(layer: Any, x: Any, *weights: Any) -> Any:
    """The output of a layer after its weights are set."""
    y = layer(x)
    layer.set_weights([np.asarray(w, np.float32) for w in weights])
    return y


def _dense(s: Step) -> Any:
    from keras import layers, ops

    if s.flag("transpose_a") or s.flag("adj_x"):
        raise ForeignError("has its input turned")
    if not isinstance(s.values[1], np.ndarray):
        transposed = s.flag("adj_y") or s.flag("transpose_b")
        return ops.matmul(s.x, ops.swapaxes(s.values[1], -1, -2) if transposed else s.values[1])
    kernel = s.constant(1)
    if s.flag("transpose_b") or s.flag("adj_y"):
        kernel = kernel.swapaxes(-1, -2)
    if kernel.ndim != 2:
        raise ForeignError(f"has a kernel of {kernel.shape}")
    return _layer(layers.Dense(kernel.shape[1], use_bias=False), s.x, kernel)


def _einsum(s: Step) -> Any:
    from keras import layers, ops

    letters = sorted(set(filter(str.isalpha, s.attribute("equation").s.decode())))
    # Keras accepts no capital letters, which TensorFlow uses.
    small = str.maketrans({letter: chr(97 + i) for i, letter in enumerate(letters)})
    equation = s.attribute("equation").s.decode().translate(small)
    y = ops.einsum(equation, *s.values)
    if not isinstance(s.values[-1], np.ndarray):
        return y
    layer = layers.EinsumDense(equation, tuple(y.shape[1:]))
    return _layer(layer, s.x, s.constant(1))


def _convolution(s: Step) -> Any:
    from keras import layers

    kernel, x = s.constant(1), s.x
    padding = s.attribute("padding").s.decode().lower()
    if padding == "explicit":
        p = list(s.attribute("explicit_paddings").list.i)
        x, padding = layers.ZeroPadding2D(((p[2], p[3]), (p[4], p[5])))(x), "valid"
    layer = layers.Conv2D(
        kernel.shape[3], kernel.shape[:2], s.sizes("strides"), padding,
        dilation_rate=s.sizes("dilations"), groups=x.shape[3] // kernel.shape[2], use_bias=False,
    )  # fmt: skip
    return _layer(layer, x, kernel)


def _depthwise(s: Step) -> Any:
    from keras import layers

    kernel = s.constant(1)
    layer = layers.DepthwiseConv2D(
        kernel.shape[:2], s.sizes("strides"), s.attribute("padding").s.decode().lower(),
        kernel.shape[3], dilation_rate=s.sizes("dilations"), use_bias=False,
    )  # fmt: skip
    return _layer(layer, s.x, kernel)


def _transposed(s: Step) -> Any:
    """Conv2DBackpropInput: its inputs are the output's sizes, the kernel, and the tensor."""
    from keras import layers

    sizes, kernel, x = axes(s.constant(0)), s.constant(1), s.values[2]
    padding, strides = s.attribute("padding").s.decode().lower(), s.sizes("strides")
    if s.sizes("dilations") != (1, 1):
        raise ForeignError("is dilated")
    extra: list[int] = []
    for n, k, stride, wanted in zip(x.shape[1:3], kernel.shape, strides, sizes[1:3], strict=False):
        # Keras' formula for the length of a transposed convolution with output padding.
        about = k // 2 if padding == "same" else 0
        extra.append(wanted - ((n - 1) * stride + k - 2 * about))
    plain = layers.Conv2DTranspose(
        kernel.shape[2], kernel.shape[:2], strides, padding, use_bias=False
    )
    if tuple(plain.compute_output_shape(x.shape))[1:3] == sizes[1:3]:
        return _layer(plain, x, kernel)
    layer = layers.Conv2DTranspose(
        kernel.shape[2], kernel.shape[:2], strides, padding, extra, use_bias=False
    )
    return _layer(layer, x, kernel)


def _normalised(s: Step) -> Any:
    from keras import layers

    s.channels_last()
    if s.attribute("is_training").b:
        raise ForeignError("is in training: export it for inference")
    layer = layers.BatchNormalization(epsilon=s.attribute("epsilon").f)
    return _layer(layer, s.x, *(s.constant(i) for i in range(1, 5)))


def _affine(x: Any, scale: Any, offset: Any) -> Any:
    """x * scale + offset, where all are broadcast to one shape."""
    from keras import layers

    scale, offset = (np.asarray(a, np.float32) for a in (scale, offset))
    one = scale.size == 1 and offset.size == 1
    if one and (scale.ndim == offset.ndim == 0 or x.shape[-1] != 1):
        return _rescaled(x, float(scale.item()), float(offset.item()))
    rank = len(x.shape) - 1
    for a in (scale, offset):
        if a.ndim > rank + 1 or (a.ndim == rank + 1 and a.shape[0] != 1):
            raise ForeignError(f"has a constant of {a.shape} for {tuple(x.shape[1:])}")
    scale, offset = (a[0] if a.ndim > rank else a for a in (scale, offset))
    shape = np.broadcast_shapes(tuple(x.shape[1:]), scale.shape, offset.shape)
    x = spread(x, (1, *shape))
    if all(a.ndim == 0 or a.shape[-1] == a.size for a in (scale, offset)):
        channels = (np.broadcast_to(a.ravel(), shape[-1:]) for a in (scale, offset))
        return _folded(x, *channels)
    wide = layers.Reshape((math.prod(shape),))(x)
    both = (np.broadcast_to(a, shape).ravel() for a in (scale, offset))
    return layers.Reshape(shape)(_folded(wide, *both))


def _rescaled(x: Any, scale: float, offset: float) -> Any:
    from keras import layers

    return x if (scale, offset) == (1.0, 0.0) else layers.Rescaling(scale, offset)(x)


def _folded(x: Any, scale: Any, offset: Any) -> Any:
    """x * scale + offset along the last axis: in the layer that made x, or else in a new one."""
    from keras import layers

    made = x._keras_history.operation
    out = {layers.Dense: 1, layers.Conv2D: 3, layers.Conv2DTranspose: 2}.get(type(made))
    if out is not None:
        weights = made.get_weights()
        bias = weights[1] if made.use_bias else 0.0
        kernel = weights[0] * (scale.reshape(-1, 1) if out == 2 else scale)
        again = type(made).from_config({**made.get_config(), "name": None, "use_bias": True})
        return _layer(again, made.input, kernel, bias * scale + offset)
    if isinstance(made, layers.BatchNormalization):
        gamma, beta, *moments = made.get_weights()
        again = layers.BatchNormalization(epsilon=made.epsilon)
        return _layer(again, made.input, gamma * scale, beta * scale + offset, *moments)
    plain = layers.BatchNormalization(epsilon=0.0)
    return _layer(plain, x, scale, offset, np.zeros(len(scale)), np.ones(len(scale)))


def _arithmetic(function: str) -> Callable[[Step], Any]:
    """An operation on two tensors, or on one and a constant; then a layer holds the constant."""

    def made(s: Step) -> Any:
        from keras import ops

        a, b = s.values
        left, right = isinstance(a, np.ndarray), isinstance(b, np.ndarray)
        c = np.asarray(a if left else b) if left or right else None
        x = b if left else a
        if c is None:
            return getattr(ops, function)(a, b)
        if function == "add":
            return _affine(x, 1.0, c)
        if function == "multiply":
            return _affine(x, c, 0.0)
        if function == "subtract":
            return _affine(x, -1.0, c) if left else _affine(x, 1.0, -c)
        if function == "divide" and right:
            return _affine(x, 1 / c, 0.0)
        if c.size != 1:
            raise ForeignError(f"has a constant of {c.shape}, known is one number")
        number = float(c.item())
        return getattr(ops, function)(*((number, x) if left else (x, number)))

    return made


def _squared_difference(s: Step) -> Any:
    from keras import ops

    return ops.square(_arithmetic("subtract")(s))


#: Operation -> the function that builds it from Keras layers and ops.
WEIGHTED: dict[str, Callable[[Step], Any]] = {
    "MatMul": _dense,
    "BatchMatMul": _dense,
    "BatchMatMulV2": _dense,
    "BatchMatMulV3": _dense,
    "Einsum": _einsum,
    "Conv2D": _convolution,
    "Conv2DBackpropInput": _transposed,
    "DepthwiseConv2dNative": _depthwise,
    "BiasAdd": _arithmetic("add"),
    "FusedBatchNorm": _normalised,
    "FusedBatchNormV2": _normalised,
    "FusedBatchNormV3": _normalised,
    "SquaredDifference": _squared_difference,
    **{
        op: _arithmetic(name)
        for op, name in {
            "Add": "add", "AddV2": "add", "Sub": "subtract", "Mul": "multiply",
            "RealDiv": "divide", "Div": "divide", "Maximum": "maximum", "Minimum": "minimum",
            "Pow": "power",
        }.items()
    },
}  # fmt: skip
