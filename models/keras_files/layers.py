"""Keras' layers and operations that a model from other people may have, and their costs.

Any other is refused by name. A cost is (numbers made besides the output, multiplications) of one
call with the given shapes, as measured with TensorFlow's CPU kernels: convolutions and matrix
products make nothing besides their output, transposed convolutions make a column for each position.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

from latentpad.models.errors import LatentpadError
from latentpad.models.packs.files import MOST_CELLS

MOST_MADE = 4 * MOST_CELLS  # numbers that one step may make for one sound, with temporaries
Shape = tuple[int, ...]  # with the batch
Cost = tuple[int, int]  # (numbers made inside, multiplications)
TURN = 1 << 19  # multiplications in the time of one empty iteration of a loop: 30 us
PIECES = 1000  # pieces into which one operation may split a tensor


class UnsupportedLayer(LatentpadError, ValueError):
    """A layer that cannot be played, in one line with its name."""


def _none(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    """The cost of an element-wise step."""
    return 0, sum(map(math.prod, outs))


def _dense(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    return 0, math.prod(outs[0]) * ins[0][-1]


def _einsum(equation: str, ins: list[Shape]) -> Cost:
    """The cost of an einsum of two operands; "..." stands for axes that both may have."""
    sizes: dict[str, int] = {}
    operands = equation.replace(" ", "").split("->")[0].split(",")
    if len(operands) != len(ins) or len(ins) > 2:
        raise UnsupportedLayer(f"has an einsum, {equation[:60]!r}, of more than two tensors")
    for letters, shape in zip(operands, ins, strict=True):
        before, dots, after = letters.partition("...")
        for letter, n in zip(before, shape, strict=False):
            sizes[letter] = n
        for letter, n in zip(reversed(after), reversed(shape), strict=False):
            sizes[letter] = n
        if dots:
            rest = math.prod(shape[len(before) : len(shape) - len(after)])
            sizes["..."] = max(rest, sizes.get("...", 1))
    return 0, math.prod(sizes.values())


def _einsum_dense(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    return _einsum(layer.equation, [ins[0], tuple(layer.kernel.shape)])


def _einsum_of(operation: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    return _einsum(operation.subscripts, ins)


def _product(operation: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    """The cost of a matrix product, of which one factor may be a constant."""
    first = len(ins) == 2 or ins[0][:-1] == outs[0][:-1]
    return 0, math.prod(outs[0]) * (ins[0][-1] if first else max(ins[0][-2:]))


def _dot(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    axis = layer.axes if isinstance(layer.axes, int) else layer.axes[0]
    return 0, math.prod(outs[0]) * ins[0][axis]


def _channels(layer: Any, shape: Shape) -> int:
    if layer.data_format == "channels_first":
        raise UnsupportedLayer(
            f"has a layer, {layer.name[:60]}, of channels first: save it channels last"
        )
    return shape[-1]


def _convolution(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    taps = math.prod(layer.kernel_size) * (_channels(layer, ins[0]) // layer.groups)
    return 0, math.prod(outs[0]) * taps


def _transposed(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    if any(n != 1 for n in layer.dilation_rate):
        raise UnsupportedLayer(
            f"has a transposed convolution, {layer.name[:60]}, with dilation: refused"
        )
    positions = math.prod(ins[0]) // _channels(layer, ins[0])
    columns = positions * math.prod(layer.kernel_size) * layer.filters
    return columns, columns * _channels(layer, ins[0])


def _depthwise(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    return 0, math.prod(outs[0]) * math.prod(layer.kernel_size)


def _separable(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    positions = math.prod(outs[0]) // layer.filters
    middle = positions * _channels(layer, ins[0]) * layer.depth_multiplier
    return middle, middle * (math.prod(layer.kernel_size) + layer.filters)


def _pooled(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    positions = math.prod(outs[0]) // _channels(layer, outs[0])
    return 0, positions * _channels(layer, ins[0]) * math.prod(layer.pool_size)


def _attention(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    scores = ins[0][1] * ins[1][1]
    return scores, 2 * scores * max(ins[0][-1], ins[1][-1])


def _additive_attention(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    scores = ins[0][1] * ins[1][1] * ins[0][-1]
    return scores, 2 * scores


def _heads(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    """The cost of attention with several heads."""
    config, query, value = layer.get_config(), ins[0], ins[1]
    heads = config.get("num_heads") or config["num_query_heads"]
    depth = max(config.get(k) or 1 for k in ("key_dim", "value_dim", "head_dim"))
    over = config.get("attention_axes") or range(1, len(query) - 1)
    scores = heads * math.prod(query[:-1]) * math.prod(value[a] for a in over)
    projected = heads * depth * (math.prod(query[:-1]) + 2 * math.prod(value[:-1]))
    return scores + projected, 2 * scores * depth + projected * max(query[-1], value[-1])


def _recurrent(gates: int) -> Callable[[Any, list[Shape], list[Shape]], Cost]:
    def cost(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
        steps, units = ins[0][1], layer.units
        turn = gates * units * (units + ins[0][-1]) + TURN
        return steps * (ins[0][-1] + units), steps * turn

    return cost


def _both_ways(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    forward, backward = (
        of(direction, ins, outs) for direction in (layer.forward_layer, layer.backward_layer)
    )
    return forward[0] + backward[0] + math.prod(outs[0]), forward[1] + backward[1]


def _each_step(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    """The cost of a layer that is applied to all steps at once."""
    steps, one = ins[0][1], [(s[0], *s[2:]) for s in (ins[0], outs[0])]
    inside, work = of(layer.layer, one[:1], one[1:])
    return steps * inside, steps * work


def _wrapped(layer: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    return of(layer.layer, ins, outs)


def of(step: Any, ins: list[Shape], outs: list[Shape]) -> Cost:
    """The cost of one call of a layer, an operation or a model.

    Raises UnsupportedLayer, and KeyError if it is not listed.
    """
    if hasattr(step, "layers"):
        return total(step)
    return (LAYERS.get(type(step).__name__) or OPERATIONS[type(step).__name__])(step, ins, outs)


def total(model: Any) -> Cost:
    """The cost of a model for one sound: (numbers that all steps make, multiplications).

    Raises UnsupportedLayer, also for a step that makes too many numbers, and KeyError.
    """
    made = work = 0
    models: dict[int, Cost] = {}  # costs of nested models, which may be called often
    for nodes in (getattr(model, "_functional", None) or model)._nodes_by_depth.values():
        for node in nodes:
            step, ends = node.operation, (_input_tensors(node), node.output_tensors)
            ins, outs = ([_sized(t.shape, step.name) for t in end] for end in ends)
            inside, multiplied = models.get(id(step)) or of(step, ins, outs)
            if hasattr(step, "layers"):
                models[id(step)] = inside, multiplied
            elif (step_numbers := inside + sum(map(math.prod, outs))) > MOST_MADE:
                what = (
                    f"has a layer, {step.name[:60]}, that makes {step_numbers} numbers of one sound"
                )
                raise UnsupportedLayer(f"{what}: too many")
            made, work = made + inside + sum(map(math.prod, outs)), work + multiplied
    return made, work


def _input_tensors(node: Any) -> list[Any]:
    """The input tensors of a call, in the order of the step's parameters."""
    import keras

    given = node.arguments
    if not node.input_tensors:  # an input's own
        return []
    bound = inspect.signature(node.operation.call).bind(*given.args, **given.kwargs)
    flat = keras.tree.flatten(list(bound.arguments.values()))
    return [tensor for tensor in flat if isinstance(tensor, keras.KerasTensor)]


