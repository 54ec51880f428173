"""Opening a pack's Keras files: layers of Keras itself, and nothing that can run code."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from models.pack import Pack, PackError

# Where Keras says a class comes from. Not all of `keras`: keras.utils, for one, can download.
PLACES = (
    "keras.layers", "keras.models", "keras.initializers", "keras.activations",
    "keras.regularizers", "keras.constraints", "keras.src.models", "keras.src.layers",
    "keras.src.ops", "builtins",
)  # fmt: skip
REFUSED = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})


def load_decoder(pack: Pack) -> Any:
    """The Keras model (batch, latent) -> (batch, frames, bins) in 0...1. Raises PackError.

    Imports Keras and its backend, which takes seconds.
    """
    r = pack.representation
    return _load(pack, pack.decoder_path, (pack.latent_dim,), (r.frames, r.bins))


def load_encoder(pack: Pack) -> Any:
    """The Keras model (batch, frames, bins) -> (batch, 2 * latent): means, log variances.

    Raises PackError. Imports Keras and its backend, which takes seconds.
    """
    r = pack.representation
    if not pack.has_encoder:
        raise PackError(f"{pack.path}: has no encoder, so sounds cannot be placed by it")
    return _load(pack, pack.encoder_path, (r.frames, r.bins), (2 * pack.latent_dim,))


def _load(pack: Pack, path: Path, given: tuple[int, ...], made: tuple[int, ...]) -> Any:
    _inspect(pack, path)
    import keras

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
        shapes = tuple(model.input_shape[1:]), tuple(model.output_shape[1:])
    # Keras raises whatever its layers raise on a malformed file.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise PackError(f"{pack.path}: {path.name} cannot be loaded: {reason}") from None
    if shapes != (given, made):
        raise PackError(
            f"{pack.path}: {path.name} maps {shapes[0]} to {shapes[1]}, "
            f"model.toml says {given} to {made}"
        )
    return model


def _inspect(pack: Pack, path: Path) -> None:
    """Refuse, before Keras sees it, a file that names anything but Keras' own layers."""
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise PackError(f"{pack.path}: {path.name} is no Keras file: {reason}") from None
    waiting: list[Any] = [config]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            waiting.extend(node.values())
            if "class_name" not in node:
                continue
            name, place = str(node["class_name"]), node.get("module")
            # Keras writes a DType, a tensor's and a slice's description without a module.
            known = place is None or any(
                place == known or str(place).startswith(known + ".") for known in PLACES
            )
            own = node.get("registered_name") not in (None, name) or name in REFUSED
            if own or not (known or str(place) == "keras"):
                raise PackError(
                    f"{pack.path}: {path.name} holds {place}.{name}, code that is not Keras' own "
                    "layers: refused"
                )
