"""How far a latent vector may go: the one guard between the board and the decoder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from latentpad.engine.plane import Float64, moments

REACH = 10.0
"""Standard deviations of the anchors that a latent may be away from their mean, and times the way
to its anchor that a fader of the lattice may lead."""

PRIOR = 1.0  # standard deviation of a variational autoencoder's latents
ROUNDING = 1e-6  # of the anchors' size: a smaller deviation is that of equal anchors


@dataclass(frozen=True)
class LatentBounds:
    """The box that holds all latents of a pack. Immutable; any thread may call.

    `low`, `high` and `middle` are (D,) float64.
    """

    low: Float64
    high: Float64
    middle: Float64

    @classmethod
    def of(cls, latents: ArrayLike) -> LatentBounds:
        """The box around finite anchors (L, D): their mean ± `REACH` standard deviations.

        A latent that varies less than the prior's 1 is given 1, or what the widest latent has in
        a pack of small numbers: the decoder knows it there, though the anchors leave it alone.
        Every anchor lies within.
        """
        anchors = np.asarray(latents)
        mean, covariance = moments(anchors)
        spread = np.sqrt(np.diagonal(covariance))
        widest = float(spread.max())
        equal = widest <= ROUNDING * (PRIOR + float(np.abs(mean).max()))
        reach = REACH * np.maximum(spread, PRIOR if equal else min(PRIOR, widest))
        return cls(
            np.minimum(mean - reach, anchors.min(axis=0)),
            np.maximum(mean + reach, anchors.max(axis=0)),
            mean,
        )

    def clip(self, latent: ArrayLike) -> Float64:
        """A latent (D,), or several (n, D), moved into the box.

        What is not a number becomes the anchors' mean. The result is float64 and fits float32.
        """
        z = np.asarray(latent, np.float64)
        return np.minimum(np.maximum(np.where(np.isnan(z), self.middle, z), self.low), self.high)
