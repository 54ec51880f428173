"""A TensorFlow function as a flat graph: function calls are replaced by their bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from latentpad.models.importing.layout import ForeignError
from latentpad.models.representation import Floats

MOST_NODES = 20_000
DEEPEST = 32
CALLS = ("PartitionedCall", "StatefulPartitionedCall")
ARGUMENT, READ = "(argument)", "ReadVariableOp"
Tensor = tuple[str, int]  # a node's name, and the index of its output


@dataclass(frozen=True)
class Node:
    """One operation."""

    name: str
    op: str
    inputs: tuple[Tensor, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)  # of protobuf AttrValues


@dataclass(frozen=True)
class Graph:
    """Operations in topological order: each comes after its inputs."""

    nodes: dict[str, Node]
    outputs: list[Tensor]
    inputs: dict[str, tuple[int, ...]]  # name -> shape with the batch, -1 if that is free
    constants: dict[str, Floats]  # of nodes whose values are known

    @property
    def wanted(self) -> set[str]:
        """Arguments that the outputs depend on."""
        return {n.name for n in self.nodes.values() if n.op == ARGUMENT}

    def filled(self, constants: dict[str, Floats]) -> Graph:
        """The graph with arrays of weights, also for the nodes that only read them."""
        both = {**self.constants, **constants}
        for node in self.nodes.values():
            if node.op == READ and node.inputs[0][0] in both:
                both[node.name] = both[node.inputs[0][0]]
        return replace(self, constants=both)

    def sorted(self, ranks: list[int]) -> Graph:
        """The graph with its outputs sorted by rank, if there is a rank for each."""
        if len(ranks) != len(self.outputs):
            return self
        order = sorted(range(len(ranks)), key=ranks.__getitem__)
        return replace(self, outputs=[self.outputs[i] for i in order])

    def shaped(self, inputs: dict[str, tuple[int, ...]]) -> Graph:
        return replace(self, inputs=inputs)


def flat(functions: Mapping[str, Any], name: str, input_names: list[str]) -> Graph:
    """The function `name` of a library of FunctionDefs, with the functions that it calls.

    Raises ForeignError for a call of a missing function, a loop, or too many operations.
    """
    nodes: dict[str, Node] = {}
    alias: dict[Tensor, Tensor] = {}
    ends = _expand(functions, name, "", nodes, alias, 0)
    function = functions[name].signature
    for argument in function.input_arg:
        nodes[argument.name] = Node(argument.name, ARGUMENT)
    for key, node in nodes.items():
        nodes[key] = replace(node, inputs=tuple(_origin(alias, t) for t in node.inputs))
    graph = Graph(nodes, [_origin(alias, t) for t in ends], {a: () for a in input_names}, {})
    ordered = pruned(graph, graph.outputs)
    return replace(graph, nodes={node.name: node for node in ordered})


def pruned(graph: Graph, outputs: list[Tensor]) -> list[Node]:
    """The nodes that `outputs` depend on, in order. Raises ForeignError for a loop."""
    done: dict[str, Node] = {}
    open_: set[str] = set()
    waiting = [name for name, _ in outputs]
    while waiting:
        name = waiting[-1]
        if name in done or name not in graph.nodes:
            if name not in done:
                raise ForeignError(f"saved_model.pb is damaged: {name[:80]} is missing")
            waiting.pop()
            continue
        node = graph.nodes[name]
        known = name in graph.constants or name in graph.inputs
        later = [] if known else [n for n, _ in node.inputs if n not in done]
        if not later:
            done[name] = node
            open_.discard(name)
            waiting.pop()
        elif name in open_:
            raise ForeignError("the graph has a loop: refused")
        else:
            open_.add(name)
            waiting += later
    return list(done.values())


def _expand(
    functions: Mapping[str, Any],
    name: str,
    prefix: str,
    nodes: dict[str, Node],
    alias: dict[Tensor, Tensor],
    depth: int,
) -> list[Tensor]:
    """Add a function's nodes with `prefix`; return the tensors that it returns."""
    if name not in functions:
        raise ForeignError(f"saved_model.pb is damaged: function {name[:80]} is missing")
    function = functions[name]
    arguments = {a.name for a in function.signature.input_arg}
    ops = {n.name: n.op for n in function.node_def}

    def tensor(text: str) -> Tensor:
        if text in arguments:
            return prefix + text, 0
        node, *rest = text.split(":")
        return prefix + node, _output_index(ops.get(node, ""), rest)

    for node in function.node_def:
        inputs = tuple(tensor(i) for i in node.input if not i.startswith("^"))
        if len(nodes) > MOST_NODES or depth > DEEPEST:
            raise ForeignError(f"has more than {MOST_NODES} operations: refused")
        if node.op not in CALLS:
            nodes[prefix + node.name] = Node(prefix + node.name, node.op, inputs, _attributes(node))
            continue
        inner, callee = f"{prefix}{node.name}/", node.attr["f"].func.name
        returned = _expand(functions, callee, inner, nodes, alias, depth + 1)
        for i, end in enumerate(returned):
            alias[prefix + node.name, i] = end
        for argument, actual in zip(functions[callee].signature.input_arg, inputs, strict=True):
            alias[inner + argument.name, 0] = actual
    return [tensor(function.ret[a.name]) for a in function.signature.output_arg]


def _attributes(node: Any) -> dict[str, Any]:
    """A node's attributes, with the defaults of its operation."""
    from tensorflow.python.framework import op_def_registry

    known = op_def_registry.get(node.op)
    listed = known.attr if known is not None else ()
    usual = {a.name: a.default_value for a in listed if a.HasField("default_value")}
    return {**usual, **dict(node.attr)}


def _output_index(op: str, rest: list[str]) -> int:
    """The index of the output "name:number"."""
    from tensorflow.python.framework import op_def_registry

    if not rest:
        return 0
    known = op_def_registry.get(op)
    names = [a.name for a in known.output_arg] if known is not None else []
    first = names.index(rest[0]) if len(names) > 1 and rest[0] in names else 0
    return first + int(rest[1])


def _origin(alias: dict[Tensor, Tensor], tensor: Tensor) -> Tensor:
    for _ in range(4 * DEEPEST):  # at most one step into each call and one out of it
        if tensor not in alias:
            return tensor
        tensor = alias[tensor]
    raise ForeignError("the graph has a loop: refused")
