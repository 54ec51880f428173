"""A searchable index of the anchors of a plane, in the coordinates of a metric.

Anchors at the same position share one entry, a *site*. What depends only on the plane and the
metric (sites, k-d tree, the guard's ellipsoid) is cached as long as the plane exists, so changing
another parameter of an expander rebuilds nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree
from scipy.special import gammaincinv

from latentpad.engine.expanders import kernels
from latentpad.engine.plane import Float64, Plane, chunks, moments

METRICS = ("euclidean", "mahalanobis", "cosine")
REACH_SPANS = (
    1000.0  # a point farther from the anchors' mean is clamped; unit: spans of the anchors
)
FLAT_VARIANCE = 1e-10  # of the widest direction's variance: less is float32's rounding
GUARD_QUANTILE = 0.999  # of the chi distribution: gives the guard's minimum radius

Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class AnchorIndex:
    """The M sites of L anchors. Immutable: any thread may search."""

    view: kernels.View
    coordinates: Float64
    """(M, D1) in the metric's coordinates."""
    order: Indices
    """(L,) anchors grouped by site, within a site in ascending order."""
    start: Indices
    """(M + 1,) where each site's anchors begin in `order`."""
    variance: float
    """Mean over D1 of the anchors' variance in the metric's coordinates."""
    tree: cKDTree

    def neighbours(self, points: Float64, count: int) -> tuple[Float64, Float64, Indices]:
        """Points (n, D1) in the metric's coordinates, and distances and indices (n, k) of the
        nearest sites.

        k is min(count, M). Nearest first.
        """
        x = kernels.to_metric(points, self.view)
        return x, *self.around(x, count)

    def around(self, x: Float64, count: int) -> tuple[Float64, Indices]:
        """Distances and indices (n, k) of the sites nearest to x (n, D1), which is in the metric's
        coordinates."""
        k = min(count, len(self.coordinates))
        distance, site = self.tree.query(x, k if k > 1 else [1])
        return distance, site

    def nearest(self, points: Float64) -> Indices:
        """The nearest anchor (n,); of several anchors at one site, the first."""
        site = self.tree.query(kernels.to_metric(points, self.view))[1]
        return self.order[self.start[site]]

    def means(self, values: NDArray[np.floating]) -> tuple[NDArray[np.floating], Float64]:
        """Mean (M, D) and variance (M,) of values (L, D) over the anchors of each site.

        The variance is the mean over the D columns. If no two anchors share a site, the means are
        `values` itself, not a copy. The result is read-only in both cases: to Numba a read-only
        array is a type of its own, and each type is compiled separately.
        """
        count = np.diff(self.start)
        if len(count) == len(values):
            return values, np.zeros(len(values))
        mean, variance = values[self.order[self.start[:-1]]], np.zeros(len(count))
        shared_sites = count > 1
        rows = values[self.order[np.repeat(shared_sites, count)]].astype(np.float64)
        count = count[shared_sites]
        start = np.cumsum(count) - count
        site_means = np.add.reduceat(rows, start, axis=0) / count[:, None]
        mean[shared_sites] = site_means
        rows -= np.repeat(site_means, count, axis=0)
        squares = (rows**2).sum(axis=1) / max(rows.shape[1], 1)
        variance[shared_sites] = np.add.reduceat(squares, start) / count
        mean.flags.writeable = False
        return mean, variance


def anchor_index(plane: Plane, metric: str = "euclidean") -> AnchorIndex:
    """The index of a plane's anchors under a metric. Built once per plane, in O(L log L).

    Raises:
        ValueError: no such metric.
    """
    indexes = _INDEXES.setdefault(plane, {})
    if metric not in indexes:
        indexes[metric] = _build_index(plane, metric)
    return indexes[metric]


def ellipsoid(plane: Plane) -> kernels.Ellipsoid:
    """The anchors' ellipsoid in the unknown coordinates: mean, whitening axes, radius.

    The radius, in standard deviations, is the larger of the farthest anchor's and the 99.9 % point
    of the chi distribution with D2 degrees of freedom. Computed once per plane, in O(L D2²).
    """
    if plane not in _ELLIPSOIDS:
        mean, axes, _ = whitening(plane.unknown, plane.known)
        radius = (
            math.sqrt(2 * gammaincinv(len(mean) / 2, GUARD_QUANTILE)) if len(mean) else math.inf
        )
        for rows in chunks(len(plane.unknown)):
            offset = (plane.unknown[rows] - mean) @ axes
            radius = max(radius, float(np.sqrt((offset**2).sum(axis=1).max(initial=0.0))))
        _ELLIPSOIDS[plane] = (mean, axes, radius)
    return _ELLIPSOIDS[plane]


