"""A flat graph of TensorFlow operations as a Keras model.

Allowed are operations in `WEIGHTED` or `SHAPED`, if they depend on the input, and in `FOLDED`, if
they do not; any other is refused by name.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from latentpad.models.importing.graph import ARGUMENT, READ, Graph, Node, Tensor, pruned
from latentpad.models.importing.graph_constants import FOLDED, fold
from latentpad.models.importing.graph_shaped import SHAPED
from latentpad.models.importing.graph_step import Step
from latentpad.models.importing.graph_weighted import WEIGHTED
from latentpad.models.importing.layout import ForeignError
from latentpad.models.keras_files.memory import MOST_MADE, keras_reason

PLAYED = {**SHAPED, **WEIGHTED}
SAME = frozenset({"Identity", "IdentityN", "StopGradient", "PreventGradient", "Snapshot"})
DRAWING = frozenset(
    {"RandomStandardNormal", "RandomUniform", "StatelessRandomNormalV2", "StatelessRandomNormal",
     "StatelessRandomUniformV2", "StatelessRandomUniform", "StatelessRandomGetKeyCounter",
     "StatelessRandomGetAlg", "TruncatedNormal"}
)  # fmt: skip


def check(graph: Graph) -> None:
    """Raise ForeignError if the graph has an operation that is not allowed."""
    listed = {*PLAYED, *FOLDED, *SAME, *_drawing(graph), ARGUMENT, READ}
    unknown = {n.op for n in graph.nodes.values()} - listed
    if unknown:
        names = ", ".join(sorted(op[:40] for op in unknown)[:4])
        raise ForeignError(
            f"holds {names}, operations that are not among the known ones of pure maths: refused; "
            "open it where it was made and save the decoder as .keras"
        )


def model(graph: Graph) -> tuple[Any, list[int]]:
    """The Keras model of a graph with known constants, and the indices of its outputs.

    Raises ForeignError, naming the operation that cannot be rebuilt.
    """
    import keras

    random_nodes = {*_drawn(graph)}
    kept = [i for i, (name, _) in enumerate(graph.outputs) if name not in random_nodes]
    if not kept:
        raise ForeignError("draws random numbers: export the mean")
    input_tensors = {
        name: keras.Input(shape[1:], name=f"given_{i}")
        for i, (name, shape) in enumerate(graph.inputs.items())
    }
    values: dict[str, Any] = {**graph.constants, **input_tensors}
    for node in pruned(graph, [graph.outputs[i] for i in kept]):
        if node.name not in values:
            values[node.name] = _result(node, [_value(values, t) for t in node.inputs])
    output_tensors = [_value(values, graph.outputs[i]) for i in kept]
    if any(isinstance(end, np.ndarray) for end in output_tensors):
        raise ForeignError("gives a constant, whatever it is given")
    inputs = list(input_tensors.values())
    keras_model = keras.Model(
        inputs[0] if len(inputs) == 1 else inputs,
        output_tensors[0] if len(output_tensors) == 1 else output_tensors,
    )
    return keras_model, kept


def _value(values: dict[str, Any], tensor: Tensor) -> Any:
    value, output_index = values[tensor[0]], tensor[1]
    if isinstance(value, list):
        return value[output_index]
    if output_index:
        raise ForeignError(f"takes output {output_index + 1} of {tensor[0][-60:]}: unknown")
    return value


def _result(node: Node, values: list[Any]) -> Any:
    """The result of an operation: an array, a Keras tensor, or a list of either."""
    import keras

    try:
        if node.op in SAME:
            return values if len(values) > 1 else values[0]
        if not any(isinstance(v, keras.KerasTensor) for v in values):
            return fold(node.op, values, node.attributes)
        if node.op not in PLAYED:
            raise ForeignError("is known of constants only")
        result = PLAYED[node.op](Step(node, values))
        for tensor in result if isinstance(result, list) else [result]:
            if math.prod(n or 1 for n in tensor.shape) > MOST_MADE:
                raise ForeignError(f"makes {tuple(tensor.shape)} of one sound: too many")
        return result
    # Keras and NumPy raise various exceptions for inputs that do not fit.
    except Exception as error:
        name = node.name.split("/")[-1][:60]
        raise ForeignError(f"{node.op} ({name}) cannot be rebuilt: {keras_reason(error)}") from None


def _drawing(graph: Graph) -> set[str]:
    """Operations of random outputs, which are left out if there are other outputs."""
    return {*DRAWING} if len(graph.outputs) > 1 else set()


def _drawn(graph: Graph) -> set[str]:
    """Nodes that depend on random numbers."""
    random_nodes: set[str] = set()
    for node in graph.nodes.values():  # in topological order
        if node.op in DRAWING or any(name in random_nodes for name, _ in node.inputs):
            random_nodes.add(node.name)
    return random_nodes
