"""TensorFlow.js Layers models: `model.json` and its shards, rebuilt from Keras' own layers.

The format: tfjs-layers' `loadLayersModel`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from models import json_file
from models.foreign import tfjs_layers, tfjs_weights
from models.foreign.layout import ForeignError
from models.weighing import reason, weighed

MOST_JSON = 16 << 20
MOST_LAYERS = 1000
MODELS = frozenset({"Sequential", "Functional", "Model"})


def topology(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the whole of model.json, its {"class_name", "config"}); no Keras. Raises ForeignError."""
    content = json_file.read(path, MOST_JSON, "no model.json is", ForeignError)
    if not isinstance(content, dict) or not isinstance(content.get("modelTopology"), dict):
        raise ForeignError(f"{path}: has no modelTopology: is it TensorFlow.js' model.json?")
    model = content["modelTopology"]
    if "node" in model or content.get("format") == "graph-model":
        raise ForeignError(
            f"{path}: is a graph model, operations without layers: convert the Keras model with "
            "--output_format tfjs_layers_model"
        )
    model = model.get("model_config", model)
    if isinstance(model, str):
        try:
            model = json.loads(model)
        except (ValueError, RecursionError) as error:
            raise ForeignError(f"{path}: model_config is not valid JSON: {reason(error)}") from None
    if not isinstance(model, dict) or model.get("class_name") not in MODELS:
        found = str(model.get("class_name") if isinstance(model, dict) else model)[:60]
        raise ForeignError(f"{path}: {found!r} is no Sequential or Functional model")
    return content, model


def outline(path: Path) -> Any:
    """The model with shapes and no weights, which are only counted. Raises ForeignError."""
    return _weighed(path, *topology(path))


def load(path: Path) -> Any:
    """The Keras model that model.json at `path` describes, with its weights. Raises ForeignError.

    Memory is bounded by the size of the files: what they claim is compared before it is taken.
    """
    content, config = topology(path)
    _weighed(path, content, config)
    model = _model(config, path, 0)
    tfjs_weights.fill(model, path, content)
    return model


def _weighed(path: Path, content: dict[str, Any], config: dict[str, Any]) -> Any:
    held = sum(math.prod(piece.shape) for piece in tfjs_weights.pieces(path, content))
    return weighed(lambda: _model(config, path, 0), held, lambda s: ForeignError(f"{path}: {s}"))


def _model(model: Any, path: Path, depth: int) -> Any:
    """A Keras 3 model from a Keras 2 one's description. Raises ForeignError."""
    try:
        config = model["config"]
        if depth > 8:
            raise ForeignError(f"{path}: models are nested more than 8 deep")
        entries = config["layers"] if isinstance(config, dict) else config  # Keras 2.1: a list
        if len(entries) > MOST_LAYERS:
            raise ForeignError(f"{path}: has {len(entries)} layers, {MOST_LAYERS} are the most")
        if model["class_name"] == "Sequential":
            return _sequential(entries, model, path, depth)
        return _functional(config, path, depth)
    except ForeignError:
        raise
    # A description may be wrong in every way, and Keras raises whatever its layers raise.
    except Exception as error:
        what = f"{type(error).__name__}: {reason(error)}"
        raise ForeignError(f"{path}: modelTopology is malformed: {what}") from None


def _sequential(entries: list[Any], model: Any, path: Path, depth: int) -> Any:
    import keras

    first = entries[0]
    shape = _input_shape(first["config"])
    if shape is None and first["class_name"] in MODELS:
        inner = _model(first, path, depth + 1)
        shape = tuple(inner.inputs[0].shape[1:])
    if shape is None:
        raise ForeignError(f"{path}: the first layer names no input shape")
    tensor = given = keras.Input(shape)
    for entry in entries:
        if entry["class_name"] != "InputLayer":
            tensor = _layer(entry, path, depth)(tensor)
    name = model["config"].get("name") if isinstance(model["config"], dict) else None
    return keras.Model(given, tensor, name=name)


def _functional(config: dict[str, Any], path: Path, depth: int) -> Any:
    import keras

    tensors: dict[tuple[str, int], list[Any]] = {}
    waiting: list[tuple[Any, int, list[tuple[str, int, int]]]] = []
    for entry in config["layers"]:
        name = str(entry.get("name") or entry["config"]["name"])
        if entry["class_name"] == "InputLayer":
            shape = _input_shape(entry["config"])
            if shape is None:
                raise ForeignError(f"{path}: {name} names no input shape")
            tensors[name, 0] = [keras.Input(shape, name=name)]
            continue
        layer = _layer({**entry, "config": {**entry["config"], "name": name}}, path, depth)
        for number, node in enumerate(entry["inbound_nodes"]):
            waiting.append((layer, number, _origins(node, name, path)))
    while waiting:
        later = []
        for layer, number, origins in waiting:
            if all((name, node) in tensors for name, node, _ in origins):
                given = [tensors[name, node][i] for name, node, i in origins]
                made = layer(given[0] if len(given) == 1 else given)
                tensors[layer.name, number] = list(made) if isinstance(made, list) else [made]
            else:
                later.append((layer, number, origins))
        if len(later) == len(waiting):
            raise ForeignError(f"{path}: {later[0][0].name} takes what no layer gives")
        waiting = later
    ends = [
        [tensors[str(name), node][i] for name, node, i in _ends(config[key])]
        for key in ("input_layers", "output_layers")
    ]
    inputs, outputs = (end[0] if len(end) == 1 else end for end in ends)
    return keras.Model(inputs, outputs, name=config.get("name"))


def _ends(listed: Any) -> Any:
    """[[name, node, tensor], ...], which Keras 3 writes flat if it is one."""
    return [listed] if isinstance(listed[0], str) else listed


def _origins(node: Any, name: str, path: Path) -> list[tuple[str, int, int]]:
    """The (layer, node, tensor) that one call of a layer takes, of Keras 2's way or 3's."""
    if isinstance(node, dict):
        listed = node["args"][0] if isinstance(node["args"][0], list) else node["args"]
        links = [t["config"]["keras_history"] for t in listed]
        settings = dict(node.get("kwargs") or {})
    else:
        links = _ends(node)
        settings = {k: v for link in links if len(link) > 3 for k, v in (link[3] or {}).items()}
    if any(v is not None for k, v in settings.items() if k not in ("training", "mask")):
        raise ForeignError(f"{path}: {name} is called with {', '.join(settings)}: unknown")
    return [(str(link[0]), int(link[1]), int(link[2])) for link in links]


def _input_shape(config: Any) -> tuple[Any, ...] | None:
    if not isinstance(config, dict):
        return None
    shape = config.get("batch_input_shape") or config.get("batch_shape")
    return tuple(shape[1:]) if shape else None


def _layer(entry: Any, path: Path, depth: int) -> Any:
    if entry["class_name"] in MODELS:
        return _model(entry, path, depth + 1)
    return tfjs_layers.layer(entry["class_name"], entry["config"], path)
