"""A library as the engine plays it: where its sounds lie on its pack's planes."""

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
    """`pack` with the library's sounds for anchors: the engine plays it unchanged.

    It begins on the library's own map where it has one. Its `sources` stay those the model
    learned from. Raises LibraryError if there are no sounds or it is another model's pack.
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
    """(L, 2) for each of the pack's planes; `map` is the library's own where it has one.

    Without refitting: each sound lies among the places of its neighbours in the pack
    (models.maps.neighbours), so the same sound always lies in the same place.
    Raises LibraryError.
    """
    own = _own_map(library)
    near = Neighbours(library.pack.anchors.latents, library.anchors.latents)
    planes = {name: near.mean(plane) for name, plane in library.pack.planes.items()}
    return planes if own is None else {**planes, "map": own}


def descriptors(library: Library) -> dict[str, Floats]:
    """(L,) of each descriptor, as a pack's: as measured on the recordings.

    What was not measured, as the sounds of a map, has the mean of its neighbours in the pack;
    where the pack does not know a descriptor either, no sound has it.
    """
    lacking = np.isnan(library.measured).any(axis=1)
    if not lacking.any():
        return dict(zip(MEASURED, library.measured.T, strict=True))
    known = library.pack.described
    near = Neighbours(library.pack.anchors.latents, library.anchors.latents[lacking])
    found = {}
    for name, values in zip(MEASURED, library.measured.T.copy(), strict=True):
        if name in known:
            values[lacking] = near.mean(known[name])
            found[name] = values
    return found


def _own_map(library: Library) -> Floats | None:
    if not (library.path / "planes.npz").is_file():
        return None
    try:
        plane = files.arrays(library.path, "planes.npz").get("map")
    except PackError as error:
        raise LibraryError(f"{error}: remove it") from None
    file = library.path / "planes.npz"
    good = plane is not None and plane.ndim == 2 and plane.shape[1] == 2
    if plane is None or not good or plane.dtype.kind != "f" or not files.sensible(plane):
        raise LibraryError(f"{file}: holds no map: remove it")
    return plane.astype(np.float32) if len(plane) == len(library) else None
