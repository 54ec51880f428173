"""`lattice`: a base anchor, and a weight for each of some other anchors.

Source: Cámara & Blanco, "Acercando los autocodificadores variacionales al gran público", eq. 8.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentpad.engine.expander_declarations import Declaration
from latentpad.engine.expanders import kernels
from latentpad.engine.expanders.anchor_index import FLAT_VARIANCE, batch, view
from latentpad.engine.expanders.anchor_weights import AnchorWeights, strongest
from latentpad.engine.expanders.expander import Expander, ExpanderSettings
from latentpad.engine.expanders.lattice_weights import farthest_points, least_norm_weights
from latentpad.engine.plane import Float64, Plane


def lattice_weights(base: int, chosen: NDArray[np.intp], alpha: Float64) -> AnchorWeights:
    """The base and the `chosen` anchors (F,), each by the size of its weight, for α (n, F).

    An anchor from which a sound leads away is as much part of it as one to which it leads.
    """
    anchors = np.array([base, *chosen], np.intp)
    weights = np.column_stack([1.0 - alpha.sum(axis=1), alpha])
    return strongest(anchors, np.abs(weights))


class FixedLattice(Expander):
    """Eq. 8 with given weights: one latent, whatever the point."""

    def __init__(self, plane: Plane, guard: bool, base: int, weights: Mapping[int, float]) -> None:
        super().__init__(plane, guard)
        chosen = np.array([base, *weights], np.intp)
        alpha = np.array([1.0 - sum(weights.values()), *weights.values()])
        self._known, self._unknown = alpha @ plane.known[chosen], alpha @ plane.unknown[chosen]
        self._blend = lattice_weights(base, chosen[1:], alpha[None, 1:])

    def anchor_weights(self, points: ArrayLike) -> AnchorWeights:
        """As `Expander.anchor_weights`: the same at all points."""
        count = len(batch(points, self.plane))
        anchors, weights = self._blend
        return AnchorWeights(np.repeat(anchors, count, axis=0), np.repeat(weights, count, axis=0))

    def _latents(self, points: Float64) -> Float64:
        known, unknown = (np.tile(row, (len(points), 1)) for row in (self._known, self._unknown))
        return kernels.to_latents(known, unknown, self._body, self._frame)


class Lattice(Expander):
    """Eq. 8 solved for the weights: those of least norm, >= 0 where possible, that lead from the
    base anchor to p.

    The weighted anchors are chosen one after the other, each the farthest by the metric from all
    before it. So the first ones are the corners of the plane (under the cosine metric, anchors on
    all sides of the centroid), and weights >= 0 reach most of the plane.

    The least-norm weights that reach p do not depend on how the plane is scaled or rotated. So the
    metric matters only where no weights >= 0 reach p: then the Mahalanobis or Euclidean distance
    decides which ones come nearest. Under the cosine metric it is the Euclidean one.
    """

    def __init__(self, plane: Plane, guard: bool, metric: str, base: int, focus: int) -> None:
        super().__init__(plane, guard)
        metric_view = view(plane, metric)
        self._base = base
        self.chosen = farthest_points(kernels.to_metric(plane.known, metric_view), base, focus)
        """(F,) the anchors that have a weight."""
        # Directions from the centroid do not add up to a point, so cosine coordinates cannot be
        # mixed. Mahalanobis coordinates are linear in the plane's and can.
        self._view = view(plane, "euclidean") if metric == "cosine" else metric_view
        ends = kernels.to_metric(plane.known[[base, *self.chosen]], self._view)
        offsets = ends[1:] - ends[0]
        start = plane.unknown[base].astype(np.float64)
        # Anchors that are collinear within rounding count as collinear, or weights would be huge.
        self._solve = (ends[0], offsets, np.linalg.pinv(offsets, rcond=math.sqrt(FLAT_VARIANCE)))
        self._unknown_offsets = (start, plane.unknown[self.chosen] - start)

    def weights(self, points: ArrayLike) -> Float64:
        """The weights (n, F) of the chosen anchors at points (n, D1)."""
        return least_norm_weights(
            kernels.to_metric(batch(points, self.plane), self._view), *self._solve
        )

    def anchor_weights(self, points: ArrayLike) -> AnchorWeights:
        """As `Expander.anchor_weights`, see `lattice_weights`."""
        return lattice_weights(self._base, self.chosen, self.weights(points))

    def _latents(self, points: Float64) -> Float64:
        return kernels.lattice_latents(
            points, self.weights(points), *self._unknown_offsets, self._body, self._frame
        )


@Declaration(
    "lattice",
    3,
    "a base anchor, mixed with `/focus` corners of the plane by weights",
    uses=("metric", "focus", "base", "weights"),
)
def lattice(plane: Plane, settings: ExpanderSettings) -> Expander:
    """The point sets the weights, unless they are given.

    Raises:
        ValueError: an anchor that is not there.
    """
    base, weights = settings.base, settings.weights
    for anchor in (base, *(weights or ())):
        if not 0 <= anchor < len(plane.known):
            raise ValueError(f"lattice: anchor {anchor} of {len(plane.known)} is not there")
    if weights is not None:
        return FixedLattice(plane, settings.guard, base, weights)
    return Lattice(plane, settings.guard, settings.metric, base, settings.focus)
