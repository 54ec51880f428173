"""`nearest`, `mean` and `multilateration`, the founding paper's expanders.

Source: Cámara & Blanco, "Acercando los autocodificadores variacionales al gran público", eq. 6
(`nearest`), 7 (`mean`), 11-12 (`multilateration`).
"""

from __future__ import annotations

import numpy as np

from latentpad.engine.expander_declarations import Declaration
from latentpad.engine.expanders import kernels
from latentpad.engine.expanders.anchor_index import (
    DEAD,
    AnchorIndex,
    anchor_index,
    ellipsoid,
    view,
    whitening,
)
from latentpad.engine.expanders.expander import Expander, Settings
from latentpad.engine.plane import Float64, Plane, chunks, moments


class Nearest(Expander):
    """Eq. 6: the unknown coordinates of the anchor nearest to p. Exact, and jumps."""

    def __init__(self, plane: Plane, guard: bool, at: AnchorIndex) -> None:
        super().__init__(plane, guard)
        self._places = at

    def _latents(self, points: Float64) -> Float64:
        anchors = self._places.nearest(points)
        return kernels.select_anchors(points, anchors, self.plane.unknown, self._body, self._frame)


class Affine(Expander):
    """z̃ = offset (D2,) + x @ slope (D1, D2), x the point in the metric's coordinates."""

    def __init__(
        self, plane: Plane, guard: bool, seen: kernels.View, offset: Float64, slope: Float64
    ) -> None:
        super().__init__(plane, guard)
        self._view, self._offset, self._slope = seen, offset, slope

    def _latents(self, points: Float64) -> Float64:
        return kernels.affine(
            points, self._view, self._offset, self._slope, self._body, self._frame
        )


def multilaterated(
    plane: Plane, seen: kernels.View, metric: str, scale: float
) -> tuple[Float64, Float64]:
    """Offset and slope of eq. 11-12 in closed form.

    z̃ = C(z̃, z̃)⁺ [s C(z̃, z̄) p - s C(z̃, |z̄|²) / 2 + C(z̃, |z̃|²) / 2], all about the anchors'
    means: distances do not change, and a direction the anchors do not span stays at its mean.
    """
    if metric == "mahalanobis":
        mean, axes, inverse = whitening(plane.unknown, plane.known)
    else:
        mean = moments(plane.unknown)[0]
        axes = inverse = np.eye(len(mean))
    known = kernels.to_metric(plane.known, seen)
    known_mean, known_covariance = moments(known)
    within = np.zeros((len(mean), len(mean)))
    across = np.zeros((known.shape[1], len(mean)))
    squares = np.zeros(len(mean))
    for rows in chunks(len(known)):
        v, x = (plane.unknown[rows] - mean) @ axes, known[rows] - known_mean
        within += v.T @ v
        across += x.T @ v
        squares += ((v**2).sum(axis=1) - scale * (x**2).sum(axis=1)) @ v / 2
    # A latent that is dead but for rounding is compared with the pad, not with other dead ones.
    variance, directions = np.linalg.eigh(within)
    spanned = variance > DEAD * max(variance.max(initial=0.0), len(known) * known_covariance.max())
    solve = (directions[:, spanned] / variance[spanned]) @ directions[:, spanned].T @ inverse
    slope = scale * across @ solve
    return mean + squares @ solve - known_mean @ slope, slope


@Declaration("nearest", 0, "the nearest sound; jumps", exact=True, uses=("metric",))
def nearest(plane: Plane, settings: Settings) -> Nearest:
    """O(L log L) once for a plane."""
    return Nearest(plane, settings.guard, anchor_index(plane, settings.metric))


@Declaration("mean", 1, "the mean of all sounds, whatever the point")
def mean(plane: Plane, settings: Settings) -> Affine:
    """Eq. 7: of the unknown coordinates; O(L)."""
    flat = np.zeros((plane.known.shape[1], plane.unknown.shape[1]))
    return Affine(plane, settings.guard, view(plane, settings.metric), ellipsoid(plane)[0], flat)


@Declaration(
    "multilateration",
    2,
    "affine: keeps the distances to all sounds as far as it can",
    uses=("metric", "scale"),
)
def multilateration(plane: Plane, settings: Settings) -> Affine:
    """O(L D2²)."""
    seen = view(plane, settings.metric)
    line = multilaterated(plane, seen, settings.metric, settings.scale)
    return Affine(plane, settings.guard, seen, *line)
