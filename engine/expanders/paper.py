"""`nearest`, `mean` and `multilateration`, the founding paper's expanders.

Source: Cámara & Blanco, "Acercando los autocodificadores variacionales al gran público", eq. 6
(`nearest`), 7 (`mean`), 11-12 (`multilateration`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from latentpad.engine.expander_declarations import Declaration
from latentpad.engine.expanders import kernels
from latentpad.engine.expanders.anchor_index import (
    FLAT_VARIANCE,
    AnchorIndex,
    anchor_index,
    batch,
    ellipsoid,
    view,
    whitening,
)
from latentpad.engine.expanders.anchor_weights import AnchorWeights
from latentpad.engine.expanders.expander import Expander, ExpanderSettings
from latentpad.engine.plane import Float64, Plane, chunks, moments


class Nearest(Expander):
    """Eq. 6: the unknown coordinates of the anchor nearest to p. Exact, not continuous."""

    def __init__(self, plane: Plane, guard: bool, index: AnchorIndex) -> None:
        super().__init__(plane, guard)
        self._index = index

    def anchor_weights(self, points: ArrayLike) -> AnchorWeights:
        """As `Expander.anchor_weights`: of the nearest anchor alone."""
        anchors = self._index.nearest(batch(points, self.plane))[:, None]
        return AnchorWeights(anchors, np.ones(anchors.shape))

    def _latents(self, points: Float64) -> Float64:
        anchors = self._index.nearest(points)
        return kernels.select_anchors(points, anchors, self.plane.unknown, self._body, self._frame)


class Affine(Expander):
    """z̃ = offset (D2,) + x @ slope (D1, D2), x the point in the metric's coordinates."""

    def __init__(
        self, plane: Plane, guard: bool, metric_view: kernels.View, offset: Float64, slope: Float64
    ) -> None:
        super().__init__(plane, guard)
        self._view, self._offset, self._slope = metric_view, offset, slope

    def _latents(self, points: Float64) -> Float64:
        return kernels.affine(
            points, self._view, self._offset, self._slope, self._body, self._frame
        )


def multilateration_coefficients(
    plane: Plane, metric_view: kernels.View, metric: str, scale: float
) -> tuple[Float64, Float64]:
    """Offset (D2,) and slope (D1, D2) of eq. 11-12 in closed form.

    z̃ = C(z̃, z̃)⁺ [s C(z̃, z̄) p - s C(z̃, |z̄|²) / 2 + C(z̃, |z̃|²) / 2], all relative to the
    anchors' means, which does not change distances. A direction that the anchors do not span keeps
    its mean.
    """
    if metric == "mahalanobis":
        mean, axes, inverse = whitening(plane.unknown, plane.known)
    else:
        mean = moments(plane.unknown)[0]
        axes = inverse = np.eye(len(mean))
    known = kernels.to_metric(plane.known, metric_view)
    known_mean, known_covariance = moments(known)
    within = np.zeros((len(mean), len(mean)))
    across = np.zeros((known.shape[1], len(mean)))
    squares = np.zeros(len(mean))
    for rows in chunks(len(known)):
        v, x = (plane.unknown[rows] - mean) @ axes, known[rows] - known_mean
        within += v.T @ v
        across += x.T @ v
        squares += ((v**2).sum(axis=1) - scale * (x**2).sum(axis=1)) @ v / 2
    # A latent that is constant within rounding is compared with the pad's variance, too.
    variance, directions = np.linalg.eigh(within)
    spanned = variance > FLAT_VARIANCE * max(
        variance.max(initial=0.0), len(known) * known_covariance.max()
    )
    solve = (directions[:, spanned] / variance[spanned]) @ directions[:, spanned].T @ inverse
    slope = scale * across @ solve
    return mean + squares @ solve - known_mean @ slope, slope


@Declaration("nearest", 0, "the nearest sound; jumps", exact=True, uses=("metric",))
def nearest(plane: Plane, settings: ExpanderSettings) -> Nearest:
    """Fit in O(L log L), once for a plane and metric."""
    return Nearest(plane, settings.guard, anchor_index(plane, settings.metric))


@Declaration("mean", 1, "the mean of all sounds, whatever the point")
def mean(plane: Plane, settings: ExpanderSettings) -> Affine:
    """Eq. 7: the mean of the unknown coordinates. Fit in O(L)."""
    flat = np.zeros((plane.known.shape[1], plane.unknown.shape[1]))
    return Affine(plane, settings.guard, view(plane, settings.metric), ellipsoid(plane)[0], flat)


@Declaration(
    "multilateration",
    2,
    "affine: keeps the distances to all sounds as far as it can",
    uses=("metric", "scale"),
)
def multilateration(plane: Plane, settings: ExpanderSettings) -> Affine:
    """Fit in O(L D2²)."""
    metric_view = view(plane, settings.metric)
    coefficients = multilateration_coefficients(plane, metric_view, settings.metric, settings.scale)
    return Affine(plane, settings.guard, metric_view, *coefficients)
