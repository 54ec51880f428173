"""SavedModels: a graph of operations, rebuilt from Keras layers.

TensorFlow's own loader is not used: `saved_model.pb` is parsed as data, the signature's function is
flattened, and only allowed operations are accepted (see `graph_model`), so that no operation that
reads, writes or calls out is ever run. The rebuilt model must give the same numbers as the graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from latentpad.models.importing import graph_model
from latentpad.models.importing.graph import Graph, Node, Tensor, flat, pruned
from latentpad.models.importing.layout import ForeignError
from latentpad.models.keras_files.archive import output_order
from latentpad.models.keras_files.memory import MOST_BYTES, check_cost, keras_reason
from latentpad.models.representation import Floats

MOST_GRAPH = 64 << 20
MOST_INDEX = 16 << 20
SIGNATURES = ("serving_default", "serve")
TRIED = 8  # points at which both are compared
AGREE = 1e-3  # largest difference, relative to the outputs' span or 1 if that is larger
ADVICE = "open it where it was made and save the decoder as .keras"


def load(folder: Path) -> Any:
    """The Keras model of a SavedModel's serving signature, with its weights. Raises ForeignError.

    Outputs with random numbers are left out if there are others: of a VAE's encoder the means and
    log variances are used. Imports TensorFlow and Keras, which takes seconds.
    """
    try:
        graph = _read(folder)
        model, kept = graph_model.model(graph)
        check_cost(model, ForeignError)
        _check_agreement(graph, model, kept)
        return model
    except ForeignError as error:
        raise ForeignError(f"{folder}: {' '.join(str(error).split())}") from None
    # TensorFlow and Keras raise various exceptions for malformed files.
    except Exception as error:
        what = f"{type(error).__name__}: {keras_reason(error)}"
        raise ForeignError(f"{folder}: is a SavedModel that cannot be read: {what}") from None


def _read(folder: Path) -> Graph:
    from tensorflow.core.protobuf import saved_model_pb2

    file = folder / "saved_model.pb"
    if file.stat().st_size > MOST_GRAPH:
        raise ForeignError(f"saved_model.pb is larger than {MOST_GRAPH >> 20} MB: {ADVICE}")
    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString(file.read_bytes())
    except Exception:  # protobuf's DecodeError, whose types mypy does not know
        raise ForeignError("saved_model.pb is damaged: it is no protocol buffer") from None
    served = [m for m in saved.meta_graphs if "serve" in m.meta_info_def.tags]
    if len(served) != 1:
        raise ForeignError("saved_model.pb is damaged: it holds no model with the tag 'serve'")
    (meta,) = served
    key, name = _signature(meta)
    bound = meta.object_graph_def.concrete_functions[name].bound_inputs
    functions = {f.signature.name: f for f in meta.graph_def.library.function}
    if name not in functions:
        raise ForeignError(f"saved_model.pb is damaged: function {name[:80]} is missing")
    arguments = [a.name for a in functions[name].signature.input_arg]
    input_names = arguments[: len(arguments) - len(bound)]
    graph = flat(functions, name, input_names)
    graph_model.check(graph)
    named = {t.name: key for key, t in meta.signature_def[key].outputs.items()}
    graph = graph.sorted([output_order(key)[0] for _, key in sorted(named.items())])
    captured = {
        a: b for a, b in zip(arguments[len(input_names) :], bound, strict=True) if a in graph.wanted
    }
    graph = graph.filled(dict(_captured(folder, meta, captured)))
    inputs = meta.signature_def[key].inputs
    shapes = {
        a: tuple(d.size for d in inputs[a].tensor_shape.dim) for a in input_names if a in inputs
    }
    for argument in input_names:
        shape = shapes.get(argument, ())
        if inputs[argument].dtype != 1:
            raise ForeignError(f"input {argument[:60]} is not of 32-bit floats")
        if len(shape) < 2 or min(shape[1:]) < 1:
            raise ForeignError(f"input {argument[:60]} has no fixed shape: {list(shape)}")
    return graph.shaped(shapes)


def _signature(meta: Any) -> tuple[str, str]:
    """(the serving signature, its function)."""
    objects = meta.object_graph_def
    if not objects.nodes:
        raise ForeignError(f"is a SavedModel of TensorFlow 1: {ADVICE}")
    roots = {c.local_name: c.node_id for c in objects.nodes[0].children}
    children = objects.nodes[roots["signatures"]].children if "signatures" in roots else ()
    named = {c.local_name: objects.nodes[c.node_id] for c in children}
    key = next((k for k in (*SIGNATURES, *named) if k in named), None)
    if key is None:
        raise ForeignError(f"has no serving signature: {ADVICE}")
    name = named[key].bare_concrete_function.concrete_function_name
    if name not in objects.concrete_functions:
        raise ForeignError(f"saved_model.pb is damaged: signature {key[:60]} has no function")
    return key, name


def _captured(folder: Path, meta: Any, captured: dict[str, int]) -> Iterator[tuple[str, Floats]]:
    """The arrays of the function's captured arguments: weights and constants."""
    from tensorflow.python.framework import tensor_util

    nodes, constants = meta.object_graph_def.nodes, {n.name: n for n in meta.graph_def.node}
    variables = {a: i for a, i in captured.items() if nodes[i].WhichOneof("kind") == "variable"}
    for argument, number in captured.items():
        kind = nodes[number].WhichOneof("kind")
        if argument in variables:
            continue
        node = constants.get(nodes[number].constant.operation) if kind == "constant" else None
        if node is None or node.op != "Const":
            raise ForeignError(f"takes a {kind}, more than weights: refused")
        yield argument, np.asarray(tensor_util.MakeNdarray(node.attr["value"].tensor))
    if variables:
        yield from _variables(folder / "variables", meta, variables)


