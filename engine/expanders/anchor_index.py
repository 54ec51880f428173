"""The anchors as an expander sees them: in the metric's coordinates, one entry a place, searchable.

What depends on the plane alone (places and their k-d tree, the guard's ellipsoid) is kept as long
as the plane lives, so that turning an expander's knobs rebuilds nothing.
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
REACH = 1000.0  # spans of the anchors beyond which a point is held
DEAD = 1e-10  # of the widest direction's variance: narrower ones are float32's rounding
TAIL = 0.999  # of chi's distribution: the guard's least radius

Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class AnchorIndex:
    """The M different places of L anchors. Immutable: any thread may search."""

    view: kernels.View
    coordinates: Float64
    """(M, D1) in the metric's coordinates."""
    order: Indices
    """(L,) anchors, those of one place side by side, lowest index first."""
    start: Indices
    """(M + 1,) where each place's anchors begin in `order`."""
    variance: float
    """Mean over D1 of the anchors' variance in the metric's coordinates."""
    tree: cKDTree

    def neighbours(self, points: Float64, count: int) -> tuple[Float64, Float64, Indices]:
        """The measured points (n, D1), and their nearest places: distances and indices (n, k).

        k is `count`, or M if there are fewer; nearest first.
        """
        x = kernels.to_metric(points, self.view)
        return x, *self.around(x, count)

    def around(self, x: Float64, count: int) -> tuple[Float64, Indices]:
        """Distances and indices (n, k) of the places nearest to measured points x (n, D1)."""
        k = min(count, len(self.coordinates))
        distance, place = self.tree.query(x, k if k > 1 else [1])
        return distance, place

    def nearest(self, points: Float64) -> Indices:
        """The nearest anchor (n,); where several share the place, the first of them."""
        place = self.tree.query(kernels.to_metric(points, self.view))[1]
        return self.order[self.start[place]]

    def means(self, values: NDArray[np.floating]) -> tuple[NDArray[np.floating], Float64]:
        """Each place's mean (M, D) of its anchors' values (L, D), and their variance (M,).

        The variance is the mean over the D columns. Without shared places the means are the
        values themselves, not a copy; read-only either way, which is one type to a kernel.
        """
        count = np.diff(self.start)
        if len(count) == len(values):
            return values, np.zeros(len(values))
        mean, variance = values[self.order[self.start[:-1]]], np.zeros(len(count))
        shared = count > 1
        rows = values[self.order[np.repeat(shared, count)]].astype(np.float64)
        count = count[shared]
        start = np.cumsum(count) - count
        centre = np.add.reduceat(rows, start, axis=0) / count[:, None]
        mean[shared] = centre
        rows -= np.repeat(centre, count, axis=0)
        squares = (rows**2).sum(axis=1) / max(rows.shape[1], 1)
        variance[shared] = np.add.reduceat(squares, start) / count
        mean.flags.writeable = False
        return mean, variance


def anchor_index(plane: Plane, metric: str = "euclidean") -> AnchorIndex:
    """The plane's places under a metric; found once, in O(L log L).

    Raises:
        ValueError: no such metric.
    """
    kept = _INDEXES.setdefault(plane, {})
    if metric not in kept:
        kept[metric] = _found(plane, metric)
    return kept[metric]


def ellipsoid(plane: Plane) -> kernels.Ellipsoid:
    """The anchors' ellipsoid in the unknown coordinates: mean, whitening axes, radius.

    The radius, in standard deviations, is the farthest anchor's or the 99.9 % point of chi with
    D2 degrees of freedom, whichever is larger. Found once, in O(L D2²).
    """
    if plane not in _BODIES:
        mean, axes, _ = whitening(plane.unknown, plane.known)
        radius = math.sqrt(2 * gammaincinv(len(mean) / 2, TAIL)) if len(mean) else math.inf
        for rows in chunks(len(plane.unknown)):
            away = (plane.unknown[rows] - mean) @ axes
            radius = max(radius, float(np.sqrt((away**2).sum(axis=1).max(initial=0.0))))
        _BODIES[plane] = (mean, axes, radius)
    return _BODIES[plane]


