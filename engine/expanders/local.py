"""`local`: exact at anchors, continuous between them, on the data's manifold."""

from __future__ import annotations

from numpy.typing import ArrayLike

from latentpad.engine.expander_declarations import Declaration
from latentpad.engine.expanders import anchor_weights, kernels
from latentpad.engine.expanders.anchor_index import AnchorIndex, anchor_index, batch
from latentpad.engine.expanders.anchor_weights import MOST, AnchorWeights
from latentpad.engine.expanders.expander import Expander, ExpanderSettings
from latentpad.engine.plane import Float64, Plane

RIDGE = 1e-3  # of the anchors' mean variance on the plane


class Local(Expander):
    """The local conditional mean of `focus` neighbours (interpolating moving least squares)."""

    POWER = kernels.NEIGHBOUR_POWER

    def __init__(self, plane: Plane, guard: bool, index: AnchorIndex, focus: int) -> None:
        super().__init__(plane, guard)
        self._index = index
        self._focus = min(focus, len(index.coordinates))
        self._unknown, self._within = index.means(plane.unknown)
        # Without variance there is a single site: any ridge gives its mean.
        self._ridge = RIDGE * index.variance or 1.0

    def spread(self, points: ArrayLike) -> Float64:
        """As `Expander.spread`."""
        _, distance, site = self._neighbours(batch(points, self.plane), self._focus)
        return kernels.weighted_spread(
            distance, site, self._focus, self.POWER, self._unknown, self._within
        )

    def anchor_weights(self, points: ArrayLike) -> AnchorWeights:
        """As `Expander.anchor_weights`: those of its neighbours before the slope between them is
        followed, for which weights may be negative."""
        few = min(self._focus, MOST)
        _, distance, site = self._neighbours(batch(points, self.plane), few)
        return anchor_weights.neighbours(self._index, distance, site, few, self.POWER)

    def _neighbours(self, points: Float64, focus: int) -> tuple[Float64, Float64, kernels.Indices]:
        return self._index.neighbours(points, focus + 1)

    def _latents(self, points: Float64) -> Float64:
        x, distance, site = self._neighbours(points, self._focus)
        return kernels.local(
            points,
            x,
            distance,
            site,
            self._focus,
            self.POWER,
            self._index.coordinates,
            self._unknown,
            self._ridge,
            self._body,
            self._frame,
        )


@Declaration(
    "local",
    4,
    "the mean of `/focus` neighbours; follows the slope between them",
    exact=True,
    continuous=True,
    uses=("metric", "focus"),
)
def local(plane: Plane, settings: ExpanderSettings) -> Local:
    """Fit in O(L log L), once for a plane and metric."""
    return Local(plane, settings.guard, anchor_index(plane, settings.metric), settings.focus)
