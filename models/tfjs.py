"""TensorFlow.js Layers models: `model.json` and its shards, rebuilt from Keras' own layers.

The format: tfjs-layers' `loadLayersModel` and tfjs-core's `io.decodeWeights`. Topologies are
Keras 2 configs; every layer and every setting is taken from the lists below or refused by name.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import json_file
from models.adapting import MOST_BYTES, ForeignError, reason, weighed

MOST_JSON = 64 << 20
MOST_LAYERS = 1000
TYPES = {"float32": "<f4", "float16": "<f2", "uint8": "u1", "uint16": "<u2"}
MODELS = frozenset({"Sequential", "Functional", "Model"})


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Not hard_sigmoid: Keras 3 has another slope than Keras 2 and TensorFlow.js.
ACTIVATIONS = _words(
    "linear relu relu6 sigmoid tanh elu selu softmax softplus softsign swish silu gelu "
    "exponential mish"
)
_CONV = "filters kernel_size strides padding data_format dilation_rate groups activation use_bias"
_POOL = "pool_size strides padding data_format"
_NORM = "axis epsilon center scale"
#: Layer -> the settings that are taken over.
LAYERS: dict[str, frozenset[str]] = {
    name: _words(settings)
    for names, settings in {
        "Dense": "units activation use_bias",
        "Activation": "activation",
        "Reshape": "target_shape",
        "Flatten": "data_format",
        "Permute": "dims",
        "RepeatVector": "n",
        "Conv1D Conv2D": _CONV,
        "Conv1DTranspose Conv2DTranspose": _CONV + " output_padding",
        "DepthwiseConv2D": _CONV.replace("filters ", "") + " depth_multiplier",
        "SeparableConv1D SeparableConv2D": _CONV + " depth_multiplier",
        "UpSampling1D": "size",
        "UpSampling2D": "size data_format interpolation",
        "Cropping1D": "cropping",
        "Cropping2D": "cropping data_format",
        "ZeroPadding1D ZeroPadding2D": "padding data_format",
        "MaxPooling1D MaxPooling2D AveragePooling1D AveragePooling2D": _POOL,
        "GlobalMaxPooling1D GlobalMaxPooling2D GlobalAveragePooling1D GlobalAveragePooling2D": (
            "data_format keepdims"
        ),
        "BatchNormalization": _NORM + " momentum",
        "LayerNormalization": _NORM,
        "ReLU": "max_value negative_slope threshold",
        "LeakyReLU": "negative_slope",
        "PReLU": "shared_axes",
        "ELU": "alpha",
        "Softmax": "axis",
        "Rescaling": "scale offset",
        "Dropout SpatialDropout1D SpatialDropout2D GaussianDropout": "rate",
        "GaussianNoise": "stddev",
        "Add Subtract Multiply Average Maximum Minimum": "",
        "Concatenate": "axis",
    }.items()
    for name in names.split()
}
#: Settings that change nothing of what a trained model gives.
IDLE = _words(
    "trainable dtype batch_input_shape batch_shape input_dtype noise_shape seed name sparse ragged "
    "implementation fused renorm renorm_momentum renorm_clipping virtual_batch_size synchronized "
    "momentum input_dim input_length input_shape rank supports_masking"
)
RENAMED = {"depthwise_kernel": "kernel"}  # Keras 2's name of DepthwiseConv2D's weights


@dataclass(frozen=True)
class Piece:
    """One array of the manifest: where its bytes lie in its group of shards."""

    name: str
    shape: tuple[int, ...]
    group: int
    offset: int
    dtype: str
    scale: float
    minimum: float

    @property
    def size(self) -> int:
        return math.prod(self.shape) * np.dtype(TYPES[self.dtype]).itemsize


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
    content, model = topology(path)
    held = sum(math.prod(piece.shape) for piece in _pieces(path, content))
    return weighed(lambda: _model(model, path, 0), held, str(path))


def load(path: Path) -> Any:
    """The Keras model that model.json at `path` describes, with its weights. Raises ForeignError.

    Memory is bounded by the size of the files: what they claim is compared before it is taken.
    """
    content, config = topology(path)
    pieces = _pieces(path, content)
    weighed(lambda: _model(config, path, 0), sum(math.prod(p.shape) for p in pieces), str(path))
    model = _model(config, path, 0)
    left = {piece.name: piece for piece in pieces}
    groups: dict[int, bytes] = {}
    shards = _shards(path, content)
    for place, variable in _variables(model, ()):
        piece = left.pop(_named(path, left, place), None)
        assert piece is not None
        if piece.shape != tuple(variable.shape):
            raise ForeignError(
                f"{path}: {piece.name} has the shape {piece.shape}, its layer {variable.shape}"
            )
        if piece.group not in groups:
            groups[piece.group] = b"".join(shard.read_bytes() for shard in shards[piece.group])
        variable.assign(_array(path, piece, groups[piece.group]))
    if left:
        raise ForeignError(f"{path}: holds weights of no layer: {', '.join(list(left)[:3])}")
    return model


def _array(path: Path, piece: Piece, data: bytes) -> NDArray[np.float32]:
    kind = np.dtype(TYPES[piece.dtype])
    flat = np.frombuffer(data, kind, math.prod(piece.shape), piece.offset).astype(np.float32)
    flat = flat * np.float32(piece.scale) + np.float32(piece.minimum)
    if not np.isfinite(flat).all():
        raise ForeignError(f"{path}: {piece.name} holds values that are not finite")
    return np.asarray(flat.reshape(piece.shape), np.float32)


def _shards(path: Path, content: dict[str, Any]) -> list[list[Path]]:
    manifest = content.get("weightsManifest")
    if not isinstance(manifest, list) or not all(isinstance(g, dict) for g in manifest):
        raise ForeignError(f"{path}: weightsManifest is missing: the weights are not to be found")
    folder, groups = path.parent.resolve(), []
    for group in manifest:
        names = group.get("paths")
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise ForeignError(f"{path}: weightsManifest has a group without paths")
        shards = []
        for name in names:
            shard = Path(name)
            if shard.is_absolute() or ".." in shard.parts or "\0" in name or "://" in name:
                raise ForeignError(f"{path}: shard {name[:80]!r} lies outside the folder: refused")
            found = folder / shard
            if not found.resolve().is_relative_to(folder):
                raise ForeignError(f"{path}: shard {name[:80]!r} lies outside the folder: refused")
            if not found.is_file():
                raise ForeignError(f"{path}: shard {name[:80]!r} is not there: copy it too")
            shards.append(found)
        groups.append(shards)
    return groups


def _pieces(path: Path, content: dict[str, Any]) -> list[Piece]:
    """The manifest, its sizes compared with the shards'."""
    pieces: list[Piece] = []
    shards = _shards(path, content)
    for number, group in enumerate(content["weightsManifest"]):
        offset, weights = 0, group.get("weights")
        if not isinstance(weights, list):
            raise ForeignError(f"{path}: weightsManifest has a group without weights")
        for entry in weights:
            pieces.append(_piece(path, entry, number, offset))
            offset += pieces[-1].size
        there = sum(shard.stat().st_size for shard in shards[number])
        if there != offset:
            names = ", ".join(shard.name for shard in shards[number][:3]) or "no shards"
            raise ForeignError(f"{path}: {names}: {there} bytes, the manifest says {offset}")
    if sum(4 * math.prod(piece.shape) for piece in pieces) > MOST_BYTES:
        raise ForeignError(f"{path}: holds more than {MOST_BYTES >> 20} MB of weights")
    if len({piece.name for piece in pieces}) != len(pieces):
        raise ForeignError(f"{path}: weightsManifest holds a name twice")
    return pieces


