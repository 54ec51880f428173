"""Constant folding: the part of a graph that needs no input, computed in NumPy.

An unknown batch size is -1 in a shape, as in TensorFlow; a product with it is negative, which
`reshape` takes as "the remaining size".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentpad.models.importing.layout import ForeignError
from latentpad.models.packs.files import MOST_CELLS

Array = NDArray[Any]


def fold(op: str, values: list[Any], attributes: Any) -> Any:
    """An operation's result, or a list of them. Raises ForeignError, and NumPy's errors."""
    result = FOLDED[op](values, attributes)
    for array in result if isinstance(result, list) else [result]:
        if np.size(array) > 4 * MOST_CELLS:
            raise ForeignError(f"a {op} makes {np.size(array)} numbers: too many")
    return result


def indices(values: list[Any], attributes: Any, rank: int) -> tuple[Any, ...]:
    """The index of StridedSlice(_, begin, end, strides), as Python slices."""
    begins, ends, strides = ([int(n) for n in v] for v in values)
    masks = {
        key: attributes[f"{key}_mask"].i
        for key in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    index: list[Any] = []
    for i, (begin, end, stride) in enumerate(zip(begins, ends, strides, strict=True)):
        bit = 1 << i
        if masks["ellipsis"] & bit:
            index.append(Ellipsis)
        elif masks["new_axis"] & bit:
            index.append(None)
        elif masks["shrink_axis"] & bit:
            index.append(begin)
        else:
            index.append(
                slice(
                    None if masks["begin"] & bit else begin,
                    None if masks["end"] & bit else end,
                    stride,
                )
            )
    if sum(f is not None and f is not Ellipsis for f in index) > rank:
        raise ForeignError("a StridedSlice takes more axes than there are")
    return tuple(index)


def axes(value: Any) -> tuple[int, ...]:
    return tuple(int(a) for a in np.ravel(value))


def _sized(shape: Any) -> tuple[int, ...]:
    """Check a shape: no size is unknown, and the array is not too large."""
    sizes = axes(shape)
    if any(n < 0 for n in sizes) or math.prod(sizes) > 4 * MOST_CELLS:
        raise ForeignError(f"makes an array of {list(sizes)}: refused")
    return sizes


def _cast(values: list[Any], attributes: Any) -> Array:
    from tensorflow import dtypes

    kind = dtypes.as_dtype(attributes["DstT"].type)
    # Half and double floats are computed in 32 bits, the fastest type.
    return np.asarray(values[0]).astype(np.float32 if kind.is_floating else kind.as_numpy_dtype)


def _constant(values: list[Any], attributes: Any) -> Array:
    from tensorflow.python.framework import tensor_util

    proto = attributes["value"].tensor
    _sized([d.size for d in proto.tensor_shape.dim])
    array = np.asarray(tensor_util.MakeNdarray(proto))
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        raise ForeignError(f"a constant is of the type {array.dtype}: refused")
    wide = array.dtype.kind == "f" or array.dtype.name == "bfloat16"
    return array.astype(np.float32) if wide else array


def _reduced(function: Any) -> Callable[[list[Any], Any], Any]:
    return lambda v, a: function(v[0], axis=axes(v[1]), keepdims=a["keep_dims"].b)


def _each(function: Any) -> Callable[[list[Any], Any], Any]:
    return lambda v, a: function(*v)


def _split(values: list[Any], attributes: Any) -> list[Array]:
    return list(np.split(values[1], few(attributes["num_split"].i), int(values[0])))


def few(count: int) -> int:
    if not 1 <= count <= 1000:
        raise ForeignError(f"makes {count} pieces: refused")
    return int(count)


def _range(values: list[Any], attributes: Any) -> Array:
    start, stop, step = (int(v) for v in values)
    _sized([max(0, (stop - start) // step)])
    return np.arange(start, stop, step, dtype=np.asarray(values[0]).dtype)


def _slice(values: list[Any], attributes: Any) -> Array:
    array, begins, sizes = values
    ends = [None if n < 0 else b + n for b, n in zip(axes(begins), axes(sizes), strict=True)]
    taken = tuple(slice(b, e) for b, e in zip(axes(begins), ends, strict=True))
    return np.asarray(array[taken])


def _tile(values: list[Any], attributes: Any) -> Array:
    _sized(np.multiply(np.shape(values[0]), values[1]))
    return np.tile(values[0], axes(values[1]))


def _expanded(values: list[Any], attributes: Any) -> Array:
    return np.expand_dims(values[0], int(np.ravel(values[1])[0]))


#: Operation -> its result from its inputs and attributes.
FOLDED: dict[str, Callable[[list[Any], Any], Any]] = {
    "Const": _constant,
    "Cast": _cast,
    "Shape": lambda v, a: np.asarray(np.shape(v[0]), np.int64),
    "Size": lambda v, a: np.asarray(np.size(v[0]), np.int64),
    "Rank": lambda v, a: np.asarray(np.ndim(v[0]), np.int64),
    "Pack": lambda v, a: np.stack(v, a["axis"].i),
    "ConcatV2": lambda v, a: np.concatenate(v[:-1], int(v[-1])),
    "Split": _split,
    "StridedSlice": lambda v, a: v[0][indices(v[1:], a, np.ndim(v[0]))],
    "Slice": _slice,
    "GatherV2": lambda v, a: np.take(v[0], v[1], int(v[2])),
    "Reshape": lambda v, a: np.reshape(v[0], axes(v[1])),
    "ExpandDims": _expanded,
    "Squeeze": lambda v, a: np.squeeze(v[0], tuple(a["squeeze_dims"].list.i) or None),
    "Transpose": lambda v, a: np.transpose(v[0], axes(v[1])),
    "Fill": lambda v, a: np.full(_sized(v[0]), v[1]),
    "Range": _range,
    "BroadcastTo": lambda v, a: np.broadcast_to(v[0], _sized(v[1])),
    "Tile": _tile,
    "ZerosLike": lambda v, a: np.zeros_like(v[0]),
    "OnesLike": lambda v, a: np.ones_like(v[0]),
    "Select": lambda v, a: np.where(v[0], v[1], v[2]),
    "SelectV2": lambda v, a: np.where(v[0], v[1], v[2]),
    "AddN": lambda v, a: np.asarray(sum(v)),
    "BiasAdd": lambda v, a: v[0] + v[1],
    **{
        name: _reduced(function)
        for name, function in {
            "Prod": np.prod, "Sum": np.sum, "Mean": np.mean, "Max": np.max, "Min": np.min,
            "All": np.all, "Any": np.any,
        }.items()
    },
    **{
        name: _each(function)
        for name, function in {
            "Add": np.add, "AddV2": np.add, "Sub": np.subtract, "Mul": np.multiply,
            "RealDiv": np.divide, "Div": np.divide, "FloorDiv": np.floor_divide,
            "FloorMod": np.mod, "Maximum": np.maximum, "Minimum": np.minimum, "Pow": np.power,
            "SquaredDifference": lambda x, y: np.square(x - y), "Neg": np.negative,
            "Sqrt": np.sqrt, "Rsqrt": lambda x: 1 / np.sqrt(x), "Square": np.square,
            "Exp": np.exp, "Log": np.log, "Abs": np.abs, "Reciprocal": lambda x: 1 / x,
            "Inv": lambda x: 1 / x, "Equal": np.equal, "NotEqual": np.not_equal,
            "Less": np.less, "LessEqual": np.less_equal, "Greater": np.greater,
            "GreaterEqual": np.greater_equal, "Relu": lambda x: np.maximum(x, 0),
        }.items()
    },
}  # fmt: skip
