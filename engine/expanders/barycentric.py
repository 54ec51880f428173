"""`barycentric`: the three anchors around a point, mixed as the point divides their triangle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from latentpad.engine.expander_declarations import Declaration
from latentpad.engine.expanders import kernels
from latentpad.engine.expanders.anchor_index import DEAD, AnchorIndex, anchor_index, batch
from latentpad.engine.expanders.delaunay import GHOST, insertion_order, triangulated
from latentpad.engine.expanders.expander import Expander, Settings
from latentpad.engine.plane import Float64, Plane, moments

Int32 = NDArray[np.int32]
Weights = tuple[Int32, Float64]
"""Three places (n, 3) for each point, and how much of each (n, 3): >= 0, their sum 1."""


@njit(cache=True, nogil=True)
def on_hull(
    x: float, y: float, ghost: int, places: Float64, corners: Int32, across: Int32
) -> tuple[int, int, float]:
    """The hull's point nearest to one outside: the ends of its edge, and the share of the second.

    ghost is the triangle beyond an edge that the point sees; from there the way to the nearest
    point is downhill along the hull, which is convex.
    """
    came = 0
    while True:
        k = 0
        while corners[ghost, k] != GHOST:
            k += 1
        b, a = corners[ghost, (k + 1) % 3], corners[ghost, (k + 2) % 3]
        edge_x, edge_y = places[b, 0] - places[a, 0], places[b, 1] - places[a, 1]
        along = (x - places[a, 0]) * edge_x + (y - places[a, 1]) * edge_y
        length = edge_x * edge_x + edge_y * edge_y
        if along < 0.0 and came <= 0:
            ghost, came = across[ghost, (k + 1) % 3], -1
        elif along > length and came >= 0:
            ghost, came = across[ghost, (k + 2) % 3], 1
        else:
            return a, b, min(max(along / length, 0.0), 1.0) if length > 0.0 else 0.0


@njit(cache=True, nogil=True)
def triangle_weights(
    x: Float64, near: NDArray[np.intp], places: Float64, corners: Int32, across: Int32, home: Int32
) -> Weights:
    """The triangle around each point x (n, 2), found by a walk from the place `near` (n,) it.

    Its weights are areas of triangles with the point for a corner: at a place those are exactly
    0, 0 and 1, whatever the rounding. home (M,) is one triangle at each place.
    """
    count = len(x)
    corner, weight = np.zeros((count, 3), np.int32), np.zeros((count, 3))
    area = np.empty(3)
    for n in range(count):
        t, turn, outside = home[near[n]], 0, False
        for _ in range(len(corners)):  # rounding could lead it in a ring, but not for ever
            crossed = -1
            for k in range(3):
                i = (k + turn) % 3
                a, b = corners[t, (i + 1) % 3], corners[t, (i + 2) % 3]
                ax, ay = places[a, 0] - x[n, 0], places[a, 1] - x[n, 1]
                bx, by = places[b, 0] - x[n, 0], places[b, 1] - x[n, 1]
                area[i] = ax * by - ay * bx
                if area[i] < 0.0:
                    crossed = i
                    break
            if crossed < 0:
                break
            t = across[t, crossed]
            if corners[t, 0] == GHOST or corners[t, 1] == GHOST or corners[t, 2] == GHOST:
                outside = True
                break
            turn = (turn * 5 + 3) % 7
        if outside:
            a, b, share = on_hull(x[n, 0], x[n, 1], t, places, corners, across)
            corner[n, 0], corner[n, 1], corner[n, 2] = a, b, a
            weight[n, 0], weight[n, 1] = 1.0 - share, share
            continue
        total = 0.0
        for k in range(3):
            corner[n, k] = corners[t, k]
            weight[n, k] = max(area[k], 0.0)
            total += weight[n, k]
        for k in range(3):  # a triangle without area: the place that is nearest
            if total > 0.0:
                weight[n, k] /= total
            else:
                weight[n, k] = 1.0 if corner[n, k] == near[n] else 0.0
    return corner, weight


@njit(cache=True, nogil=True)
def segment_weights(
    x: Float64, origin: Float64, axis: Float64, along: Float64, order: Int32
) -> Weights:
    """The two places on either side of each point x (n, D1), of places that lie in one line.

    along (M,) is where they are on the line through origin (D1,) along axis (D1,), ascending.
    """
    count, last = len(x), len(along) - 1
    corner, weight = np.zeros((count, 3), np.int32), np.zeros((count, 3))
    for n in range(count):
        at = 0.0
        for i in range(len(axis)):
            at += (x[n, i] - origin[i]) * axis[i]
        after = min(int(np.searchsorted(along, at)), last)
        before = max(after - 1, 0)
        gap = along[after] - along[before]
        share = min(max((at - along[before]) / gap, 0.0), 1.0) if gap > 0.0 else 1.0
        corner[n, 0], corner[n, 1], corner[n, 2] = order[before], order[after], order[before]
        weight[n, 0], weight[n, 1] = 1.0 - share, share
    return corner, weight


@njit(cache=True, nogil=True)
def weighted_latents(
    points: Float64,
    corner: Int32,
    weight: Float64,
    unknown: kernels.Floats,
    body: kernels.Ellipsoid,
    frame: kernels.Frame,
) -> Float64:
    """Three places' unknown coordinates (M, D2), weighed for each point."""
    rows = np.zeros((len(points), unknown.shape[1]))
    for n in range(len(points)):
        for k in range(3):
            if weight[n, k] > 0.0:
                for j in range(unknown.shape[1]):
                    rows[n, j] += weight[n, k] * unknown[corner[n, k], j]
    return kernels.to_latents(points, rows, body, frame)


