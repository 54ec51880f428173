"""Maps: projections of the latent space in which neighbours stay neighbours.

The same latents and seed give the same map, on any number of cores.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from latentpad.models import extras
from latentpad.models.errors import LatentpadError
from latentpad.models.maps.neighbours import Neighbours
from latentpad.models.representation import Floats

MOST_TSNE = 3000  # sounds: a quarter of a minute of one core
MOST_UMAP = 10_000


class MapError(LatentpadError):
    """A map that cannot be made here: one line with what to do."""


def tsne(latents: Floats, seed: int = 0) -> Floats:
    """(L, D) latents to (L, 2) float32 by t-SNE (van der Maaten & Hinton, 2008).

    Starts from the principal components. If there are more than `MOST_TSNE` sounds, that many are
    mapped, evenly chosen, and the others are placed among them (models.maps.neighbours).
    """

    return subsampled(latents, MOST_TSNE, lambda some: tsne_of(some, seed))


def tsne_of(rows: Floats, seed: int) -> Floats:
    """t-SNE of all of (L, C) rows, four or more of them. Raises models.extras.ExtraError without
    scikit-learn."""
    extras.check("sklearn", "a t-SNE map needs scikit-learn")
    import sklearn.manifold  # threadpool_limits needs it to be loaded
    from threadpoolctl import threadpool_limits

    perplexity = min(30.0, (len(rows) - 1) / 3)
    model = sklearn.manifold.TSNE(
        2, perplexity=perplexity, init="pca", random_state=seed, learning_rate="auto"
    )
    # Together with TensorFlow's threads its own block each other: 17 s instead of 0.6 s on one.
    with threadpool_limits(1, user_api="openmp"):
        return np.asarray(model.fit_transform(rows), np.float32)


def umap(latents: Floats, seed: int = 0) -> Floats:
    """The same by UMAP (McInnes, Healy & Melville, 2018), which keeps more of what is far apart.

    If there are more than `MOST_UMAP` sounds, that many are mapped. The first call on a machine
    takes half a minute more: it compiles. Raises MapError if umap-learn, the extra `umap`, is not
    installed.
    """

    def fit(some: Floats) -> Any:
        # Spread out, and not in clusters as for the eye: this reduces the largest step of the sound
        # on a path over the footsteps from 1.8 dB to 0.3 dB.
        model = _umap().UMAP(
            n_neighbors=min(15, len(some) - 1), min_dist=0.99, init="pca", random_state=seed,
            n_jobs=1,
        )  # fmt: skip
        return model.fit_transform(some)

    return subsampled(latents, MOST_UMAP, fit)


def subsampled(latents: Floats, most: int, fit: Callable[[Floats], Any]) -> Floats:
    """(L, 2): `fit` of at most `most` of (L, D) latents, evenly chosen; the others are placed among
    them.

    Fewer than four sounds, fewer than three dimensions, or equal sounds need no map: they get the
    first two latents.
    """
    count, dim = latents.shape
    if count < 4 or dim < 3 or not np.ptp(latents, axis=0).any():
        plane = np.zeros((count, 2), np.float32)
        plane[:, : min(dim, 2)] = latents[:, :2]
        return plane
    if count <= most:
        return np.asarray(fit(latents), np.float32)
    chosen = latents[np.linspace(0, count - 1, most).astype(int)]
    return Neighbours(chosen, latents).mean(np.asarray(fit(chosen), np.float32))


def _umap() -> Any:
    # None prevents its import: it is not used, and would import TensorFlow for ten seconds.
    sys.modules.setdefault("umap.parametric_umap", None)  # type: ignore[arg-type]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the prevented import
            with _kernels_kept():
                import umap
    except ImportError:
        raise MapError(f"UMAP is not installed: {extras.command('umap')}") from None
    return umap


@contextmanager
def _kernels_kept() -> Iterator[None]:
    """Numba keeps what is compiled of the functions that are declared within: UMAP does not ask for
    that, and would compile for ten seconds in each process."""
    import numba

    declare = numba.njit
    numba.njit = lambda *args, **options: declare(*args, **{"cache": True, **options})
    try:
        yield
    finally:
        numba.njit = declare