def _variables(folder: Path, meta: Any, variables: dict[str, int]) -> Iterator[tuple[str, Floats]]:
    """Each variable's array from the checkpoint, by its position in the tree of objects."""
    import tensorflow as tf
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    index = folder / "variables.index"
    if not index.is_file() or index.stat().st_size > MOST_INDEX:
        raise ForeignError("variables/variables.index is missing: copy the whole folder")
    shards = list(folder.glob("variables.data-*"))
    if not all(shard.is_file() for shard in shards):  # a pipe or a device might never end
        raise ForeignError("is damaged: variables/ holds what is no file")
    most = sum(shard.stat().st_size for shard in shards)
    if most > MOST_BYTES:
        raise ForeignError(f"holds more than {MOST_BYTES >> 20} MB of weights")
    try:
        reader = tf.train.load_checkpoint(str(folder / "variables"))
        shapes = reader.get_variable_to_shape_map()
        types = reader.get_variable_to_dtype_map()
        tree = trackable_object_graph_pb2.TrackableObjectGraph()
        tree.ParseFromString(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
    except Exception as error:
        raise ForeignError(f"variables/ is damaged: {keras_reason(error)}") from None
    # The tree of objects is stored twice: for the model, and for the checkpoint's keys.
    checkpoint_ids, waiting = {0: 0}, [0]
    while waiting:
        number = waiting.pop()
        children = {c.local_name: c.node_id for c in tree.nodes[checkpoint_ids[number]].children}
        for child in meta.object_graph_def.nodes[number].children:
            if child.local_name in children and child.node_id not in checkpoint_ids:
                checkpoint_ids[child.node_id] = children[child.local_name]
                waiting.append(child.node_id)
    for argument, number in variables.items():
        name = meta.object_graph_def.nodes[number].variable.name[:80]
        attributes = (
            tree.nodes[checkpoint_ids[number]].attributes if number in checkpoint_ids else ()
        )
        key = next((a.checkpoint_key for a in attributes if a.name == "VARIABLE_VALUE"), None)
        if key not in shapes:
            raise ForeignError(f"is damaged: variables/ holds no weights for {name}")
        if int(np.prod(shapes[key], dtype=np.float64)) * types[key].size > most:
            raise ForeignError(f"is damaged: {name} has an absurd shape {shapes[key]}")
        try:
            array = np.asarray(reader.get_tensor(key))
        except Exception as error:
            raise ForeignError(f"is damaged: weights of {name}: {keras_reason(error)}") from None
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ForeignError(f"is damaged: {name} holds values that are not finite")
        yield argument, array


def _check_agreement(graph: Graph, model: Any, kept: list[int]) -> None:
    """Raise ForeignError if a rebuilt model gives other numbers than the graph."""
    rng = np.random.default_rng(0)
    count = max(TRIED if n < 1 else n for n in (graph.inputs[a][0] for a in graph.inputs))
    draw = [rng.normal(size=(count, *shape[1:])) for shape in graph.inputs.values()]
    inputs = [x.astype(np.float32) for x in draw]
    rebuilt = model(inputs[0] if len(inputs) == 1 else inputs, training=False)
    listed = list(rebuilt) if isinstance(rebuilt, list | tuple) else [rebuilt]
    expected = _run(graph, inputs, [graph.outputs[i] for i in kept])
    for result, reference in zip(listed, expected, strict=True):
        result, reference = np.asarray(result, np.float32), np.asarray(reference, np.float32)
        if result.shape != reference.shape:
            raise ForeignError(f"gives {reference.shape}, rebuilt {result.shape}: {ADVICE}")
        if not np.isfinite(reference).all():
            raise ForeignError("the model gives values that are not finite")
        difference = float(np.abs(result - reference).max())
        if difference > AGREE * max(1.0, float(np.ptp(reference))):
            raise ForeignError(f"gives other numbers once rebuilt, by {difference:.3g}: {ADVICE}")


def _run(graph: Graph, given: list[Floats], outputs: list[Tensor]) -> list[Any]:
    """The outputs of the flat graph in TensorFlow. It has allowed operations only."""
    import tensorflow as tf

    graph_def = tf.compat.v1.GraphDef()
    for node in pruned(graph, outputs):
        graph_def.node.append(_node_def(graph, node))

    def run(*inputs: Any) -> Any:
        named = {f"{n}:0": x for n, x in zip(graph.inputs, inputs, strict=True)}
        wanted = [f"{name}:{i}" for name, i in outputs]
        return tf.import_graph_def(graph_def, input_map=named, return_elements=wanted)

    specs = [tf.TensorSpec(x.shape, tf.float32) for x in given]
    result: list[Any] = tf.compat.v1.wrap_function(run, specs)(*map(tf.constant, given))
    return result


def _node_def(graph: Graph, node: Node) -> Any:
    import tensorflow as tf

    node_def = tf.compat.v1.NodeDef(name=node.name, op=node.op)
    if node.name in graph.inputs:
        node_def.op = "Placeholder"
        node_def.attr["dtype"].type = tf.float32.as_datatype_enum
    elif node.name in graph.constants:
        node_def.op = "Const"
        array = graph.constants[node.name]
        node_def.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(array))
        node_def.attr["dtype"].type = node_def.attr["value"].tensor.dtype
    else:
        node_def.input.extend(f"{name}:{i}" for name, i in node.inputs)
        for key, value in node.attributes.items():
            if not key.startswith("_"):
                node_def.attr[key].CopyFrom(value)
    return node_def