def _piece(path: Path, entry: Any, group: int, offset: int) -> Piece:
    try:
        name, shape = entry["name"], entry["shape"]
        quantised = entry.get("quantization") or {}
        dtype = quantised.get("dtype", entry["dtype"])
        scale, minimum = float(quantised.get("scale", 1.0)), float(quantised.get("min", 0.0))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise ForeignError(f"{path}: weightsManifest has a weight without name or shape") from None
    good = isinstance(name, str) and isinstance(shape, list)
    if not good or not all(type(n) is int and 0 < n <= MOST_BYTES for n in shape):
        raise ForeignError(f"{path}: {str(name)[:80]} has an absurd shape {str(shape)[:80]}")
    if len(shape) > 8 or entry.get("dtype") != "float32" or dtype not in TYPES:
        raise ForeignError(f"{path}: {name[:80]} is of the type {str(dtype)[:20]}, not float32")
    if not (math.isfinite(scale) and math.isfinite(minimum)):
        raise ForeignError(f"{path}: {name[:80]} has a quantization that is not finite")
    return Piece(name, tuple(shape), group, offset, dtype, scale, minimum)


def _variables(model: Any, outer: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    """Every weight with the names that lead to it: models, layer, weight."""
    found: list[tuple[tuple[str, ...], Any]] = []
    for layer in model.layers:
        if hasattr(layer, "layers"):
            found += _variables(layer, (*outer, layer.name))
        else:
            found += [((*outer, layer.name, w.name), w) for w in layer.weights]
    return found


def _named(path: Path, left: dict[str, Piece], place: tuple[str, ...]) -> str:
    """The manifest's name of a weight: its layer's and its own, models before them or not."""
    *_, layer, weight = place
    tails = {(layer, weight)} | {(layer, old) for old, new in RENAMED.items() if new == weight}
    names = [n for n in left if tuple(n.split(":")[0].split("/")[-2:]) in tails]
    if len(names) > 1:
        names = [n for n in names if set(place[:-2]) <= set(n.split("/"))]
    if len(names) != 1:
        count = "no" if not names else "several"
        raise ForeignError(f"{path}: has {count} weights for {'/'.join(place)}")
    return names[0]


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
    kind, config = entry["class_name"], entry["config"]
    if kind in MODELS:
        return _model(entry, path, depth + 1)
    name = str(config.get("name"))[:60]
    if kind not in LAYERS:
        raise ForeignError(
            f"{path}: layer {name}: {sampling(str(kind)) or str(kind)[:60]}: refused"
        )
    config = dict(config)
    if kind == "LeakyReLU" and "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    if kind == "BatchNormalization" and config.get("renorm"):
        raise ForeignError(f"{path}: layer {name}: renorm is unknown to Keras 3")
    wanted = {k: v for k, v in config.items() if k in LAYERS[kind] and v is not None}
    for key, value in config.items():
        idle = key in IDLE or key.endswith(("_initializer", "_regularizer", "_constraint"))
        if key not in LAYERS[kind] and not idle and value is not None:
            raise ForeignError(f"{path}: layer {name}: setting {key[:60]} is unknown for {kind}")
    if wanted.get("data_format", "channels_last") != "channels_last":
        raise ForeignError(f"{path}: layer {name}: only channels_last is played")
    if isinstance(wanted.get("activation", ""), dict):
        wanted["activation"] = wanted["activation"].get("class_name")
    if wanted.get("activation", "linear") not in ACTIVATIONS:
        raise ForeignError(f"{path}: layer {name}: activation {wanted['activation']!s:.60} refused")
    if kind == "BatchNormalization" and isinstance(wanted.get("axis"), list):
        (wanted["axis"],) = wanted["axis"]
    from keras import layers

    return getattr(layers, kind)(**wanted, name=config.get("name"))


def sampling(kind: str) -> str:
    """What to tell of a layer that draws a VAE's latents; "" of any other."""
    if "sampl" in kind.lower() and "UpSampl" not in kind:
        return f"{kind[:60]}: a sampling layer is code: export the encoder's mean output"
    return ""
