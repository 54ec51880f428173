"""Operations without weights: activations, reductions, and changes of shape."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from latentpad.models.importing.graph_constants import axes, few, indices
from latentpad.models.importing.graph_step import Step
from latentpad.models.importing.layout import ForeignError


def _shape(s: Step) -> Any:
    return np.asarray([-1 if n is None else n for n in s.x.shape], np.int64)


def _plain(function: str) -> Callable[[Step], Any]:
    """One of Keras' operations on one tensor."""

    def build(s: Step) -> Any:
        from keras import ops

        return getattr(ops, function)(s.x)

    return build


def _activation(name: str) -> Callable[[Step], Any]:
    def build(s: Step) -> Any:
        from keras import layers

        return layers.Activation(name)(s.x)

    return build


def _reduced(function: str) -> Callable[[Step], Any]:
    def build(s: Step) -> Any:
        from keras import ops

        over = axes(s.constant(1))
        if 0 in [a % len(s.x.shape) for a in over]:
            raise ForeignError("goes over the batch")
        return getattr(ops, function)(s.x, axis=over, keepdims=s.attribute("keep_dims").b)

    return build


def _leaky(s: Step) -> Any:
    from keras import layers

    return layers.LeakyReLU(negative_slope=s.attribute("alpha").f)(s.x)


def _reshaped(s: Step) -> Any:
    from keras import layers, ops

    target, shape = axes(s.constant(1)), tuple(s.x.shape)
    size = math.prod(target[1:])
    if shape[0] is None and None not in shape[1:] and len(target) > 1:
        same_size = size == math.prod(shape[1:])
        # A -1 on another axis: the batch size was a fixed number, and must be free.
        if (target[0] < 0 and same_size) or (size < 0 and target[0] < 0):
            return layers.Reshape(target[1:])(s.x)
    return ops.reshape(s.x, tuple(-1 if n < 0 else n for n in target))


def _transpose(s: Step) -> Any:
    from keras import layers, ops

    order = axes(s.constant(1))
    return layers.Permute(order[1:])(s.x) if order[0] == 0 else ops.transpose(s.x, order)


def _expanded(s: Step) -> Any:
    from keras import ops

    return ops.expand_dims(s.x, int(np.ravel(s.constant(1))[0]))


def _squeezed(s: Step) -> Any:
    from keras import ops

    return ops.squeeze(s.x, tuple(s.attribute("squeeze_dims").list.i) or None)


def _joined(s: Step) -> Any:
    from keras import layers, ops

    axis = int(s.constant(-1))
    if any(isinstance(v, np.ndarray) for v in s.values[:-1]):
        raise ForeignError("joins a constant")
    if s.x.shape[0] is None:
        return layers.Concatenate(axis)(s.values[:-1])
    return ops.concatenate(s.values[:-1], axis)


def _packed(s: Step) -> Any:
    from keras import ops

    return ops.stack(s.values, s.attribute("axis").i)


def _strided(s: Step) -> Any:
    return s.x[indices([s.constant(i) for i in (1, 2, 3)], s.node.attributes, len(s.x.shape))]


def _sliced(s: Step) -> Any:
    begins, sizes = axes(s.constant(1)), axes(s.constant(2))
    ends = [None if n < 0 else b + n for b, n in zip(begins, sizes, strict=True)]
    return s.x[tuple(slice(b or None, e) for b, e in zip(begins, ends, strict=True))]


def _split(s: Step) -> list[Any]:
    from keras import ops

    return list(ops.split(s.values[1], s.attribute("num_split").i, int(s.constant(0))))


def _split_sizes(s: Step) -> list[Any]:
    from keras import ops

    offsets = np.cumsum(axes(s.constant(1)))[:-1]
    return list(ops.split(s.x, [int(p) for p in offsets], int(s.constant(2))))


def _unpacked(s: Step) -> list[Any]:
    from keras import ops

    return list(ops.unstack(s.x, s.attribute("num").i, s.attribute("axis").i))


def _padded(s: Step) -> Any:
    from keras import ops

    width = tuple((int(a), int(b)) for a, b in s.constant(1))
    if s.node.op == "MirrorPad":
        return ops.pad(s.x, width, s.attribute("mode").s.decode().lower())
    fill = float(s.constant(2).item()) if len(s.values) > 2 else 0.0
    return ops.pad(s.x, width, "constant", fill)


