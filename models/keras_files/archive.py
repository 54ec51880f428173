"""Opens `.keras` files from other people: only Keras' own layers, complete weights, and no code.

The layers that a file names, and the sizes that it claims, are checked before Keras opens it in
safe mode. The format: a zip of `config.json`, `metadata.json` and `model.weights.h5`.
"""

from __future__ import annotations

import io
import lzma
import math
import re
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from latentpad.models.keras_files import description as keras_description
from latentpad.models.keras_files.memory import MOST_BYTES, Complain, keras_reason, shapes_only

MEMBERS = ("config.json", "metadata.json", "model.weights.h5")
MOST_CONFIG = 16 << 20
MOST_PACKED = 100  # largest compression ratio: that of weights is much smaller
MOST_NODES = 10_000  # groups and arrays of the weights
DEEPEST = 40  # groups within groups
DAMAGED = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, ValueError, OSError,
    RuntimeError, EOFError, OverflowError, RecursionError, MemoryError, KeyError, struct.error,
)  # fmt: skip


def load(path: Path, complain: Complain) -> Any:
    """The Keras model of a file with its weights, each of them finite.

    Inputs and outputs are a tensor, or a list of them; named outputs are listed in `output_order`.
    Raises `complain`. Imports Keras and its backend, which takes seconds.
    """
    text, weights_held = _opened(path, complain)
    _weighed(text, weights_held, complain)
    description = keras_description.parse_description(text, None, complain)
    import keras

    try:
        # For missing weights, or those that do not fit, Keras may only warn. Its errors say more
        # than its warnings, so the warnings are checked last.
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = keras.saving.deserialize_keras_object(description, safe_mode=True)
            model.load_weights(path)
    # Keras' layers raise various exceptions for a malformed file.
    except Exception as error:
        raise complain(f"cannot be loaded: {keras_reason(error)}") from None
    for warning in (w.message for w in caught if isinstance(w.message, Warning)):
        if re.match("A total of|Skipping nested container", str(warning)):
            raise complain(f"cannot be loaded: {keras_reason(warning)}")
    for weight in model.weights:
        if not np.isfinite(np.asarray(weight, np.float32)).all():
            raise complain(f"is damaged: {weight.path} holds values that are not finite")
    return _with_plain_ends(model)


def output_order(output: str) -> tuple[int, str]:
    """Sort key of a VAE's outputs by name: means, then log variances, then others."""
    if re.search(r"mean|mu\b", output):
        return 0, output
    return (1 if re.search(r"log|var", output) else 2), output


def _with_plain_ends(model: Any) -> Any:
    """The model with tensors or lists of them for inputs and outputs that are nested or dicts."""
    import keras

    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if all(isinstance(end, keras.KerasTensor) for end in (model.input, model.output)):
        return model
    outputs = model.output
    if isinstance(outputs, dict):
        outputs = [outputs[name] for name in sorted(outputs, key=output_order)]
    ends = (keras.tree.flatten(end) for end in (model.inputs, outputs))
    return keras.Model(*(end[0] if len(end) == 1 else end for end in ends), name=model.name)


def outline(path: Path, complain: Complain) -> Any:
    """The model with shapes only, for a batch of one; its weights are counted.

    Raises `complain`.
    """
    return _weighed(*_opened(path, complain), complain)


def _weighed(text: bytes, weights_held: int, complain: Complain) -> Any:
    import keras

    # For one sound, so that all axes have a fixed length.
    single = keras_description.parse_description(text, 1, complain)

    def make() -> Any:
        model = keras.saving.deserialize_keras_object(single, safe_mode=True)
        if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
            raise complain("is no Functional or Sequential model of known input shape")
        if not model.outputs or any(t.shape[0] != 1 for t in model.outputs):
            raise complain("does not give one sound for one latent vector")
        return model

    return shapes_only(make, weights_held, complain)


def _opened(path: Path, complain: Complain) -> tuple[bytes, int]:
    """The contents of config.json, and how many numbers the weights have."""
    files = members(path, complain)
    return files["config.json"], weight_count(files["model.weights.h5"], complain)


def members(path: Path, complain: Complain) -> dict[str, bytes]:
    """The three members of a `.keras` file, after checks of their sizes.

    Raises `complain`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            listed = {m.filename: m for m in archive.infolist()}
            size = sum(m.file_size for m in listed.values())
            packed = sum(m.compress_size for m in listed.values())
            if missing := [n for n in MEMBERS if n not in listed]:
                raise complain(f"is no Keras 3 file: {missing[0]} is missing")
            if others := [n for n in listed if n not in MEMBERS]:
                raise complain(f"holds {others[0][:60]!r}, more than a plain model")
            if len(archive.infolist()) != len(listed):
                raise complain("is no Keras 3 file: it holds a name twice")
            bomb = size > MOST_CONFIG and size > MOST_PACKED * packed
            if listed["config.json"].file_size > MOST_CONFIG or size > MOST_BYTES or bomb:
                raise complain(f"unpacks to {size >> 20} MB: refused")
            return {name: archive.read(name) for name in MEMBERS}
    except DAMAGED as error:
        raise complain(f"is no Keras 3 file: {keras_reason(error)}") from None


def _numbers(array: Any) -> bool:
    # HDF5 has no bfloat16: Keras stores two bytes and an attribute with the type.
    halves = array.dtype == "V2" and str(array.attrs.get("dtype")) == "bfloat16"
    return array.dtype.kind in "fiub" or halves


def weight_count(data: bytes, complain: Complain) -> int:
    """How many numbers an HDF5 file of weights has. Checks that all of them are in the file.

    Raises `complain`.
    """
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
                    plain = isinstance(node, h5py.Dataset) and _numbers(node)
                    if not plain or node.external or node.is_virtual:
                        raise complain(f"is damaged: model.weights.h5: {key[:60]!r} is no weight")
                    if node.id.get_storage_size() < node.nbytes:
                        raise complain(f"is damaged: {node.name[:80]} was never written whole")
                    count += math.prod(node.shape)
    except (*DAMAGED, TypeError) as error:
        raise complain(
            f"is damaged: model.weights.h5 cannot be read: {keras_reason(error)}"
        ) from None
    if 4 * count > MOST_BYTES:
        raise complain(f"holds more than {MOST_BYTES >> 20} MB of weights")
    return count
