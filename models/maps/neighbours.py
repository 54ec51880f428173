"""Places sounds by their neighbours in the latent space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentpad.models.representation import Floats

NEIGHBOURS = 8
CHUNK = 65_536  # sounds placed at once


class Neighbours:
    """The known sounds near given ones, and their weights. Immutable: any thread may call.

    The weights fall with the square of the distance in the latent space (Shepard, A two-dimensional
    interpolation function, 1968): a known sound is exactly at its own position, others are among
    their eight neighbours, and nothing is fitted or random.
    """

    def __init__(self, known: Floats, latents: Floats) -> None:
        """`known` (M, D), `latents` (L, D): any number, memory-mapped or not; 2 s a million."""
        from scipy.spatial import cKDTree

        count = min(NEIGHBOURS, len(known))
        self._rows = np.empty((len(latents), count), np.int32)
        self._weights = np.empty((len(latents), count), np.float32)
        tree = cKDTree(known)
        for start in range(0, len(latents), CHUNK):
            part = slice(start, start + CHUNK)
            distance, rows = tree.query(latents[part], k=[*range(1, count + 1)])
            # Relative to the nearest: no overflow, and for a known sound 1 for itself and 0 for the
            # others.
            squares = distance**2
            weights = (squares[:, :1] + 1e-12) / (squares + 1e-12)
            self._rows[part] = rows
            self._weights[part] = weights / weights.sum(axis=1, keepdims=True)

    def mean(self, values: NDArray[np.floating]) -> Floats:
        """(L, ...) weighted mean of the neighbours' `values` (M, ...)."""
        result = np.empty((len(self._rows), *values.shape[1:]), np.float32)
        for start in range(0, len(result), CHUNK):
            part = slice(start, start + CHUNK)
            result[part] = np.einsum(
                "lk,lk...->l...", self._weights[part], values[self._rows[part]]
            )
        return result
