"""The weights of a rebuilt model: the array of each variable, by its name in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentpad.models.importing import keras2_layers
from latentpad.models.importing.keras2_layers import Names
from latentpad.models.importing.layout import ForeignError

RENAMED = {"depthwise_kernel": "kernel"}  # Keras 2's name of DepthwiseConv2D's weights
NUMBERED = re.compile(r"(?P<group>.+)/vars/(?P<number>[0-9]+)")  # as `.keras` files name arrays


class Array(NamedTuple):
    """One array of a file, which is read on demand."""

    shape: tuple[int, ...]
    read: Callable[[], NDArray[Any]]


def fill(model: Any, description: Any, path: Path, arrays: Mapping[str, Array]) -> None:
    """Give every variable of a rebuilt model its array, by name. Raises ForeignError.

    Names are LAYER/WEIGHT, models before them or not, or those of a `.keras` file's groups.
    """
    remaining = dict(arrays)
    numbered = bool(remaining) and all(map(NUMBERED.fullmatch, remaining))
    groups = dict(keras2_layers.groups(description)) if numbered else {}
    for names_of_weight, number, variable in variables(model):
        name = (
            f"{groups.get(names_of_weight[:-1])}/vars/{number}"
            if numbered
            else _named(path, remaining, names_of_weight)
        )
        array = remaining.pop(name, None)
        if array is None:
            raise ForeignError(f"{path}: has no weights for {'/'.join(names_of_weight)}")
        if array.shape != tuple(variable.shape):
            raise ForeignError(
                f"{path}: {name} has the shape {array.shape}, its layer {tuple(variable.shape)}"
            )
        value = np.asarray(array.read(), np.float32)
        if not np.isfinite(value).all():
            raise ForeignError(f"{path}: {name} holds values that are not finite")
        variable.assign(value)
    if remaining:
        raise ForeignError(f"{path}: holds weights of no layer: {', '.join(list(remaining)[:3])}")


def variables(model: Any, outer: Names = ()) -> Iterator[tuple[Names, int, Any]]:
    """Every weight with the names (models, layer, weight), and its number in the layer."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from variables(layer, (*outer, layer.name))
        else:
            for number, weight in enumerate(layer.weights):
                yield (*outer, layer.name, weight.name), number, weight


def _named(path: Path, remaining: Mapping[str, Array], names_of_weight: Names) -> str:
    """The name of a weight in the file: layer and weight, with or without models before them."""
    *_, layer, weight = names_of_weight
    tails = {(layer, weight)} | {(layer, old) for old, new in RENAMED.items() if new == weight}
    names = [n for n in remaining if tuple(n.split(":")[0].split("/")[-2:]) in tails]
    if len(names) > 1:
        names = [n for n in names if set(names_of_weight[:-2]) <= set(n.split("/"))]
    if len(names) != 1:
        count = "no" if not names else "several"
        raise ForeignError(f"{path}: has {count} weights for {'/'.join(names_of_weight)}")
    return names[0]
