"""Keras' layers, as a file describes them, as layers that are computed for some frames only."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from latentpad.engine.decode import layers as computed
from latentpad.engine.decode.activations import ACTIVATIONS, Activation, elu, relu
from latentpad.engine.decode.layers import ZERO, Computation, Indices, Layer, Source
from latentpad.models.errors import LatentpadError
from latentpad.models.keras_files.layers import MOST_MADE
from latentpad.models.representation import Floats

#: Settings of layers, and the only value of each that is supported.
SUPPORTED: dict[str, Any] = {
    "data_format": "channels_last", "strides": 1, "groups": 1, "rms_scaling": False,
}  # fmt: skip


class UnsupportedDecoder(LatentpadError):
    """A decoder that is no stack of known layers with a finite reach in time, in one line."""


@dataclass(frozen=True)
class Tensor:
    """The output of a layer, or a view of one: some of its frames, repeated or padded."""

    layer: int
    frames: Indices  # (frames,) of the layer's output; ZERO for zeros
    channels: int
    axes: int  # 1: flat, with one frame; 2: frames and channels

    def view(self, frames: Indices) -> Tensor:
        return replace(self, frames=frames, axes=2)


@dataclass
class Stack:
    """The layers read so far."""

    layers: list[Layer] = field(default_factory=list)

    def add(
        self, sources: list[Source], frames: int, channels: int, axes: int, compute: Computation
    ) -> Tensor:
        """Append a layer. Raises UnsupportedDecoder if it is too large."""
        _check_size(frames * channels)
        self.layers.append(Layer(frames, channels, tuple(sources), compute))
        return Tensor(len(self.layers) - 1, np.arange(frames), channels, axes)

    def add_framewise(self, tensors: list[Tensor], channels: int, compute: Computation) -> Tensor:
        """Append a layer of which each frame is computed from the same frame of `tensors`."""
        frames, axes = len(tensors[0].frames), tensors[0].axes
        if any((len(t.frames), t.axes) != (frames, axes) for t in tensors):
            raise UnsupportedDecoder("joins tensors of different lengths")
        sources = [Source(t.layer, t.frames[:, None]) for t in tensors]
        return self.add(sources, frames, channels, axes, compute)


@dataclass(frozen=True)
class Call:
    """One layer of the file: its settings, what it is applied to, and its weights."""

    kind: str
    config: dict[str, Any]
    tensors: list[Tensor]
    weights: list[Floats]
    stack: Stack

    def framewise(self, compute: Computation, channels: int | None = None) -> Tensor:
        return self.stack.add_framewise(self.tensors, channels or self.tensors[0].channels, compute)

    def shaped(self, *shapes: tuple[int, ...]) -> list[Floats]:
        """The weights, which must have these shapes."""
        found = [w.shape for w in self.weights]
        if found != list(shapes):
            raise ValueError(f"weights of {self.kind} have the shapes {found}, not {list(shapes)}")
        return self.weights

    def kernel(self, shape: tuple[int, ...]) -> tuple[Floats, Floats | None]:
        """The kernel of `shape` and the bias."""
        if not self.config.get("use_bias", True):
            return self.shaped(shape)[0], None
        kernel, bias = self.shaped(shape, shape[-1:])
        return kernel, bias

    def activation(self) -> Activation:
        return _activation(self.config.get("activation"))


def add_layer(call: Call) -> Tensor:
    """Append a layer to the stack; returns its output.

    Raises UnsupportedDecoder, and ValueError, KeyError or TypeError for a malformed description.
    """
    if call.kind not in READERS:
        raise UnsupportedDecoder(f"has a layer, {call.kind[:60]}, that only Keras computes")
    if len(call.tensors) != 1 and call.kind not in ("Add", "Concatenate"):
        raise ValueError(f"{call.kind} takes {len(call.tensors)} tensors")
    for key, value in SUPPORTED.items():
        if call.config.get(key, value) not in (value, [value]):
            raise UnsupportedDecoder(f"has a layer, {call.kind[:60]}, with another {key}")
    return READERS[call.kind](call)


def _check_size(numbers: int) -> None:
    """Raise UnsupportedDecoder if a layer makes too many numbers."""
    if numbers > MOST_MADE:
        raise UnsupportedDecoder(f"has a layer that makes {numbers} numbers of one sound")


def _dense(call: Call) -> Tensor:
    units = call.config["units"]
    kernel, bias = call.kernel((call.tensors[0].channels, units))
    return call.framewise(computed.Linear(kernel, bias, call.activation()), units)


def _convolution(call: Call) -> Tensor:
    tensor, config = call.tensors[0], call.config
    taps, dilation = _single(config["kernel_size"]), _single(config["dilation_rate"])
    kernel, bias = call.kernel((taps, tensor.channels, config["filters"]))
    reach = (taps - 1) * dilation
    left = {"valid": 0, "same": reach // 2, "causal": reach}[config["padding"]]
    padded = _padded(tensor, left, 0 if config["padding"] == "valid" else reach - left)
    frames = len(padded) - reach
    if frames < 1:
        raise ValueError("Conv1D has more taps than frames")
    _check_size(frames * taps)
    table = padded[np.arange(frames)[:, None] + dilation * np.arange(taps)]
    linear = computed.Linear(kernel.reshape(-1, config["filters"]), bias, call.activation())
    return call.stack.add([Source(tensor.layer, table)], frames, config["filters"], 2, linear)


def _reshape(call: Call) -> Tensor:
    tensor, shape = call.tensors[0], list(call.config["target_shape"])
    if tensor.axes != 1:
        raise UnsupportedDecoder("reshapes frames")
    if -1 in shape:
        shape[shape.index(-1)] = tensor.channels // abs(math.prod(shape))
    if len(shape) != 2:
        raise UnsupportedDecoder(f"reshapes a flat tensor to {len(shape)} axes")
    frames, channels = shape
    if frames < 1 or frames * channels != tensor.channels:
        raise ValueError(f"{tensor.channels} units cannot be reshaped to {shape}")
    before = call.stack.layers[tensor.layer]
    if not isinstance(before.compute, computed.Linear):
        source = Source(tensor.layer, None)
        return call.stack.add([source], frames, channels, 2, computed.Reshape())
    dense, source = before.compute, Source(before.sources[0].layer, None)
    by_unit = np.ascontiguousarray(dense.weights.T)
    unfold = computed.Unfold(by_unit, dense.bias, dense.activation)
    return call.stack.add([source], frames, channels, 2, unfold)


def _flatten(call: Call) -> Tensor:
    if call.tensors[0].axes != 1:
        raise UnsupportedDecoder("flattens frames")
    return call.tensors[0]


def _repeated(call: Call) -> Tensor:
    times = _single(call.config["n" if call.kind == "RepeatVector" else "size"])
    _check_size(len(call.tensors[0].frames) * times)
    return call.tensors[0].view(np.repeat(call.tensors[0].frames, times))


def _cropped(call: Call) -> Tensor:
    (left, right), frames = call.config["cropping"], call.tensors[0].frames
    if min(left, right) < 0 or left + right >= len(frames):
        raise ValueError("Cropping1D leaves no frame")
    return call.tensors[0].view(frames[left : len(frames) - right])


def _zero_padded(call: Call) -> Tensor:
    left, right = call.config["padding"]
    return call.tensors[0].view(_padded(call.tensors[0], left, right))


def _pointwise(call: Call) -> Tensor:
    config = call.config
    if call.kind == "Activation":
        function = call.activation()
    elif call.kind == "ELU":
        function = partial(elu, alpha=float(config["alpha"]))
    else:  # LeakyReLU has the slope alone
        most = config.get("max_value")
        function = partial(
            relu,
            negative_slope=float(config["negative_slope"]),
            max_value=None if most is None else float(most),
            threshold=float(config.get("threshold", 0)),
        )
    return call.framewise(computed.Pointwise(function))


def _scaled(call: Call) -> Tensor:
    factor, offset = (np.float32(call.config[key]) for key in ("scale", "offset"))
    return call.framewise(computed.Scale(np.asarray(factor), np.asarray(offset)))


def _affine(call: Call, others: int) -> list[Floats]:
    """gamma and beta of a normalization, and `others` more weights."""
    _check_axis(call)
    one, has = call.tensors[0].channels, [call.config["scale"], call.config["center"]]
    weights = call.shaped(*[(one,)] * (sum(map(bool, has)) + others))
    gamma = weights[0] if has[0] else np.ones(one, np.float32)
    beta = weights[bool(has[0])] if has[1] else np.zeros(one, np.float32)
    return [gamma, beta, *weights[len(weights) - others :]]


def _batch_normalization(call: Call) -> Tensor:
    gamma, beta, mean, variance = _affine(call, 2)
    factor = gamma / np.sqrt(variance + np.float32(call.config["epsilon"]))
    return call.framewise(computed.Scale(factor, beta - mean * factor))


def _layer_normalization(call: Call) -> Tensor:
    gamma, beta = _affine(call, 0)
    epsilon = float(call.config["epsilon"])
    return call.framewise(computed.LayerNormalization(gamma, beta, epsilon))


def _add(call: Call) -> Tensor:
    if len({t.channels for t in call.tensors}) != 1:
        raise UnsupportedDecoder("adds tensors of different channels")
    return call.framewise(computed.Sum())


def _concatenate(call: Call) -> Tensor:
    _check_axis(call)
    channels = sum(t.channels for t in call.tensors)
    return call.framewise(computed.Concatenation(), channels)


def _check_axis(call: Call) -> None:
    axis = call.config["axis"]
    if (axis[0] if isinstance(axis, list) and len(axis) == 1 else axis) not in (
        -1,
        call.tensors[0].axes,
    ):
        raise UnsupportedDecoder(f"has a layer, {call.kind}, over another axis than the channels")


def _padded(tensor: Tensor, left: int, right: int) -> Indices:
    _check_size(len(tensor.frames) + left + right)
    padded: Indices = np.pad(tensor.frames, (left, right), constant_values=ZERO)
    return padded


def _single(value: Any) -> int:
    """A positive integer, or a list of one."""
    number = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(number, int) or number < 1:
        raise ValueError(f"{str(value)[:20]} is no positive integer")
    return number


def _activation(description: Any) -> Activation:
    if isinstance(description, dict) and description.get("class_name") == "function":
        description = description["config"]
    name = "linear" if description is None else description
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise UnsupportedDecoder("has an activation that only Keras computes")
    return ACTIVATIONS[name]


def _nothing(call: Call) -> Tensor:
    """What does nothing at inference."""
    return call.tensors[0]


READERS: dict[str, Callable[[Call], Tensor]] = {
    **dict.fromkeys(
        ("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise",
         "Identity", "SpatialDropout1D"), _nothing,
    ),
    **dict.fromkeys(("Activation", "ELU", "LeakyReLU", "ReLU"), _pointwise),
    "Add": _add,
    "BatchNormalization": _batch_normalization,
    "Concatenate": _concatenate,
    "Conv1D": _convolution,
    "Cropping1D": _cropped,
    "Dense": _dense,
    "Flatten": _flatten,
    "LayerNormalization": _layer_normalization,
    "RepeatVector": _repeated,
    "Rescaling": _scaled,
    "Reshape": _reshape,
    "UpSampling1D": _repeated,
    "ZeroPadding1D": _zero_padded,
}  # fmt: skip
