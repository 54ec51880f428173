"""A flat graph of TensorFlow's operations as a Keras model: what its layers were, or would be.

Only operations with an entry in `WEIGHTED` or `SHAPED` (of what depends on the input) or in
`FOLDED` (of what does not) are taken; any other is refused by name.
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
    """Raise ForeignError if the graph holds an operation that is on no list."""
    listed = {*PLAYED, *FOLDED, *SAME, *_drawing(graph), ARGUMENT, READ}
    unknown = {n.op for n in graph.nodes.values()} - listed
    if unknown:
        names = ", ".join(sorted(op[:40] for op in unknown)[:4])
        raise ForeignError(
            f"holds {names}, operations that are not among the known ones of pure maths: refused; "
            "open it where it was made and save the decoder as .keras"
        )


def model(graph: Graph) -> tuple[Any, list[int]]:
    """The Keras model of a graph whose constants are known, and which outputs it has.

    Raises ForeignError, naming the operation that cannot be rebuilt.
    """
    import keras

    drawing = {*_drawn(graph)}
    kept = [i for i, (name, _) in enumerate(graph.outputs) if name not in drawing]
    if not kept:
        raise ForeignError("draws random numbers: export the mean")
    given = {
        name: keras.Input(shape[1:], name=f"given_{i}")
        for i, (name, shape) in enumerate(graph.inputs.items())
    }
    values: dict[str, Any] = {**graph.constants, **given}
    for node in pruned(graph, [graph.outputs[i] for i in kept]):
        if node.name not in values:
            values[node.name] = _result(node, [_of(values, t) for t in node.inputs])
    ends = [_of(values, graph.outputs[i]) for i in kept]
    if any(isinstance(end, np.ndarray) for end in ends):
        raise ForeignError("gives a constant, whatever it is given")
    inputs = list(given.values())
    made = keras.Model(
        inputs[0] if len(inputs) == 1 else inputs, ends[0] if len(ends) == 1 else ends
    )
    return made, kept


def _of(values: dict[str, Any], tensor: Tensor) -> Any:
    value, place = values[tensor[0]], tensor[1]
    if isinstance(value, list):
        return value[place]
    if place:
        raise ForeignError(f"takes output {place + 1} of {tensor[0][-60:]}: unknown")
    return value


def _result(node: Node, values: list[Any]) -> Any:
    """What an operation makes: an array, a Keras tensor, or a list of either."""
    import keras

    try:
        if node.op in SAME:
            return values if len(values) > 1 else values[0]
        if not any(isinstance(v, keras.KerasTensor) for v in values):
            return fold(node.op, values, node.attributes)
        if node.op not in PLAYED:
            raise ForeignError("is known of constants only")
        made = PLAYED[node.op](Step(node, values))
        for tensor in made if isinstance(made, list) else [made]:
            if math.prod(n or 1 for n in tensor.shape) > MOST_MADE:
                raise ForeignError(f"makes {tuple(tensor.shape)} of one sound: too many")
        return made
    # Keras and numpy raise whatever they raise on what does not fit together.
    except Exception as error:
        name = node.name.split("/")[-1][:60]
        raise ForeignError(f"{node.op} ({name}) cannot be rebuilt: {keras_reason(error)}") from None


def _drawing(graph: Graph) -> set[str]:
    """Operations that matter only to what draws random numbers, which is left out."""
    return {*DRAWING} if len(graph.outputs) > 1 else set()


def _drawn(graph: Graph) -> set[str]:
    """Nodes that depend on random numbers."""
    found: set[str] = set()
    for node in graph.nodes.values():  # each after what it takes
        if node.op in DRAWING or any(name in found for name, _ in node.inputs):
            found.add(node.name)
    return found