def _tiled(s: Step) -> Any:
    return _repeated(s.x, axes(s.constant(1)))


def _broadcast(s: Step) -> Any:
    return spread(s.x, axes(s.constant(1)))


def spread(x: Any, shape: tuple[int, ...]) -> Any:
    """x broadcast to `shape`, without the batch."""
    if len(shape) != len(x.shape):
        raise ForeignError(f"spreads {tuple(x.shape)} over {shape}")
    pairs = zip(shape[1:], x.shape[1:], strict=True)
    return _repeated(x, (1, *(wanted // n for wanted, n in pairs)))


def _repeated(x: Any, times: tuple[int, ...]) -> Any:
    from keras import ops

    for axis, count in enumerate(times):
        if count != 1:
            x = ops.concatenate([x] * few(count), axis)
    return x


def _resized(method: str) -> Callable[[Step], Any]:
    def build(s: Step) -> Any:
        from keras import layers

        sizes = axes(s.constant(1))
        pairs = zip(sizes, s.x.shape[1:3], strict=True)
        if any(n % size for n, size in pairs):
            raise ForeignError(f"makes {sizes} of {tuple(s.x.shape[1:3])}: no whole multiple")
        times = tuple(n // size for n, size in zip(sizes, s.x.shape[1:3], strict=True))
        return layers.UpSampling2D(times, interpolation=method)(s.x)

    return build


def _pooled(layer: str) -> Callable[[Step], Any]:
    def build(s: Step) -> Any:
        from keras import layers

        padding = s.attribute("padding").s.decode().lower()
        return getattr(layers, layer)(s.sizes("ksize"), s.sizes("strides"), padding)(s.x)

    return build


def _clipped(s: Step) -> Any:
    from keras import ops

    return ops.clip(s.x, float(s.constant(1).item()), float(s.constant(2).item()))


def _added(s: Step) -> Any:
    from keras import layers

    return layers.Add()(s.values)


def _complement_of_erf(s: Step) -> Any:
    from keras import ops

    return 1.0 - ops.erf(s.x)


#: Operation -> the function that builds it from Keras layers and ops.
SHAPED: dict[str, Callable[[Step], Any]] = {
    "Shape": _shape,
    "Cast": lambda s: s.x,
    "LeakyRelu": _leaky,
    "Reshape": _reshaped,
    "Transpose": _transpose,
    "ExpandDims": _expanded,
    "Squeeze": _squeezed,
    "ConcatV2": _joined,
    "Pack": _packed,
    "StridedSlice": _strided,
    "Slice": _sliced,
    "Split": _split,
    "SplitV": _split_sizes,
    "Unpack": _unpacked,
    "Pad": _padded,
    "PadV2": _padded,
    "MirrorPad": _padded,
    "Tile": _tiled,
    "BroadcastTo": _broadcast,
    "ResizeNearestNeighbor": _resized("nearest"),
    "ResizeBilinear": _resized("bilinear"),
    "MaxPool": _pooled("MaxPooling2D"),
    "AvgPool": _pooled("AveragePooling2D"),
    "ClipByValue": _clipped,
    "AddN": _added,
    "Erfc": _complement_of_erf,
    **{
        op: _activation(name)
        for op, name in {
            "Relu": "relu", "Relu6": "relu6", "Elu": "elu", "Selu": "selu", "Sigmoid": "sigmoid",
            "Tanh": "tanh", "Softplus": "softplus", "Softsign": "softsign", "Softmax": "softmax",
            "LogSoftmax": "log_softmax",
        }.items()
    },
    **{
        op: _plain(name)
        for op, name in {
            "Exp": "exp", "Log": "log", "Log1p": "log1p", "Expm1": "expm1", "Sqrt": "sqrt",
            "Rsqrt": "rsqrt", "Square": "square", "Neg": "negative", "Abs": "absolute",
            "Erf": "erf", "Sin": "sin", "Cos": "cos", "Reciprocal": "reciprocal",
            "Inv": "reciprocal", "ZerosLike": "zeros_like", "OnesLike": "ones_like",
        }.items()
    },
    **{
        op: _reduced(name)
        for op, name in {"Mean": "mean", "Sum": "sum", "Max": "max", "Min": "min"}.items()
    },
}  # fmt: skip
