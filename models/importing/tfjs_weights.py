"""The weights of a TensorFlow.js model: the manifest in `model.json`, and its binary shards.

The format: tfjs-core's `io.decodeWeights`, quantised or not. Sizes are compared with the files'
sizes before memory is allocated, and no shard may be outside the model's folder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentpad.models.importing.layout import ForeignError
from latentpad.models.importing.weights import Array
from latentpad.models.keras_files.memory import MOST_BYTES

TYPES = {"float32": "<f4", "float16": "<f2", "uint8": "u1", "uint16": "<u2"}


@dataclass(frozen=True)
class Piece:
    """One array of the manifest, and the position of its bytes in its group of shards."""

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


def arrays(path: Path, content: dict[str, Any]) -> dict[str, Array]:
    """Every array of the manifest by its name, unread. Raises ForeignError."""
    shards = _shards(path, content)

    @cache
    def group(number: int) -> bytes:
        return b"".join(shard.read_bytes() for shard in shards[number])

    def array(piece: Piece) -> Array:
        return Array(piece.shape, lambda: _array(path, piece, group(piece.group)))

    return {piece.name: array(piece) for piece in pieces(path, content)}


def pieces(path: Path, content: dict[str, Any]) -> list[Piece]:
    """The manifest, its sizes compared with the shards'."""
    result: list[Piece] = []
    shards = _shards(path, content)
    for number, group in enumerate(content["weightsManifest"]):
        offset, weights = 0, group.get("weights")
        if not isinstance(weights, list):
            raise ForeignError(f"{path}: weightsManifest has a group without weights")
        for entry in weights:
            result.append(_piece(path, entry, number, offset))
            offset += result[-1].size
        byte_count = sum(shard.stat().st_size for shard in shards[number])
        if byte_count != offset:
            names = ", ".join(shard.name for shard in shards[number][:3]) or "no shards"
            raise ForeignError(f"{path}: {names}: {byte_count} bytes, the manifest says {offset}")
    if sum(4 * math.prod(piece.shape) for piece in result) > MOST_BYTES:
        raise ForeignError(f"{path}: holds more than {MOST_BYTES >> 20} MB of weights")
    if len({piece.name for piece in result}) != len(result):
        raise ForeignError(f"{path}: weightsManifest holds a name twice")
    return result


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
            shard_path = folder / shard
            try:
                inside, exists = shard_path.resolve().is_relative_to(folder), shard_path.is_file()
            except (OSError, RuntimeError):  # a name too long, a loop of links
                inside, exists = True, False
            if not inside:
                raise ForeignError(f"{path}: shard {name[:80]!r} lies outside the folder: refused")
            if not exists:
                raise ForeignError(f"{path}: shard {name[:80]!r} is not there: copy it too")
            shards.append(shard_path)
        groups.append(shards)
    return groups


def _array(path: Path, piece: Piece, data: bytes) -> NDArray[np.float32]:
    kind = np.dtype(TYPES[piece.dtype])
    flat = np.frombuffer(data, kind, math.prod(piece.shape), piece.offset).astype(np.float32)
    flat = flat * np.float32(piece.scale) + np.float32(piece.minimum)
    return np.asarray(flat.reshape(piece.shape), np.float32)
