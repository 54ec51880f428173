"""Reads a pack's `decoder.keras` as a stack of layers, without Keras or TensorFlow.

The format: a zip of `config.json`, which describes the layers, and `model.weights.h5`. Its checks
are those of `models/keras_files/`. No code in the file is run.
"""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import h5py
import numpy as np

from latentpad.engine.decode.keras_layers import Call, Stack, Tensor, UnsupportedDecoder, add_layer
from latentpad.engine.decode.layers import Layer, Pointwise
from latentpad.models.keras_files import archive
from latentpad.models.keras_files.description import parse_description
from latentpad.models.packs.pack import Pack, PackError
from latentpad.models.representation import Floats
from latentpad.models.text import printable, reason

DAMAGED = (*archive.DAMAGED, TypeError, AttributeError, IndexError, ArithmeticError)


def read_layers(pack: Pack) -> tuple[Layer, ...]:
    """The layers of a pack's decoder in an order in which they can be computed.

    The first is the latent, the last (frames, columns) in 0...1. Raises `PackError` for a malformed
    file, and `UnsupportedDecoder` for a model that only Keras can decode.
    """

    def complain(what: str) -> PackError:
        return PackError(f"{pack.path}: {pack.decoder_path.name} {printable(what)}")

    members = archive.members(pack.decoder_path, complain)
    archive.weight_count(members["model.weights.h5"], complain)
    description = parse_description(members["config.json"], None, complain)
    try:
        with h5py.File(io.BytesIO(members["model.weights.h5"]), "r") as file:
            stack, output = _read(description, file)
    except UnsupportedDecoder as error:
        raise UnsupportedDecoder(f"{pack.path}: {pack.decoder_path.name} {error}") from None
    except DAMAGED as error:
        raise complain(f"is damaged: {reason(error)}") from None
    r = pack.representation
    latent, sound = (stack.layers[0].channels,), (len(output.frames), output.channels)
    if (latent, sound) != ((pack.latent_dim,), (r.frames, r.columns)) or output.axes != 2:
        raise complain(
            f"maps {latent} to {sound}, model.toml says {(pack.latent_dim,)} to "
            f"{(r.frames, r.columns)}"
        )
    if not np.array_equal(output.frames, np.arange(stack.layers[output.layer].frames)):
        output = stack.add_framewise([output], output.channels, Pointwise())
    return _reachable(stack.layers, output.layer)


def _reachable(layers: list[Layer], output: int) -> tuple[Layer, ...]:
    """The layers that `output` is computed from, and the first one."""
    wanted = {0, output}
    for k in range(output, 0, -1):
        if k in wanted:
            wanted |= {source.layer for source in layers[k].sources}
    number = {k: n for n, k in enumerate(sorted(wanted))}
    return tuple(
        replace(
            layers[k],
            sources=tuple(replace(s, layer=number[s.layer]) for s in layers[k].sources),
        )
        for k in number
    )


def _read(description: dict[str, Any], file: h5py.File) -> tuple[Stack, Tensor]:
    kind, config = str(description["class_name"]), description["config"]
    if kind not in ("Functional", "Sequential"):
        raise UnsupportedDecoder(f"is a {kind[:60]}")
    functional = kind == "Functional"
    stack, tensors, used = Stack(), dict[str, Tensor](), dict[str, int]()
    last = ""
    for node in config["layers"]:
        kind, name, settings = str(node["class_name"]), str(node["config"]["name"]), node["config"]
        if settings.get("dtype") not in (None, "float32"):
            raise UnsupportedDecoder(f"has a layer, {name[:60]}, that is not computed in float32")
        if kind == "InputLayer":
            if stack.layers:
                raise UnsupportedDecoder("has several inputs")
            tensors[name] = _input(stack, settings)
            if functional:
                _group(kind, used)
        else:
            before = _inputs(node) if functional else [last]
            if missing := [n for n in before if n not in tensors]:
                raise ValueError(f"{name[:60]} takes {missing[0][:60]!r}, which is not before it")
            weights = _weights(file, _group(kind, used))
            taken = [tensors[n] for n in before]
            tensors[name] = add_layer(Call(kind, settings, taken, weights, stack))
        last = name
    return stack, tensors[_only(config["output_layers"]) if functional else last]


def _input(stack: Stack, config: dict[str, Any]) -> Tensor:
    shape = config["batch_shape"]
    if len(shape) != 2:
        raise UnsupportedDecoder(f"takes {shape[1:]}, no latent vector")
    return stack.add([], 1, int(shape[1]), 1, Pointwise())


def _inputs(node: dict[str, Any]) -> list[str]:
    """The names of the layers whose outputs a layer takes."""
    name = str(node["config"]["name"])[:60]
    if len(node["inbound_nodes"]) != 1:
        raise UnsupportedDecoder(f"calls a layer, {name}, more than once")
    call = node["inbound_nodes"][0]
    if any(value not in (None, False) for value in call["kwargs"].values()):
        raise UnsupportedDecoder(f"calls a layer, {name}, with arguments")
    args = call["args"]
    if len(args) == 1 and isinstance(args[0], list):
        args = args[0]
    return [_only(tensor["config"]["keras_history"]) for tensor in args]


def _only(history: list[Any]) -> str:
    """The layer in a reference [name, call, output], which must be its first call and output."""
    if len(history) == 1:
        history = history[0]
    name, *numbers = history
    if numbers != [0, 0]:
        raise UnsupportedDecoder("has several outputs, or calls a layer more than once")
    return str(name)


def _group(kind: str, used: dict[str, int]) -> str:
    """The name by which Keras stores a layer's weights: its class, and a number from the second."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    used[name] = used.get(name, -1) + 1
    return f"{name}_{used[name]}" if used[name] else name


def _weights(file: h5py.File, group: str) -> list[Floats]:
    if f"layers/{group}/vars" not in file:
        return []
    stored = file[f"layers/{group}/vars"]
    weights = [stored[str(k)] for k in range(len(stored))]
    if any(weight.dtype.kind != "f" for weight in weights):
        raise UnsupportedDecoder(f"has weights, {group}, of another type than float")
    arrays = [np.asarray(weight[...], np.float32) for weight in weights]
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError(f"{group} holds values that are not finite")
    return arrays
