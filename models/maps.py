"""Maps: a flat picture of the latent space, in which neighbours stay neighbours."""

from __future__ import annotations

import numpy as np

from models.representation import Floats


def tsne(latents: Floats, seed: int = 0) -> Floats:
    """(L, D) latents to (L, 2) float32 by t-SNE (van der Maaten & Hinton, 2008).

    Started from the principal components and a fixed seed: the same latents give the same map.
    Fewer than four sounds, or fewer than three dimensions, need no map: the first two latents.
    """
    count, dim = latents.shape
    if count < 4 or dim < 3:
        plane = np.zeros((count, 2), np.float32)
        plane[:, : min(dim, 2)] = latents[:, :2]
        return plane
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (count - 1) / 3)
    model = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, learning_rate="auto")
    return np.asarray(model.fit_transform(latents), np.float32)
