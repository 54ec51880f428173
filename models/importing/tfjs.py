"""TensorFlow.js Layers models: `model.json` and its shards, as Keras models.

The format: tfjs-layers' `loadLayersModel`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from latentpad.models.files import json_file
from latentpad.models.importing import keras2_layers, tfjs_weights, weights
from latentpad.models.importing.layout import ForeignError
from latentpad.models.keras_files.memory import keras_reason, shapes_only

MOST_JSON = 16 << 20


def topology(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(all of model.json, its {"class_name", "config"}), without Keras. Raises ForeignError."""
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
            raise ForeignError(
                f"{path}: model_config is not valid JSON: {keras_reason(error)}"
            ) from None
    if not isinstance(model, dict) or model.get("class_name") not in keras2_layers.MODELS:
        class_name = str(model.get("class_name") if isinstance(model, dict) else model)[:60]
        raise ForeignError(f"{path}: {class_name!r} is no Sequential or Functional model")
    return content, model


def outline(path: Path) -> Any:
    """The model with shapes only; its weights are counted. Raises ForeignError."""
    return _weighed(path, *topology(path))


def load(path: Path) -> Any:
    """The Keras model that model.json at `path` describes, with its weights. Raises ForeignError.

    Memory is bounded by the size of the files: claimed sizes are checked before allocation.
    """
    content, config = topology(path)
    _weighed(path, content, config)
    model = keras2_layers.model(config, path)
    weights.fill(model, config, path, tfjs_weights.arrays(path, content))
    return model


def _weighed(path: Path, content: dict[str, Any], config: dict[str, Any]) -> Any:
    held = sum(math.prod(piece.shape) for piece in tfjs_weights.pieces(path, content))

    def complain(what: str) -> ForeignError:
        return ForeignError(f"{path}: {what}")

    return shapes_only(lambda: keras2_layers.model(config, path), held, complain)
