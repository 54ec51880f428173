"""Adds planes to a pack: maps of its anchors, and descriptors of its sounds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import tomli_w

from latentpad.models import extras
from latentpad.models.audio import descriptors, reading
from latentpad.models.maps import learned, projection
from latentpad.models.maps import picture as plane_picture
from latentpad.models.packs import pack as packs
from latentpad.models.packs.files import Toml
from latentpad.models.packs.pack import DESCRIBED, Pack, PackError
from latentpad.models.progress import ProgressCallback, no_progress
from latentpad.models.representation import Floats

MAPS: dict[str, Callable[[Pack, int, ProgressCallback], Floats]] = {
    "map": lambda pack, seed, progress: projection.tsne(pack.anchors.latents, seed),
    "umap": lambda pack, seed, progress: projection.umap(pack.anchors.latents, seed),
    "learned": lambda pack, seed, progress: learned.learn_map(
        pack.anchors.latents, _decoder(pack), seed, progress
    ),
}
NAMES = (*MAPS, DESCRIBED)
DECODED = 32  # sounds at once


def add(
    pack: Pack,
    name: str,
    *,
    sounds: Path | None = None,
    seed: int = 0,
    default: bool = False,
    progress: ProgressCallback = no_progress,
) -> Pack:
    """Add the plane `name` (one of `NAMES`) to the pack's folder, replacing one that is there.

    Descriptors are measured on the anchors' recordings in the folder `sounds`, found by their ids,
    or else on the decoded anchors (which imports Keras, as learning a map does). `default`: make it
    the pack's default plane. The picture of the default plane is redrawn if this is it. Every file
    is replaced as a whole or not at all. `progress` is called as work goes on. Raises PackError,
    models.maps.projection.MapError, models.audio.reading.AudioError, models.extras.ExtraError; then
    nothing has changed.
    """
    if name == "learned" or (name == DESCRIBED and sounds is None):
        extras.check_tensorflow(f"the plane {name}")
    is_default = default or pack.default_plane == name
    if is_default:
        extras.check("matplotlib", "the picture of a pack's first plane needs Matplotlib")
    if name == DESCRIBED:
        progress("describing the sounds", 0, len(pack.anchors))
        spectrograms = _decoded(pack) if sounds is None else _recorded(pack, sounds)
        measured = descriptors.table(
            _counted(spectrograms, len(pack.anchors), progress), pack.representation
        )
        file_name, content = "descriptors.npz", {**pack.descriptors, **measured}
        changed = replace(pack, descriptors=content)
    elif name in MAPS:
        progress(f"drawing the plane {name}", 0, 0)
        file_name, content = "planes.npz", {**pack.planes, name: MAPS[name](pack, seed, progress)}
        changed = replace(pack, planes=content)
    else:
        raise PackError(f"{pack.path}: no plane {name!r} can be made: choose {', '.join(NAMES)}")
    picture = plane_picture.draw(replace(changed, default_plane=name)) if is_default else None
    try:
        packs.write_arrays(pack.path / file_name, content)
        if default:
            _make_default(pack.path, name)
        if picture is not None:
            _write(pack.path / plane_picture.FILE, picture)
    except OSError as error:
        raise PackError(f"{pack.path}: cannot be written ({error.strerror})") from None
    return packs.load(pack.path)


def _counted(
    spectrograms: Iterable[Floats], count: int, progress: ProgressCallback
) -> Iterator[Floats]:
    for i, frames in enumerate(spectrograms):
        progress("describing the sounds", i, count)
        yield frames


def _recorded(pack: Pack, folder: Path) -> Iterator[Floats]:
    r = pack.representation
    for id in pack.anchors.ids:
        path = folder / str(id)
        if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            raise PackError(
                f"{folder}: holds no {id}: name the folder that {pack.name} was trained on, or "
                "leave it out to measure what the model makes of its sounds"
            )
        yield r.decibels(r.magnitudes(reading.read_samples(path, r)))


def _decoder(pack: Pack) -> Callable[[Floats], Floats]:
    """(n, D) latents to (n, frames, bins) dB. Raises PackError."""
    from latentpad.models.packs import networks

    decoder, r = networks.load_decoder(pack), pack.representation

    def decode(latents: Floats) -> Floats:
        scaled = np.asarray(decoder(latents, training=False), np.float32)
        if not np.isfinite(scaled).all():
            raise PackError(f"{pack.path}: the decoder gives values that are not finite")
        return r.spectrum(r.decoded(np.clip(scaled, 0, 1)))

    return decode


def _decoded(pack: Pack) -> Iterator[Floats]:
    decode, latents = _decoder(pack), pack.anchors.latents
    for start in range(0, len(latents), DECODED):
        yield from decode(latents[start : start + DECODED])


def _make_default(folder: Path, name: str) -> None:
    content = Toml.read(folder).content
    content["plane"] = {**content.get("plane", {}), "default": name}
    _write(folder / "model.toml", tomli_w.dumps(content).encode())


def _write(path: Path, data: bytes) -> None:
    new_path = path.with_name(f".{path.stem}-new{path.suffix}")
    new_path.write_bytes(data)
    os.replace(new_path, path)
