"""A library as a pack for the engine: its sounds on the pack's planes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from latentpad.models.audio.descriptors import MEASURED
from latentpad.models.libraries.library import Library, LibraryError
from latentpad.models.maps.neighbours import Neighbours
from latentpad.models.packs import files
from latentpad.models.packs.pack import Pack, PackError
from latentpad.models.representation import Floats


def as_pack(pack: Pack, library: Library) -> Pack:
    """`pack` with the library's sounds as anchors, for the engine.

    Its default plane is the library's own map if there is one. Its `sources` stay those of the
    training. Raises LibraryError if there are no sounds, or for the pack of another model.
    """
    if not len(library):
        raise LibraryError(f"{library.path}: holds no sounds yet: add a folder first")
    if pack.path.resolve() != library.pack.path.resolve():
        raise LibraryError(f"{library.path}: is a library for {library.pack.path}, not {pack.path}")
    return replace(
        pack,
        anchors=library.anchors,
        planes=planes(library),
        default_plane=pack.default_plane if _own_map(library) is None else "map",
        descriptors=descriptors(library),
    )


def planes(library: Library) -> dict[str, Floats]:
    """(L, 2) for each of the pack's planes; `map` is the library's own if it has one.

    Nothing is fitted: each sound is placed among its neighbours in the pack
    (models.maps.neighbours), so the same sound is always at the same position. Raises LibraryError.
    """
    own_map = _own_map(library)
    near = Neighbours(library.pack.anchors.latents, library.anchors.latents)
    planes = {name: near.mean(plane) for name, plane in library.pack.planes.items()}
    return planes if own_map is None else {**planes, "map": own_map}


def descriptors(library: Library) -> dict[str, Floats]:
    """(L,) of each descriptor, measured on the recordings.

    A sound that was not measured, for example one of a map, gets the mean of its neighbours in the
    pack. A descriptor that the pack lacks is left out then.
    """
    missing = np.isnan(library.measured).any(axis=1)
    if not missing.any():
        return dict(zip(MEASURED, library.measured.T, strict=True))
    known = library.pack.described
    near = Neighbours(library.pack.anchors.latents, library.anchors.latents[missing])
    descriptors_by_name = {}
    for name, values in zip(MEASURED, library.measured.T.copy(), strict=True):
        if name in known:
            values[missing] = near.mean(known[name])
            descriptors_by_name[name] = values
    return descriptors_by_name


def _own_map(library: Library) -> Floats | None:
    if not (library.path / "planes.npz").is_file():
        return None
    try:
        plane = files.arrays(library.path, "planes.npz").get("map")
    except PackError as error:
        raise LibraryError(f"{error}: remove it") from None
    file = library.path / "planes.npz"
    valid = plane is not None and plane.ndim == 2 and plane.shape[1] == 2
    if plane is None or not valid or plane.dtype.kind != "f" or not files.sensible(plane):
        raise LibraryError(f"{file}: holds no map: remove it")
    return plane.astype(np.float32) if len(plane) == len(library) else None
