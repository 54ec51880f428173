"""Maps: a flat picture of the latent space, in which neighbours stay neighbours.

The same latents and seed give the same map, on any number of cores.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from latentpad.models import extras
from latentpad.models.errors import LatentpadError
from latentpad.models.maps.neighbours import Neighbours
from latentpad.models.representation import Floats

MOST_TSNE = 3000  # sounds: a quarter of a minute of one core
MOST_UMAP = 10_000


class MapError(LatentpadError):
    """A map that cannot be drawn here: one line saying what to do."""


def tsne(latents: Floats, seed: int = 0) -> Floats:
    """(L, D) latents to (L, 2) float32 by t-SNE (van der Maaten & Hinton, 2008).

    Started from the principal components. Of more than `MOST_TSNE` sounds it maps so many, evenly
    chosen, and puts the others among them (models.maps.neighbours).
    """

    return subsampled(latents, MOST_TSNE, lambda some: tsne_of(some, seed))


def tsne_of(rows: Floats, seed: int) -> Floats:
    """t-SNE of all of (L, C) rows, four or more of them."""
    import sklearn.manifold  # its threads are known once it is there
    from threadpoolctl import threadpool_limits

    perplexity = min(30.0, (len(rows) - 1) / 3)
    model = sklearn.manifold.TSNE(
        2, perplexity=perplexity, init="pca", random_state=seed, learning_rate="auto"
    )
    # Beside TensorFlow's threads its own wait for each other: 17 s for what takes one 0.6 s.
    with threadpool_limits(1, user_api="openmp"):
        return np.asarray(model.fit_transform(rows), np.float32)


def umap(latents: Floats, seed: int = 0) -> Floats:
    """The same by UMAP (McInnes, Healy & Melville, 2018), which keeps more of what is far apart.

    Of more than `MOST_UMAP` sounds it maps so many. Takes some seconds to begin with.
    Raises MapError where umap-learn, the extra `umap`, is not installed.
    """

    def fit(some: Floats) -> Any:
        # Spread out, not heaped as for the eye: on the pad what lies together sounds alike, and the
        # largest step on a way over the footsteps shrinks from 1.8 dB to 0.3.
        model = _umap().UMAP(
            n_neighbors=min(15, len(some) - 1), min_dist=0.99, init="pca", random_state=seed,
            n_jobs=1,
        )  # fmt: skip
        return model.fit_transform(some)

    return subsampled(latents, MOST_UMAP, fit)


def subsampled(latents: Floats, most: int, fit: Callable[[Floats], Any]) -> Floats:
    """(L, 2): `fit` of at most `most` of (L, D) latents, evenly chosen, the others among them.

    Fewer than four sounds, fewer than three dimensions, or sounds that are all the same, need no
    map: the first two latents.
    """
    count, dim = latents.shape
    if count < 4 or dim < 3 or not np.ptp(latents, axis=0).any():
        plane = np.zeros((count, 2), np.float32)
        plane[:, : min(dim, 2)] = latents[:, :2]
        return plane
    if count <= most:
        return np.asarray(fit(latents), np.float32)
    some = latents[np.linspace(0, count - 1, most).astype(int)]
    return Neighbours(some, latents).mean(np.asarray(fit(some), np.float32))


def _umap() -> Any:
    # None keeps it out: it would import TensorFlow, for ten seconds, and is not used.
    sys.modules.setdefault("umap.parametric_umap", None)  # type: ignore[arg-type]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # says that it was kept out
            import umap
    except ImportError:
        raise MapError(f"UMAP is not installed: {extras.command('umap')}") from None
    return umap
