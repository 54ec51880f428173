"""`local`: exact at anchors, continuous between them, on the data's manifold."""

from __future__ import annotations

from numpy.typing import ArrayLike

from latentpad.engine.expander_declarations import Declaration
from latentpad.engine.expanders import kernels
from latentpad.engine.expanders.anchor_index import AnchorIndex, anchor_index, batch
from latentpad.engine.expanders.expander import Expander, Settings
from latentpad.engine.plane import Float64, Plane

RIDGE = 1e-3  # of the anchors' mean variance on the plane


class Local(Expander):
    """The local conditional mean of `focus` neighbours (interpolating moving least squares)."""

    SHARP = kernels.SHARP

    def __init__(self, plane: Plane, guard: bool, at: AnchorIndex, focus: int) -> None:
        super().__init__(plane, guard)
        self._places = at
        self._focus = min(focus, len(at.coordinates))
        self._unknown, self._within = at.means(plane.unknown)
        # No variance at all is a single place: any ridge gives its mean.
        self._ridge = RIDGE * at.variance or 1.0

    def spread(self, points: ArrayLike) -> Float64:
        """As `Expander.spread`."""
        _, distance, place = self._near(batch(points, self.plane))
        return kernels.weighted_spread(
            distance, place, self._focus, self.SHARP, self._unknown, self._within
        )

    def _near(self, points: Float64) -> tuple[Float64, Float64, kernels.Indices]:
        return self._places.neighbours(points, self._focus + 1)

    def _latents(self, points: Float64) -> Float64:
        x, distance, place = self._near(points)
        return kernels.local(
            points,
            x,
            distance,
            place,
            self._focus,
            self.SHARP,
            self._places.coordinates,
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
def local(plane: Plane, settings: Settings) -> Local:
    """O(L log L) once for a plane."""
    return Local(plane, settings.guard, anchor_index(plane, settings.metric), settings.focus)
