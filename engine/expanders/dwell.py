"""`dwell`, the default: each anchor sounds exactly in a small region, and changes are even between
the regions."""

from __future__ import annotations

from numba import njit

from latentpad.engine.expander_declarations import Declaration
from latentpad.engine.expanders import kernels
from latentpad.engine.expanders.anchor_index import anchor_index
from latentpad.engine.expanders.expander import ExpanderSettings
from latentpad.engine.expanders.local import Local
from latentpad.engine.plane import Float64, Plane

ATTRACTION_SHARE = (
    0.2  # of the distance to the border between two sounds: within it the nearest one is exact
)


@njit(cache=True, nogil=True)
def attract(
    x: Float64,
    distance: Float64,
    neighbour: kernels.Indices,
    sites: Float64,
    attraction_share: float,
) -> None:
    """Move points x (n, D1) towards the nearer of two neighbours (n, 2), in place.

    r = 2 d₁ / (d₁ + d₂) is 0 at an anchor and 1 where two anchors are equally near. With a =
    `attraction_share`, a point keeps (r - a)₊ / (1 - a) / r of its distance d₁ to the nearest
    anchor. So for r <= a it moves to the anchor, and for r = 1 it stays, which makes the result
    continuous.
    """
    if distance.shape[1] < 2:
        return
    for n in range(len(x)):
        if distance[n, 0] == 0.0:
            continue
        r = 2.0 / (1.0 + distance[n, 1] / distance[n, 0])
        kept_share = (
            max(r - attraction_share, 0.0) / (1.0 - attraction_share) / r if r > 0.0 else 0.0
        )
        for i in range(x.shape[1]):
            anchor = sites[neighbour[n, 0], i]
            x[n, i] = anchor + (x[n, i] - anchor) * kept_share


class Dwell(Local):
    """`local` for a finger that is attracted by the nearest sound.

    `local`, whose weights are squared, glides most evenly, but leaves the recorded sounds at once:
    by PEAQ, the sounds between them are farther from them than the nearest recorded sound is. With
    `dwell`, a finger near an anchor hears it exactly, and the sounds between anchors are closer to
    the recorded ones (docs/expanders.md).
    """

    POWER = 3

    def _neighbours(self, points: Float64, focus: int) -> tuple[Float64, Float64, kernels.Indices]:
        x, distance, site = self._index.neighbours(points, 2)
        attract(x, distance, site, self._index.coordinates, ATTRACTION_SHARE)
        return x, *self._index.around(x, focus + 1)


@Declaration(
    "dwell",
    8,
    "as `local`, of a finger that is drawn to the nearest sound",
    exact=True,
    continuous=True,
    uses=("metric", "focus"),
)
def dwell(plane: Plane, settings: ExpanderSettings) -> Dwell:
    """Fit in O(L log L), once for a plane and metric."""
    return Dwell(plane, settings.guard, anchor_index(plane, settings.metric), settings.focus)
