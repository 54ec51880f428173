"""A pack's encoder and decoder as Keras models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from latentpad.models import extras
from latentpad.models.keras_files import archive
from latentpad.models.packs.pack import Pack, PackError
from latentpad.models.text import printable


def load_decoder(pack: Pack) -> Any:
    """The Keras model (batch, latent) -> (batch, frames, columns) in 0...1.

    Raises PackError, and models.extras.ExtraError without Keras. Imports Keras and its
    backend, which takes seconds.
    """
    r = pack.representation
    return _load(pack, pack.decoder_path, (pack.latent_dim,), (r.frames, r.columns))


def load_encoder(pack: Pack) -> Any:
    """The Keras model (batch, frames, bins) -> (batch, 2 * latent): means, log variances.

    Raises PackError, and models.extras.ExtraError without Keras. Imports Keras and its
    backend, which takes seconds.
    """
    r = pack.representation
    if not pack.has_encoder:
        raise PackError(f"{pack.path}: has no encoder, so sounds cannot be placed by it")
    return _load(pack, pack.encoder_path, (r.frames, r.bins), (2 * pack.latent_dim,))


def _load(
    pack: Pack, path: Path, input_shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> Any:
    def complain(what: str) -> PackError:
        return PackError(f"{pack.path}: {path.name} {printable(what)}")

    extras.check("keras", f"{pack.path}: {path.name} needs Keras")
    model = archive.load(path, complain)
    ends = ((tuple(t.shape[1:]) for t in end) for end in (model.inputs, model.outputs))
    model_input, model_output = (", ".join(map(str, end)) for end in ends)
    if (model_input, model_output) != (str(input_shape), str(output_shape)):
        raise complain(
            f"maps {model_input} to {model_output}, model.toml says {input_shape} to {output_shape}"
        )
    return model