def view(plane: Plane, metric: str) -> kernels.View:
    """The transform from the plane to coordinates in which the metric is Euclidean distance.

    Raises:
        ValueError: no such metric.
    """
    width = plane.known.shape[1]
    centre = plane.known.mean(axis=0)
    reach = REACH_SPANS * float((plane.high - plane.low).max())
    origin, axes = np.zeros(width), np.eye(width)
    if metric == "mahalanobis":
        origin, axes, _ = whitening(plane.known)
    elif metric == "cosine":
        origin = centre
    elif metric != "euclidean":
        raise ValueError(f"metric {metric!r}: choose one of {', '.join(METRICS)}")
    return centre, reach, origin, axes, metric == "cosine"


def whitening(
    x: NDArray[np.floating], reference: NDArray[np.floating] | None = None
) -> tuple[Float64, Float64, Float64]:
    """Mean (D,), axes (D, D) and their inverse: the rows of (x - mean) @ axes have covariance I.

    A direction without variance is scaled like the widest direction of x and `reference` (n, J).
    Without it, two different positions could coincide; scaled to unit variance, its rounding
    errors would exceed the other directions.
    """
    mean, covariance = moments(x)
    variance, directions = np.linalg.eigh(covariance)
    widest = max(
        variance.max(initial=0.0), 0.0 if reference is None else reference.var(axis=0).max()
    )
    variance = np.where(variance > FLAT_VARIANCE * widest, variance, widest if widest > 0 else 1.0)
    deviation = np.sqrt(variance)
    return mean, (directions / deviation) @ directions.T, (directions * deviation) @ directions.T


_INDEXES: WeakKeyDictionary[Plane, dict[str, AnchorIndex]] = WeakKeyDictionary()
_ELLIPSOIDS: WeakKeyDictionary[Plane, kernels.Ellipsoid] = WeakKeyDictionary()


def _build_index(plane: Plane, metric: str) -> AnchorIndex:
    metric_view = view(plane, metric)
    coordinates = kernels.to_metric(plane.known, metric_view)
    variance = float(np.trace(moments(coordinates)[1])) / coordinates.shape[1]
    order = np.lexsort(coordinates.T).astype(np.intp, copy=False)
    ordered = coordinates[order]
    first_of_site = np.r_[True, (ordered[1:] != ordered[:-1]).any(axis=1)]
    if first_of_site.all():  # the usual case: every anchor is a site, in the anchors' order
        order, start = np.arange(len(order)), np.arange(len(order) + 1)
    else:
        start = np.r_[np.flatnonzero(first_of_site), len(order)]
        coordinates = ordered[first_of_site]
    # Split at the middle, not the median: twice as fast to build, and safe on a constant axis.
    tree = cKDTree(coordinates, balanced_tree=False, compact_nodes=False)
    return AnchorIndex(metric_view, coordinates, order, start, variance, tree)


def batch(points: ArrayLike, plane: Plane) -> Float64:
    """Points (n, D1) for a kernel: always a copy, writable, contiguous, float64.

    For any other kind of array Numba would compile the kernel again, which takes seconds.

    Raises:
        ValueError: not (n, D1).
    """
    copy = np.array(points, np.float64, order="C")
    if copy.ndim != 2 or copy.shape[1] != plane.known.shape[1]:
        raise ValueError(f"points of shape {copy.shape}: give (n, {plane.known.shape[1]})")
    return copy


def nearest_anchor(points: ArrayLike, plane: Plane, metric: str = "euclidean") -> Indices:
    """Index (n,) of the anchor nearest to each point (n, D1) on the plane."""
    return anchor_index(plane, metric).nearest(batch(points, plane))


def blend(points: ArrayLike, plane: Plane, values: ArrayLike, n: int = 8) -> Float64:
    """Interpolate a scalar of the anchors, for example a level or a brightness.

    The inverse-distance average over the n nearest sites, with `local`'s weights (Shepard, 1968,
    in the variant of Franke & Little, where the weight of the n-th neighbour vanishes). It is exact
    at an anchor, continuous between anchors, and within the range of the neighbours' values.

    Args:
        points: (k, D1) on the plane, not on the pad.
        plane: whose anchors the values belong to.
        values: (L,) one for each anchor.
        n: number of neighbouring sites.

    Returns:
        (k,) float64.

    Raises:
        ValueError: values do not match the anchors, or n < 1.
    """
    scalar = np.ascontiguousarray(values, dtype=np.float64)
    if scalar.shape != (len(plane.known),):
        raise ValueError(f"blend: values of shape {scalar.shape} for {len(plane.known)} anchors")
    if n < 1:
        raise ValueError(f"blend: n is {n}; use one neighbour at least")
    index = anchor_index(plane)
    _, distance, site = index.neighbours(batch(points, plane), n + 1)
    focus = min(n, len(index.coordinates))
    return kernels.blend_values(
        distance, site, focus, kernels.NEIGHBOUR_POWER, index.order, index.start, scalar
    )
