"""Keras 2's files: `.keras` of 2.13 to 2.15, a zip; and HDF5, `.h5` or 2.12's `.keras`.

Both have the same description as TensorFlow.js models, and HDF5 arrays, whose sizes are checked
before memory is allocated for them.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from latentpad.models.importing import keras2_layers, weights
from latentpad.models.importing.layout import ForeignError
from latentpad.models.keras_files import archive as keras_file
from latentpad.models.keras_files.memory import MOST_BYTES, keras_reason, shapes_only

HDF5 = b"\x89HDF\r\n\x1a\n"
MOST_TEXT = 16 << 20


def is_keras2(path: Path) -> bool:
    """Whether a file is of Keras 2. False for a file that cannot be read."""
    try:
        with path.open("rb") as file:
            if file.read(len(HDF5)) == HDF5:
                return True
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("metadata.json").file_size > MOST_TEXT:
                return False
            version = json.loads(archive.read("metadata.json"))["keras_version"]
            return str(version).startswith("2.")
    except (*keras_file.DAMAGED, TypeError):
        return False


def outline(path: Path) -> Any:
    """The model with shapes only; its weights are counted. Raises ForeignError."""
    return _outlined(path, *_opened(path))


def load(path: Path) -> Any:
    """The Keras 3 model of a file of Keras 2, with its weights. Raises ForeignError."""
    description, file = _opened(path)
    _outlined(path, description, file)
    model = keras2_layers.model(description, path)
    try:
        weights.fill(model, description, path, dict(_arrays(file)))
    except keras_file.DAMAGED as error:
        raise ForeignError(f"{path}: is damaged: {keras_reason(error)}") from None
    return model


def _outlined(path: Path, description: Any, group: Any) -> Any:
    weight_count = sum(math.prod(array.shape) for _, array in _arrays(group))

    def complain(what: str) -> ForeignError:
        return ForeignError(f"{path}: {what}")

    return shapes_only(lambda: keras2_layers.model(description, path), weight_count, complain)


def _opened(path: Path) -> tuple[Any, Any]:
    """(the model's description, the group of its weights within the HDF5 file)."""

    def complain(what: str) -> ForeignError:
        return ForeignError(f"{path}: {what}")

    with path.open("rb") as start:
        zipped = start.read(len(HDF5)) != HDF5
    if not zipped and path.stat().st_size > MOST_BYTES:
        raise complain(f"is larger than {MOST_BYTES >> 20} MB")
    members = keras_file.members(path, complain) if zipped else {}
    data = members["model.weights.h5"] if zipped else path.read_bytes()
    keras_file.weight_count(data, complain)
    try:
        file = h5py.File(io.BytesIO(data), "r")
        text = members["config.json"] if zipped else file.attrs["model_config"]
        description, group = json.loads(text), file["layers" if zipped else "model_weights"]
    except KeyError:
        raise complain("holds no whole model: save the model, not its weights alone") from None
    except (*keras_file.DAMAGED, TypeError) as error:
        raise complain(f"is damaged: {keras_reason(error)}") from None
    kind = description.get("class_name") if isinstance(description, dict) else None
    if kind not in keras2_layers.MODELS:
        raise complain(f"{str(kind)[:60]!r} is no Sequential or Functional model")
    return description, group


def _arrays(group: Any) -> Iterator[tuple[str, weights.Array]]:
    """Every array of a checked HDF5 tree, with its name."""
    waiting = list(group.values())
    while waiting:
        node = waiting.pop()
        if isinstance(node, h5py.Group):
            waiting.extend(node.values())
        else:
            name = node.name.removeprefix("/")
            yield name, weights.Array(tuple(node.shape), partial(np.asarray, node))
