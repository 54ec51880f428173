"""Layers of a decoder, computed with NumPy for some frames only.

A tensor is (frames, channels); a flat one has one frame. A layer says which frames of earlier
tensors each of its frames is computed from (`Source`). Upsampling, cropping, padding and the taps
of a convolution are all of this kind, so they are one gathering of rows and no layers of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from latentpad.engine.decode.activations import Activation, linear
from latentpad.models.representation import Floats

Indices = NDArray[np.intp]
ZERO = -(1 << 40)  # instead of a frame: zeros (a convolution's padding)


@dataclass(frozen=True)
class Source:
    """Which frames of an earlier layer's output each frame of a layer is computed from."""

    layer: int  # its index
    #: (frames, taps), in which frames and taps ascend; ZERO for zeros. None: the layer takes what
    #: is there of the source.
    table: Indices | None

    @cached_property
    def _first(self) -> list[int]:
        """The first frame that any from frame f on need."""
        assert self.table is not None
        frames = np.where(self.table < 0, np.iinfo(np.intp).max, self.table).min(axis=1)
        first: list[int] = np.minimum.accumulate(frames[::-1])[::-1].tolist()
        return first

    @cached_property
    def _stop(self) -> list[int]:
        """The frame after the last one that any up to frame f need."""
        assert self.table is not None
        stop: list[int] = np.maximum.accumulate(self.table.max(axis=1) + 1).tolist()
        return stop

    @cached_property
    def shifted(self) -> bool:
        """Whether frame f is computed from frame f plus a constant alone."""
        table = self.table
        return (
            table is not None
            and table.shape[1] == 1
            and bool((table[:, 0] - table[0, 0] == np.arange(len(table))).all())
        )

    def needed(self, frames: range) -> range:
        """The frames that are needed for `frames`; an empty range if only zeros are."""
        if self.table is None or not frames:
            return range(0)
        first, stop = self._first[frames.start], self._stop[frames.stop - 1]
        return range(first, stop) if first < stop else range(0)


class Computation(Protocol):
    """Computes the rows of a layer, those of several windows one after the other."""

    def __call__(
        self, inputs: list[Floats], spans: Sequence[range], rows: Floats, scratch: Floats
    ) -> None:
        """`inputs`: for each source (rows, taps * channels), or its rows as they are. `spans`: the
        frames of each window. Writes to `rows` (rows, channels); `scratch` has the same shape."""


@dataclass(frozen=True)
class Layer:
    """A tensor that is computed: its shape, what it is computed from, and how."""

    frames: int
    channels: int
    sources: tuple[Source, ...]
    compute: Computation


@dataclass(frozen=True)
class Linear:
    """A convolution or a dense layer: one matrix product for all rows."""

    weights: Floats  # (taps * channels of the source, channels)
    bias: Floats | None
    activation: Activation

    def __call__(
        self, inputs: list[Floats], spans: Sequence[range], rows: Floats, scratch: Floats
    ) -> None:
        np.dot(inputs[0], self.weights, out=rows)
        if self.bias is not None:
            rows += self.bias
        self.activation(rows, scratch)


@dataclass(frozen=True)
class Unfold:
    """A dense layer whose units are then reshaped to frames: only the units of frames in the spans
    are computed. The source is flat, with a row for each window."""

    weights: Floats  # (frames * channels, units of the source)
    bias: Floats | None  # (frames * channels,)
    activation: Activation

    def __call__(
        self, inputs: list[Floats], spans: Sequence[range], rows: Floats, scratch: Floats
    ) -> None:
        channels, units, end = rows.shape[1], rows.reshape(-1), 0
        for hidden, span in zip(inputs[0], spans, strict=True):
            part = slice(span.start * channels, span.stop * channels)
            begin, end = end, end + channels * len(span)
            np.dot(self.weights[part], hidden, out=units[begin:end])
            if self.bias is not None:
                units[begin:end] += self.bias[part]
        self.activation(rows, scratch)


@dataclass(frozen=True)
class Reshape:
    """A flat tensor as frames. The source has a row for each window."""

    def __call__(
        self, inputs: list[Floats], spans: Sequence[range], rows: Floats, scratch: Floats
    ) -> None:
        end = 0
        for flat, span in zip(inputs[0], spans, strict=True):
            begin, end = end, end + len(span)
            rows[begin:end] = flat.reshape(-1, rows.shape[1])[span.start : span.stop]


@dataclass(frozen=True)
class Pointwise:
    """A function of each number; with `linear` a copy."""

    function: Activation = linear

    def __call__(
        self, inputs: list[Floats], spans: Sequence[range], rows: Floats, scratch: Floats
    ) -> None:
        np.copyto(rows, inputs[0])
        self.function(rows, scratch)


@dataclass(frozen=True)
class Scale:
    """A factor and an offset for each channel (batch normalization at inference, rescaling)."""

    factor: Floats  # (channels,) or ()
    offset: Floats

    def __call__(
        self, inputs: list[Floats], spans: Sequence[range], rows: Floats, scratch: Floats
    ) -> None:
        np.multiply(inputs[0], self.factor, out=rows)
        rows += self.offset


@dataclass(frozen=True)
class LayerNormalization:
    """Layer normalization over the channels of each frame (Ba et al., 2016)."""

    gamma: Floats  # (channels,) or ()
    beta: Floats
    epsilon: float

    def __call__(
        self, inputs: list[Floats], spans: Sequence[range], rows: Floats, scratch: Floats
    ) -> None:
        np.subtract(inputs[0], inputs[0].mean(axis=1, keepdims=True), out=rows)
        np.square(rows, out=scratch)
        variance = scratch.mean(axis=1, keepdims=True)
        rows /= np.sqrt(variance + np.float32(self.epsilon))
        rows *= self.gamma
        rows += self.beta


@dataclass(frozen=True)
class Sum:
    """The sum of all sources."""

    def __call__(
        self, inputs: list[Floats], spans: Sequence[range], rows: Floats, scratch: Floats
    ) -> None:
        np.copyto(rows, inputs[0])
        for other in inputs[1:]:
            rows += other


@dataclass(frozen=True)
class Concatenation:
    """The channels of all sources side by side."""

    def __call__(
        self, inputs: list[Floats], spans: Sequence[range], rows: Floats, scratch: Floats
    ) -> None:
        np.concatenate(inputs, axis=1, out=rows)
