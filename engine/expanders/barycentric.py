"""`barycentric`: linear interpolation in the triangle of three anchors around a point."""

from __future__ import annotations

import math
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from latentpad.engine.expander_declarations import Declaration
from latentpad.engine.expanders import anchor_weights, kernels
from latentpad.engine.expanders.anchor_index import FLAT_VARIANCE, AnchorIndex, anchor_index, batch
from latentpad.engine.expanders.anchor_weights import AnchorWeights
from latentpad.engine.expanders.delaunay import GHOST, insertion_order, triangulate
from latentpad.engine.expanders.expander import Expander, ExpanderSettings
from latentpad.engine.plane import Float64, Plane, moments

Int32 = NDArray[np.int32]
Weights = tuple[Int32, Float64]
"""Three sites (n, 3) for each point, and their weights (n, 3): >= 0, their sum 1."""


@njit(cache=True, nogil=True)
def on_hull(
    x: float, y: float, ghost: int, sites: Float64, corners: Int32, across: Int32
) -> tuple[int, int, float]:
    """The hull's point nearest to (x, y) outside it: the two ends of its edge, and the weight of
    the second end.

    `ghost` is the ghost triangle of an edge that the point sees. The hull is convex, so a walk
    along it that reduces the distance ends at the nearest point.
    """
    direction = 0
    while True:
        k = 0
        while corners[ghost, k] != GHOST:
            k += 1
        b, a = corners[ghost, (k + 1) % 3], corners[ghost, (k + 2) % 3]
        edge_x, edge_y = sites[b, 0] - sites[a, 0], sites[b, 1] - sites[a, 1]
        along = (x - sites[a, 0]) * edge_x + (y - sites[a, 1]) * edge_y
        length = edge_x * edge_x + edge_y * edge_y
        if along < 0.0 and direction <= 0:
            ghost, direction = across[ghost, (k + 1) % 3], -1
        elif along > length and direction >= 0:
            ghost, direction = across[ghost, (k + 2) % 3], 1
        else:
            return a, b, min(max(along / length, 0.0), 1.0) if length > 0.0 else 0.0


@njit(cache=True, nogil=True)
def triangle_weights(
    x: Float64,
    nearest: NDArray[np.intp],
    sites: Float64,
    corners: Int32,
    across: Int32,
    incident: Int32,
) -> Weights:
    """Corners and weights of the triangle around each point x (n, 2).

    A walk from the site `nearest` (n,) to each point finds it. The weights are areas of triangles
    with the point as a corner: at a site they are exactly 0, 0 and 1. `incident` (M,) is one
    triangle at each site.
    """
    count = len(x)
    corner, weight = np.zeros((count, 3), np.int32), np.zeros((count, 3))
    area = np.empty(3)
    for n in range(count):
        t, turn, outside = incident[nearest[n]], 0, False
        for _ in range(len(corners)):  # bounded: with rounding the walk could go in a circle
            crossed = -1
            for k in range(3):
                i = (k + turn) % 3
                a, b = corners[t, (i + 1) % 3], corners[t, (i + 2) % 3]
                ax, ay = sites[a, 0] - x[n, 0], sites[a, 1] - x[n, 1]
                bx, by = sites[b, 0] - x[n, 0], sites[b, 1] - x[n, 1]
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
            a, b, share = on_hull(x[n, 0], x[n, 1], t, sites, corners, across)
            corner[n, 0], corner[n, 1], corner[n, 2] = a, b, a
            weight[n, 0], weight[n, 1] = 1.0 - share, share
            continue
        total = 0.0
        for k in range(3):
            corner[n, k] = corners[t, k]
            weight[n, k] = max(area[k], 0.0)
            total += weight[n, k]
        for k in range(3):  # a triangle without area: take the nearest site
            if total > 0.0:
                weight[n, k] /= total
            else:
                weight[n, k] = 1.0 if corner[n, k] == nearest[n] else 0.0
    return corner, weight


@njit(cache=True, nogil=True)
def segment_weights(
    x: Float64, origin: Float64, axis: Float64, along: Float64, order: Int32
) -> Weights:
    """The two sites on either side of each point x (n, D1), for sites that are collinear.

    `along` (M,) are the sites' coordinates on the line through `origin` (D1,) along `axis` (D1,),
    ascending.
    """
    count, last = len(x), len(along) - 1
    corner, weight = np.zeros((count, 3), np.int32), np.zeros((count, 3))
    for n in range(count):
        position = 0.0
        for i in range(len(axis)):
            position += (x[n, i] - origin[i]) * axis[i]
        after = min(int(np.searchsorted(along, position)), last)
        before = max(after - 1, 0)
        gap = along[after] - along[before]
        share = min(max((position - along[before]) / gap, 0.0), 1.0) if gap > 0.0 else 1.0
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
    """Latents (n, D) of the weighted sums of three sites' unknown coordinates (M, D2)."""
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
    """Weighted standard deviation (n,) of the three sites, root mean square over D2. `within` is as
    in `kernels.weighted_spread`."""
    out = np.zeros(len(corner))
    for n in range(len(corner)):
        for k in range(3):
            out[n] += weight[n, k] * within[corner[n, k]]
        for j in range(unknown.shape[1]):
            mean = 0.0
            for k in range(3):
                mean += weight[n, k] * unknown[corner[n, k], j]
            for k in range(3):
                offset = unknown[corner[n, k], j] - mean
                out[n] += weight[n, k] * offset * offset / unknown.shape[1]
        out[n] = math.sqrt(out[n])
    return out


