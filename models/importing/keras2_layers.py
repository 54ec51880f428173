"""Builds a Keras 2 description, Sequential or Functional, from Keras 3's layers.

TensorFlow.js' `modelTopology` and Keras 2's files have the same description. Keras 3's forms of
calls and shapes are read too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from latentpad.models.importing import tfjs_layers
from latentpad.models.importing.layout import ForeignError
from latentpad.models.keras_files.archive import output_order
from latentpad.models.keras_files.memory import keras_reason

MOST_LAYERS = 1000
MOST_CALLS = 2000  # of the layers of one model
DEEPEST = 8  # models within models
MODELS = frozenset({"Sequential", "Functional", "Model"})
Names = tuple[str, ...]  # of the models around a layer, and of the layer


def model(description: Any, path: Path, depth: int = 0) -> Any:
    """The Keras 3 model of a {"class_name", "config"}, without its weights.

    `path` is the file that errors name. Raises ForeignError.
    """
    try:
        if depth > DEEPEST:
            raise ForeignError(f"{path}: models are nested more than {DEEPEST} deep")
        if len(_entries(description)) > MOST_LAYERS:
            count = len(_entries(description))
            raise ForeignError(f"{path}: has {count} layers, {MOST_LAYERS} are the most")
        if description["class_name"] == "Sequential":
            return _sequential(description, path, depth)
        return _functional(description["config"], path, depth)
    except ForeignError:
        raise
    # A description may have any fault, and Keras' layers raise various exceptions.
    except Exception as error:
        what = f"{type(error).__name__}: {keras_reason(error)}"
        raise ForeignError(f"{path}: the model's description is malformed: {what}") from None


def groups(description: Any, outer: Names = (), group: str = "") -> Iterator[tuple[Names, str]]:
    """Each layer's names, and its group in a `.keras` file's weights: its class and a number."""
    seen: Counter[str] = Counter()
    for entry in _entries(description):
        kind = "Functional" if entry["class_name"] == "Model" else str(entry["class_name"])
        # The same two steps as in Keras: Conv2DTranspose is conv2d_transpose, ReLU re_lu.
        kind = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", kind)
        kind = re.sub("([a-z])([A-Z])", r"\1_\2", kind).lower()
        suffix = f"_{seen[kind]}" if seen[kind] else ""
        seen[kind] += 1
        group_path = f"{group}layers/{kind}{suffix}"
        config = entry["config"]
        name = str(entry.get("name") or (isinstance(config, dict) and config.get("name")))
        if entry["class_name"] in MODELS:
            yield from groups(entry, (*outer, name), f"{group_path}/")
        else:
            yield (*outer, name), group_path


def _entries(description: Any) -> list[Any]:
    config = description["config"]
    listed: list[Any] = config["layers"] if isinstance(config, dict) else config  # in Keras 2.1
    return listed


def _sequential(description: Any, path: Path, depth: int) -> Any:
    import keras

    config, entries = description["config"], _entries(description)
    tensor = given = keras.Input(_first_shape(description, path, depth))
    for entry in entries:
        if entry["class_name"] == "InputLayer":
            tfjs_layers.check("InputLayer", entry["config"], path)
        else:
            tensor = _layer(entry, path, depth)(tensor)
    return keras.Model(given, tensor, name=config.get("name") if isinstance(config, dict) else None)


def _first_shape(description: Any, path: Path, depth: int) -> tuple[Any, ...]:
    """The input shape of a Sequential model, from itself or its first layer."""
    config, first = description["config"], _entries(description)[0]
    shape = _input_shape(first["config"])
    if shape is None and first["class_name"] in MODELS:
        shape = tuple(model(first, path, depth + 1).inputs[0].shape[1:])
    if shape is None and isinstance(config, dict):
        built = (description.get("build_config") or {}).get("input_shape")
        shape = _input_shape({"batch_shape": built or config.get("build_input_shape")})
    if shape is None:
        raise ForeignError(f"{path}: the first layer names no input shape")
    return shape


def _functional(config: dict[str, Any], path: Path, depth: int) -> Any:
    import keras

    tensors: dict[tuple[str, int], list[Any]] = {}
    waiting: list[tuple[str, Any, int, list[tuple[str, int, int]]]] = []
    for entry in config["layers"]:
        name = str(entry.get("name") or entry["config"]["name"])
        if entry["class_name"] == "InputLayer":
            tfjs_layers.check("InputLayer", entry["config"], path)
            shape = _input_shape(entry["config"])
            if shape is None:
                raise ForeignError(f"{path}: {name} names no input shape")
            tensors[name, 0] = [keras.Input(shape, name=name)]
            continue
        layer = _layer({**entry, "config": {**entry["config"], "name": name}}, path, depth)
        for number, node in enumerate(entry["inbound_nodes"]):
            waiting.append((name, layer, number, _origins(node, name, path)))
    if len(waiting) > MOST_CALLS:
        raise ForeignError(f"{path}: calls layers {len(waiting)} times, {MOST_CALLS} are the most")
    ends = [list(map(_link, _ends(config[k]))) for k in ("input_layers", "output_layers")]
    links = [link for *_, origins in waiting for link in origins] + ends[0] + ends[1]
    # In Keras 2 the first call of a nested model is its construction, which is not in the file.
    first = {name: min(n for other, n, _ in links if other == name) for name, *_ in links}
    while waiting:
        later = []
        for name, layer, number, origins in waiting:
            if all((other, node) in tensors for other, node, _ in origins):
                inputs_of_call = [tensors[other, node][i] for other, node, i in origins]
                result = layer(inputs_of_call[0] if len(inputs_of_call) == 1 else inputs_of_call)
                key = (name, number + first.get(name, 0))
                tensors[key] = list(result) if isinstance(result, list | tuple) else [result]
            else:
                later.append((name, layer, number, origins))
        if len(later) == len(waiting):
            raise ForeignError(f"{path}: {later[0][0][:60]} takes what no layer gives")
        waiting = later
    inputs, outputs = ([tensors[other, node][i] for other, node, i in end] for end in ends)
    outputs = outputs[0] if len(outputs) == 1 else outputs
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, outputs, name=config.get("name"))


def _ends(listed: Any) -> list[Any]:
    """A list of [name, node, tensor] from its nested forms; a dict is read in `output_order`."""
    if isinstance(listed, dict):
        return [link for key in sorted(listed, key=output_order) for link in _ends(listed[key])]
    if not listed:
        raise ValueError("a list of layers is empty")
    if isinstance(listed[0], str):
        return [listed]
    return [link for inner in listed for link in _ends(inner)]


def _link(link: Any) -> tuple[str, int, int]:
    return str(link[0]), int(link[1]), int(link[2])


def _origins(node: Any, name: str, path: Path) -> list[tuple[str, int, int]]:
    """The (layer, node, tensor) of each input of one call, in Keras 2's form or 3's."""
    if isinstance(node, dict):
        listed = node["args"][0] if isinstance(node["args"][0], list) else node["args"]
        links = [t["config"]["keras_history"] for t in listed]
        settings = dict(node.get("kwargs") or {})
    else:
        links = _ends(node)
        settings = {k: v for link in links if len(link) > 3 for k, v in (link[3] or {}).items()}
    if any(v is not None for k, v in settings.items() if k not in ("training", "mask")):
        raise ForeignError(f"{path}: {name} is called with {', '.join(settings)}: unknown")
    return [_link(link) for link in links]


def _input_shape(config: Any) -> tuple[Any, ...] | None:
    if not isinstance(config, dict):
        return None
    shape = config.get("batch_input_shape") or config.get("batch_shape")
    return tuple(shape[1:]) if shape else None


def _layer(entry: Any, path: Path, depth: int) -> Any:
    if entry["class_name"] in MODELS:
        return model(entry, path, depth + 1)
    return tfjs_layers.layer(entry["class_name"], entry["config"], path)