def view(plane: Plane, metric: str) -> kernels.View:
    """From the plane to the coordinates in which the metric is plain distance.

    Raises:
        ValueError: no such metric.
    """
    width = plane.known.shape[1]
    centre = plane.known.mean(axis=0)
    reach = REACH * float((plane.high - plane.low).max())
    origin, axes = np.zeros(width), np.eye(width)
    if metric == "mahalanobis":
        origin, axes, _ = whitening(plane.known)
    elif metric == "cosine":
        origin = centre
    elif metric != "euclidean":
        raise ValueError(f"metric {metric!r}: choose one of {', '.join(METRICS)}")
    return centre, reach, origin, axes, metric == "cosine"


def whitening(
    x: NDArray[np.floating], beside: NDArray[np.floating] | None = None
) -> tuple[Float64, Float64, Float64]:
    """Mean (D,), axes (D, D) and their inverse: the rows of (x - mean) @ axes have covariance I.

    A direction without variance is scaled like the widest of x, and of the columns `beside` it:
    dropped, it would let two places become one; blown up, it would drown the others.
    """
    mean, covariance = moments(x)
    variance, directions = np.linalg.eigh(covariance)
    widest = max(variance.max(initial=0.0), 0.0 if beside is None else beside.var(axis=0).max())
    variance = np.where(variance > DEAD * widest, variance, widest if widest > 0 else 1.0)
    deviation = np.sqrt(variance)
    return mean, (directions / deviation) @ directions.T, (directions * deviation) @ directions.T


_INDEXES: WeakKeyDictionary[Plane, dict[str, AnchorIndex]] = WeakKeyDictionary()
_BODIES: WeakKeyDictionary[Plane, kernels.Ellipsoid] = WeakKeyDictionary()


def _found(plane: Plane, metric: str) -> AnchorIndex:
    seen = view(plane, metric)
    coordinates = kernels.to_metric(plane.known, seen)
    variance = float(np.trace(moments(coordinates)[1])) / coordinates.shape[1]
    order = np.lexsort(coordinates.T).astype(np.intp, copy=False)
    ordered = coordinates[order]
    fresh = np.r_[True, (ordered[1:] != ordered[:-1]).any(axis=1)]
    if fresh.all():  # the rule: then places are the anchors themselves, in their own order
        order, start = np.arange(len(order)), np.arange(len(order) + 1)
    else:
        start = np.r_[np.flatnonzero(fresh), len(order)]
        coordinates = ordered[fresh]
    # Split at the middle, not the median: twice as fast to build, and safe on a dead axis.
    tree = cKDTree(coordinates, balanced_tree=False, compact_nodes=False)
    return AnchorIndex(seen, coordinates, order, start, variance, tree)


def batch(points: ArrayLike, plane: Plane) -> Float64:
    """Points (n, D1) as a kernel takes them: always a copy, writable, contiguous, float64.

    Any other kind of array would have numba compile the kernel anew, for seconds, mid-gesture.

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
    """What a scalar of the anchors (a level, a brightness) is between them.

    The inverse-distance average over the n nearest places, with `local`'s weights (Shepard,
    1968; Franke & Little's vanishing at the n-th): the anchor's own value at an anchor,
    continuous between, never beyond the neighbours' values.

    Args:
        points: (k, D1) on the plane, not on the pad.
        plane: whose anchors the values belong to.
        values: (L,) one for each anchor.
        n: places listened to.

    Returns:
        (k,) float64.

    Raises:
        ValueError: values do not match the anchors, or n < 1.
    """
    scalar = np.ascontiguousarray(values, dtype=np.float64)
    if scalar.shape != (len(plane.known),):
        raise ValueError(f"blend: values of shape {scalar.shape} for {len(plane.known)} anchors")
    if n < 1:
        raise ValueError(f"blend: n is {n}; listen to one place at least")
    at = anchor_index(plane)
    _, distance, place = at.neighbours(batch(points, plane), n + 1)
    focus = min(n, len(at.coordinates))
    return kernels.blend_values(distance, place, focus, kernels.SHARP, at.order, at.start, scalar)