def _sized(shape: Any, name: str) -> Shape:
    if None in shape[1:]:
        raise UnsupportedLayer(f"has a layer, {name[:60]}, of no fixed shape: {list(shape)}")
    return tuple(1 if n is None else int(n) for n in shape)


def _named(**costs: str) -> dict[str, Any]:
    return {name: globals()[f"_{key}"] for key, names in costs.items() for name in names.split()}


#: Layer -> its cost.
LAYERS: dict[str, Callable[[Any, list[Shape], list[Shape]], Cost]] = _named(
    none="Activation ActivityRegularization Add AlphaDropout Average BatchNormalization CenterCrop "
    "Concatenate Cropping1D Cropping2D Cropping3D Dropout ELU Embedding Flatten GaussianDropout "
    "GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D "
    "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization Identity "
    "InputLayer LayerNormalization LeakyReLU Masking Maximum Minimum Multiply Normalization PReLU "
    "Permute RMSNormalization ReLU RepeatVector Rescaling Reshape Resizing Softmax "
    "SpatialDropout1D SpatialDropout2D SpatialDropout3D Subtract UnitNormalization UpSampling1D "
    "UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D",
    dense="Dense",
    einsum_dense="EinsumDense",
    dot="Dot",
    convolution="Conv1D Conv2D Conv3D",
    transposed="Conv1DTranspose Conv2DTranspose Conv3DTranspose",
    depthwise="DepthwiseConv1D DepthwiseConv2D",
    separable="SeparableConv1D SeparableConv2D",
    pooled="AveragePooling1D AveragePooling2D AveragePooling3D MaxPooling1D MaxPooling2D "
    "MaxPooling3D",
    attention="Attention",
    additive_attention="AdditiveAttention",
    heads="MultiHeadAttention GroupQueryAttention GroupedQueryAttention",
    both_ways="Bidirectional",
    each_step="TimeDistributed",
    wrapped="SpectralNormalization",
) | {"LSTM": _recurrent(4), "GRU": _recurrent(3), "SimpleRNN": _recurrent(1)}
#: Operation -> its cost, of `keras.ops` on tensors.
OPERATIONS: dict[str, Callable[[Any, list[Shape], list[Shape]], Cost]] = _named(
    none="Abs Absolute Add All Amax Amin Any Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh "
    "Average BroadcastTo Cast Cbrt Ceil Celu Clip Concatenate Copy Cos Cosh Cumprod Cumsum "
    "DepthToSpace Diff Divide DivideNoNan Elu Equal Erf Erfc Erfinv Exp Exp2 ExpandDims Expm1 Flip "
    "Floor FloorDivide Gelu GetItem Glu Greater GreaterEqual HardShrink HardSigmoid HardSilu "
    "HardTanh Hstack LayerNorm LeakyRelu Less LessEqual Log Log10 Log1p Log2 LogSigmoid LogSoftmax "
    "Logaddexp LogicalAnd LogicalNot LogicalOr LogicalXor Logsumexp Max Maximum Mean Min Minimum "
    "Mod Moments Moveaxis Multiply NanToNum Negative Normalize NotEqual OnesLike Pad Power Prod "
    "RMSNorm Ravel Rearrange Reciprocal Relu Relu6 Repeat Reshape Roll Round Rsqrt SaturateCast "
    "Selu Sigmoid Sign Silu Sin Sinc Sinh Slice SoftShrink Softmax Softplus Softsign SpaceToDepth "
    "SparsePlus SparseSigmoid Sparsemax Split Sqrt Square Squareplus Squeeze Stack Std "
    "StopGradient Subtract Sum Swapaxes Take TakeAlongAxis Tan Tanh TanhShrink Threshold Tile "
    "Transpose TrueDivide Trunc Unstack Var Vstack Where ZerosLike",
    product="Matmul",
    einsum_of="Einsum",
)
