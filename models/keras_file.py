"""Opening `.keras` files from strangers: Keras' own layers, whole weights, and no code.

What a file names, and how much it claims, is known before Keras sees it; then Keras opens it in
safe mode. The format: a zip of `config.json`, `metadata.json` and `model.weights.h5`.
"""

from __future__ import annotations

import io
import json
import lzma
import math
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from models.weighing import MOST_BYTES, Complain, reason, weighed

MEMBERS = ("config.json", "metadata.json", "model.weights.h5")
MOST_CONFIG = 16 << 20
MOST_PACKED = 100  # times smaller than what it unpacks to: no weights are
MOST_NODES = 10_000  # groups and arrays of the weights
DEEPEST = 40  # groups within groups
# Where Keras says a class comes from. Not all of `keras`: keras.utils, for one, can download.
PLACES = (
    "keras.layers", "keras.models", "keras.initializers", "keras.activations",
    "keras.regularizers", "keras.constraints", "keras.src.models", "keras.src.layers",
    "keras.src.ops", "builtins",
)  # fmt: skip
REFUSED = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
DAMAGED = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, ValueError, OSError,
    RuntimeError, EOFError, OverflowError, RecursionError, MemoryError, KeyError, struct.error,
)  # fmt: skip


def load(path: Path, complain: Complain) -> Any:
    """The Keras model of a file with its weights, each of them finite.

    Raises `complain`. Imports Keras and its backend, which takes seconds.
    """
    outline(path, complain)
    import keras

    try:
        with warnings.catch_warnings():
            # Of weights that do not fit their layer some versions of Keras only warn.
            warnings.filterwarnings("error", message="A total of")
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    # Keras raises whatever its layers raise on a malformed file.
    except Exception as error:
        raise complain(f"cannot be loaded: {reason(error)}") from None
    for weight in model.weights:
        if not np.isfinite(np.asarray(weight, np.float32)).all():
            raise complain(f"is damaged: {weight.path} holds values that are not finite")
    return model


def outline(path: Path, complain: Complain) -> Any:
    """The model with shapes and no weights, which are only counted. Raises `complain`."""
    config, held = _opened(path, complain)
    if "compile_config" in config:
        config = {**config, "compile_config": None}
    import keras

    def make() -> Any:
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
            raise complain("is no Functional or Sequential model of known input shape")
        return model

    return weighed(make, held, complain)


def sampling(kind: str) -> str:
    """What to tell of a layer that draws a VAE's latents; "" of any other."""
    if "sampl" in kind.lower() and "UpSampl" not in kind:
        return f"{kind[:60]}: a sampling layer is code: export the encoder's mean output"
    return ""


def _opened(path: Path, complain: Complain) -> tuple[dict[str, Any], int]:
    """config.json, checked to name Keras' layers only, and how many numbers the weights are."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {m.filename: m for m in archive.infolist()}
            size = sum(m.file_size for m in members.values())
            packed = sum(m.compress_size for m in members.values())
            if missing := [n for n in MEMBERS if n not in members]:
                raise complain(f"is no Keras 3 file: {missing[0]} is missing")
            if others := [n for n in members if n not in MEMBERS]:
                raise complain(f"holds {others[0][:60]!r}, more than a plain model")
            if len(archive.infolist()) != len(members):
                raise complain("is no Keras 3 file: it holds a name twice")
            bomb = size > MOST_CONFIG and size > MOST_PACKED * packed
            if members["config.json"].file_size > MOST_CONFIG or size > MOST_BYTES or bomb:
                raise complain(f"unpacks to {size >> 20} MB: refused")
            config = json.loads(archive.read("config.json"))
            held = _held(archive.read("model.weights.h5"), complain)
    except DAMAGED as error:
        raise complain(f"is no Keras 3 file: {reason(error)}") from None
    if not isinstance(config, dict):
        raise complain("is no Keras 3 file: config.json describes no model")
    _plain(config, complain)
    return config, held


def _plain(config: Any, complain: Complain) -> None:
    """Refuse a description that names anything but Keras' own layers."""
    waiting: list[Any] = [config]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        if not isinstance(node, dict):
            continue
        waiting.extend(node.values())
        if "class_name" not in node:
            continue
        name, place = str(node["class_name"])[:60], node.get("module")
        own = node.get("registered_name") not in (None, node["class_name"])
        # Keras writes a DType, a tensor's and a slice's description without a module.
        known = place in (None, "keras") or any(
            place == p or str(place).startswith(p + ".") for p in PLACES
        )
        if name in REFUSED or own or not known:
            told = f"{str(place)[:60]}.{name}, code that is not Keras' own layers"
            raise complain(f"holds {sampling(name) or told}: refused")


def _held(data: bytes, complain: Complain) -> int:
    """How many numbers an HDF5 file of weights holds; nothing outside it, no more than it has."""
    import h5py

    count, seen = 0, 0
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            waiting = [(file, 0)]
            while waiting:
                group, depth = waiting.pop()
                for key in group:
                    seen += 1
                    link = group.get(key, getlink=True)
                    if not isinstance(link, h5py.HardLink):
                        raise complain("has links in model.weights.h5: refused")
                    if seen > MOST_NODES or depth > DEEPEST:
                        raise complain("is damaged: model.weights.h5 is no tree of layers")
                    node = group[key]
                    if isinstance(node, h5py.Group):
                        waiting.append((node, depth + 1))
                        continue
                    plain = isinstance(node, h5py.Dataset) and node.dtype.kind in "fiub"
                    if not plain or node.external or node.is_virtual:
                        raise complain(f"is damaged: model.weights.h5: {key[:60]!r} is no weight")
                    if node.id.get_storage_size() < node.nbytes:
                        raise complain(f"is damaged: {node.name[:80]} was never written whole")
                    count += math.prod(node.shape)
    except (*DAMAGED, TypeError) as error:
        raise complain(f"is damaged: model.weights.h5 cannot be read: {reason(error)}") from None
    if 4 * count > MOST_BYTES:
        raise complain(f"holds more than {MOST_BYTES >> 20} MB of weights")
    return count