@njit(cache=True, nogil=True)
def weighted_spread(
    corner: Int32, weight: Float64, unknown: kernels.Floats, within: Float64
) -> Float64:
    """Weighted standard deviation (n,) of the three, root mean square over D2; see `within` of
    `kernels.weighted_spread`."""
    out = np.zeros(len(corner))
    for n in range(len(corner)):
        for k in range(3):
            out[n] += weight[n, k] * within[corner[n, k]]
        for j in range(unknown.shape[1]):
            mean = 0.0
            for k in range(3):
                mean += weight[n, k] * unknown[corner[n, k], j]
            for k in range(3):
                away = unknown[corner[n, k], j] - mean
                out[n] += weight[n, k] * away * away / unknown.shape[1]
        out[n] = math.sqrt(out[n])
    return out


@dataclass(frozen=True, eq=False)
class Triangles:
    """Delaunay's triangles of places that do not lie in line."""

    corners: Int32
    """(T, 3), as `delaunay` says."""
    across: Int32
    """(T, 3)."""
    home: Int32
    """(M,) one of each place's triangles, not a ghost."""

    def weigh(self, at: AnchorIndex, points: Float64) -> Weights:
        """The places around points (n, 2) on the plane, and how much of each."""
        x, _, place = at.neighbours(points, 1)
        return triangle_weights(
            x, place[:, 0], at.coordinates, self.corners, self.across, self.home
        )


@dataclass(frozen=True, eq=False)
class Line:
    """Places in line, or but for rounding: their points are projected on it."""

    origin: Float64
    """(D1,)."""
    axis: Float64
    """(D1,)."""
    along: Float64
    """(M,) where the places are on it, ascending."""
    order: Int32
    """(M,) the places in that order."""

    def weigh(self, at: AnchorIndex, points: Float64) -> Weights:
        """The places on either side of points (n, D1) on the plane, and how much of each."""
        x = kernels.to_metric(points, at.view)
        return segment_weights(x, self.origin, self.axis, self.along, self.order)


class Barycentric(Expander):
    """Linear between the anchors of the Delaunay triangle around p. Exact and continuous.

    The interpolant is that of scipy's LinearNDInterpolator; outside the anchors' hull a point
    counts as the hull's nearest, so that no direction is ever extrapolated. Anchors at one place
    are replaced by their mean. Under the cosine metric all places lie on a circle, and a point
    is between the two whose directions are next to its own.

    Places that lie in line but for float32's rounding count as in line: a point is between two.

    The triangles of a million anchors take a second of a core and 50 MB, and are kept as long as
    the plane; a point costs a search of the k-d tree and some steps from triangle to triangle,
    whatever L is.
    """

    def __init__(self, plane: Plane, guard: bool, at: AnchorIndex) -> None:
        super().__init__(plane, guard)
        self._places = at
        self._mesh = triangulation(at)
        self._unknown, self._within = at.means(plane.unknown)

    def spread(self, points: ArrayLike) -> Float64:
        """As `Expander.spread`, among the three anchors."""
        weights = self._mesh.weigh(self._places, batch(points, self.plane))
        return weighted_spread(*weights, self._unknown, self._within)

    def _latents(self, points: Float64) -> Float64:
        weights = self._mesh.weigh(self._places, points)
        return weighted_latents(points, *weights, self._unknown, self._body, self._frame)


@Declaration(
    "barycentric",
    5,
    "linear in the triangle of three sounds around the point",
    exact=True,
    continuous=True,
    uses=("metric",),
)
def barycentric(plane: Plane, settings: Settings) -> Barycentric:
    """O(L log L) once for a plane.

    Raises:
        ValueError: a plane of more than two coordinates.
    """
    if (width := plane.known.shape[1]) != 2:
        raise ValueError(
            f"barycentric: triangles lie on a plane of two coordinates, this one has {width}"
        )
    return Barycentric(plane, settings.guard, anchor_index(plane, settings.metric))


def triangulation(at: AnchorIndex) -> Triangles | Line:
    """What lies between the places; found once, in O(M log M)."""
    if at not in _MESHES:
        _MESHES[at] = _triangles(at.coordinates) or _line(at.coordinates)
    return _MESHES[at]


_MESHES: WeakKeyDictionary[AnchorIndex, Triangles | Line] = WeakKeyDictionary()


def _triangles(coordinates: Float64) -> Triangles | None:
    variance = np.linalg.eigvalsh(moments(coordinates)[1])
    if variance[0] <= DEAD * variance[-1]:  # rounding would decide what the hull is
        return None
    order = insertion_order(coordinates)
    if order is None:
        return None
    corners, across = triangulated(coordinates, order)
    real = np.flatnonzero((corners != GHOST).all(axis=1)).astype(np.int32)
    home = np.empty(len(coordinates), np.int32)
    home[corners[real]] = real[:, None]
    return Triangles(corners, across, home)


def _line(coordinates: Float64) -> Line:
    origin, covariance = moments(coordinates)
    axis = np.ascontiguousarray(np.linalg.eigh(covariance)[1][:, -1])
    along = (coordinates - origin) @ axis
    order = np.argsort(along, kind="stable").astype(np.int32)
    # Two that are different places but beside the line: a hair apart, or z̃ would jump there.
    hairs = 2.0 * np.spacing(np.abs(along).max()) * np.arange(len(along))
    return Line(origin, axis, np.maximum.accumulate(along[order] - hairs) + hairs, order)
