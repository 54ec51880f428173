"""Encodes sound files, given as bytes, to latents of a model, a batch at a time.

`encode_batch` depends only on its arguments and can be pickled, so a thread, a process or a worker
of a Dask cluster can run it. It keeps the loaded encoder for the next batch.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from latentpad.models.audio.descriptors import MEASURED, measure
from latentpad.models.audio.reading import Unreadable, read_mono
from latentpad.models.libraries import STEPS
from latentpad.models.packs import pack as packs
from latentpad.models.packs.files import sensible
from latentpad.models.representation import FLOOR, Floats, outline

if TYPE_CHECKING:
    from latentpad.models.refinement import Refinement

Loaded = TypeVar("Loaded")

_loading = threading.Lock()
_encoding = threading.Lock()  # TensorFlow uses all cores: one batch at a time


class Encoded(NamedTuple):
    """The B sounds of a batch; a row with a reason is all zeros. Can be pickled."""

    latents: Floats  # (B, D)
    loudness: Floats  # (B,) dBFS, see models.packs.pack.Anchors
    onset: Floats  # (B,) frame
    descriptors: Floats  # (B, K) models.audio.descriptors.MEASURED
    duration: Floats  # (B,) s of the whole file
    reasons: tuple[str, ...]  # (B,) why a sound could not be read, "" if it could
    encoder: str  # sha256 of the encoder that was used


def encode_batch(pack_path: str, sounds: list[bytes], steps: int = STEPS) -> Encoded:
    """Decode, cut and encode B files' bytes. Any thread or process; the first call takes seconds.

    Args:
        pack_path: folder of the pack, on the machine on which this runs.
        sounds: whole files, anything libsndfile reads, any rate, channels, length.
        steps: of `models.refinement`; 0: the sounds stay where the encoder places them.

    Raises:
        models.packs.pack.PackError: the pack or its encoder cannot be loaded.
    """
    encoder, pack, identity = _at_present(_load, pack_path)
    r = pack.representation
    scaled = np.zeros((len(sounds), r.frames, r.bins), np.float32)
    loudness, onset, duration = np.zeros((3, len(sounds)), np.float32)
    descriptors = np.zeros((len(sounds), len(MEASURED)), np.float32)
    reasons = [""] * len(sounds)
    for i, data in enumerate(sounds):
        try:
            audio, duration[i] = read_mono(data, r)
        except Unreadable as error:
            reasons[i] = str(error)
            continue
        magnitudes = r.magnitudes(audio)
        decibels = r.decibels(magnitudes)
        level, onset[i], _ = outline(decibels, r)
        loudness[i] = level + 20 * np.log10(max(float(magnitudes.max()), FLOOR))
        descriptors[i] = measure(decibels, r)
        scaled[i] = r.scaled(decibels)
    with _encoding:
        encoded = np.asarray(encoder(scaled, training=False), np.float32)
        latents = encoded[:, : pack.latent_dim].copy()
        if steps:
            latents = _at_present(_refinement, pack_path, steps)(latents, scaled)
    for i, latent in enumerate(latents):
        if not sensible(latent):
            reasons[i] = reasons[i] or "the model finds no place for it"
    latents[[bool(reason) for reason in reasons]] = 0
    return Encoded(latents, loudness, onset, descriptors, duration, tuple(reasons), identity)


def encoder_hash(pack_path: Path) -> str:
    """The sha256 of the encoder's file, which identifies the latent space. Raises OSError.

    That of the decoder if a pack has no encoder; then only sound maps place its sounds.
    """
    encoder = pack_path / "encoder.keras"
    with (encoder if encoder.is_file() else pack_path / "decoder.keras").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _at_present(load: Callable[..., Loaded], pack_path: str, *args: int) -> Loaded:
    """What `load` makes of the pack as it is now: it may be replaced while a worker lives."""
    file = Path(pack_path) / "encoder.keras"
    with _loading:
        return load(pack_path, file.stat().st_mtime_ns if file.exists() else 0, *args)


@lru_cache(maxsize=2)
def _load(pack_path: str, written: int) -> tuple[Any, packs.Pack, str]:
    from latentpad.models.packs import networks

    pack = packs.load(pack_path)
    return networks.load_encoder(pack), pack, encoder_hash(pack.path)


@lru_cache(maxsize=2)
def _refinement(pack_path: str, written: int, steps: int) -> Refinement:
    from latentpad.models.packs import networks
    from latentpad.models.refinement import Refinement

    _, pack, _ = _load(pack_path, written)
    return Refinement(networks.load_decoder(pack), pack.representation, steps)
