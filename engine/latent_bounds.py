"""Limits of latent vectors, applied to all that are sent to the decoder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from latentpad.engine.plane import Float64, moments

REACH = 10.0
"""How far a latent may be from the anchors' mean, in their standard deviations; and the largest
absolute weight of an anchor of the lattice."""

PRIOR = 1.0  # standard deviation of a variational autoencoder's latents
ROUNDING = 1e-6  # of the anchors' size: with a smaller deviation the anchors are equal


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

        The standard deviation of a latent is taken as at least the prior's 1, or as the widest
        latent's if that is smaller: the decoder has learned that range, even if the anchors do not
        use it. All anchors are inside.
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
        """A latent (D,), or several (n, D), clipped to the box.

        A NaN becomes the anchors' mean. The result is float64 and within float32's range.
        """
        z = np.asarray(latent, np.float64)
        return np.minimum(np.maximum(np.where(np.isnan(z), self.middle, z), self.low), self.high)