@dataclass(frozen=True, eq=False)
class Triangles:
    """The Delaunay triangulation of sites that are not collinear."""

    corners: Int32
    """(T, 3), see `delaunay`."""
    across: Int32
    """(T, 3)."""
    incident: Int32
    """(M,) one triangle at each site, not a ghost."""

    def weights(self, index: AnchorIndex, points: Float64) -> Weights:
        """The sites around points (n, 2) on the plane, and their weights."""
        x, _, site = index.neighbours(points, 1)
        return triangle_weights(
            x, site[:, 0], index.coordinates, self.corners, self.across, self.incident
        )


@dataclass(frozen=True, eq=False)
class Line:
    """Sites that are collinear within rounding. Points are projected on the line."""

    origin: Float64
    """(D1,)."""
    axis: Float64
    """(D1,)."""
    along: Float64
    """(M,) the sites' coordinates along the axis, ascending."""
    order: Int32
    """(M,) the sites in that order."""

    def weights(self, index: AnchorIndex, points: Float64) -> Weights:
        """The sites on either side of points (n, D1) on the plane, and their weights."""
        x = kernels.to_metric(points, index.view)
        return segment_weights(x, self.origin, self.axis, self.along, self.order)


class Barycentric(Expander):
    """Linear between the anchors of the Delaunay triangle around p. Exact and continuous.

    The interpolant is that of scipy's LinearNDInterpolator. A point outside the anchors' hull is
    replaced by the nearest point of the hull, so nothing is extrapolated. Anchors at one site are
    replaced by their mean. Under the cosine metric all sites are on a circle, and a point is
    interpolated between the two with the nearest directions.

    Sites that are collinear within float32's rounding count as collinear: a point is interpolated
    between two of them.

    The triangulation of a million anchors takes a second of one core and 50 MB, and is cached as
    long as the plane. A point costs a search of the k-d tree and a few steps from triangle to
    triangle, independent of L.
    """

    def __init__(self, plane: Plane, guard: bool, index: AnchorIndex) -> None:
        super().__init__(plane, guard)
        self._index = index
        self._triangulation = triangulation(index)
        self._unknown, self._within = index.means(plane.unknown)

    def spread(self, points: ArrayLike) -> Float64:
        """As `Expander.spread`, among the three anchors."""
        weights = self._triangulation.weights(self._index, batch(points, self.plane))
        return weighted_spread(*weights, self._unknown, self._within)

    def anchor_weights(self, points: ArrayLike) -> AnchorWeights:
        """As `Expander.anchor_weights`, of the three anchors."""
        sites, weights = self._triangulation.weights(self._index, batch(points, self.plane))
        return anchor_weights.of_sites(self._index, sites.astype(np.intp), weights)

    def _latents(self, points: Float64) -> Float64:
        weights = self._triangulation.weights(self._index, points)
        return weighted_latents(points, *weights, self._unknown, self._body, self._frame)


@Declaration(
    "barycentric",
    5,
    "linear in the triangle of three sounds around the point",
    exact=True,
    continuous=True,
    uses=("metric",),
)
def barycentric(plane: Plane, settings: ExpanderSettings) -> Barycentric:
    """Fit in O(L log L), once for a plane and metric.

    Raises:
        ValueError: a plane of more than two coordinates.
    """
    if (width := plane.known.shape[1]) != 2:
        raise ValueError(
            f"barycentric: triangles lie on a plane of two coordinates, this one has {width}"
        )
    return Barycentric(plane, settings.guard, anchor_index(plane, settings.metric))


def triangulation(index: AnchorIndex) -> Triangles | Line:
    """The triangles between the sites, or their line. Computed once, in O(M log M)."""
    if index not in _TRIANGULATIONS:
        _TRIANGULATIONS[index] = _triangles(index.coordinates) or _line(index.coordinates)
    return _TRIANGULATIONS[index]


_TRIANGULATIONS: WeakKeyDictionary[AnchorIndex, Triangles | Line] = WeakKeyDictionary()


def _triangles(coordinates: Float64) -> Triangles | None:
    variance = np.linalg.eigvalsh(moments(coordinates)[1])
    if variance[0] <= FLAT_VARIANCE * variance[-1]:  # rounding would decide what the hull is
        return None
    order = insertion_order(coordinates)
    if order is None:
        return None
    corners, across = triangulate(coordinates, order)
    real = np.flatnonzero((corners != GHOST).all(axis=1)).astype(np.int32)
    incident = np.empty(len(coordinates), np.int32)
    incident[corners[real]] = real[:, None]
    return Triangles(corners, across, incident)


def _line(coordinates: Float64) -> Line:
    origin, covariance = moments(coordinates)
    axis = np.ascontiguousarray(np.linalg.eigh(covariance)[1][:, -1])
    along = (coordinates - origin) @ axis
    order = np.argsort(along, kind="stable").astype(np.int32)
    # Two sites may project to one point of the line. Keep them apart, or z̃ would jump there.
    gaps = 2.0 * np.spacing(np.abs(along).max()) * np.arange(len(along))
    return Line(origin, axis, np.maximum.accumulate(along[order] - gaps) + gaps, order)
