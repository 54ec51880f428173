"""`rbf`: thin-plate splines, either one through all anchors or one through a point's neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve, qr, solve_triangular
from threadpoolctl import threadpool_limits

from latentpad.engine.expander_declarations import Declaration
from latentpad.engine.expanders import anchor_weights, kernels
from latentpad.engine.expanders.anchor_index import FLAT_VARIANCE, AnchorIndex, anchor_index, batch
from latentpad.engine.expanders.expander import Expander, ExpanderSettings
from latentpad.engine.plane import Float64, Plane, moments

GLOBAL_SITES = 1024  # the most sites of one global spline; a point costs in proportion
MOST_NEIGHBOURS = 48  # of a moving spline; a point costs their third power
TOLERANCE = 0.1  # how fast a neighbour's error variance grows towards the neighbourhood's edge
MOST_TOLERANT = 1e12  # the largest error variance: such a neighbour has no influence
SLOPE = 100.0  # variance of the slope, in the spline's unit over a neighbourhood
LEVEL = 10.0  # added to all covariances: makes them positive definite, changes no result
ROUNDING = 1e-6  # of the anchors' range: a spline that misses an anchor by more is rejected
NUGGET = 1e-12  # added to variances: keeps them positive definite where two sites nearly coincide


@njit(cache=True, nogil=True)
def thin_plate_kernel(square: float) -> float:
    """The thin-plate kernel r² log r as a function of r²."""
    return 0.5 * square * math.log(square) if square > 0.0 else 0.0


@njit(cache=True, nogil=True)
def global_spline(
    points: Float64,
    view: kernels.View,
    origin: Float64,
    axes: Float64,
    nodes: Float64,
    bending: Float64,
    linear: Float64,
    body: kernels.Ellipsoid,
    frame: kernels.Frame,
) -> Float64:
    """Latents (n, D) with z̃ = [1, y] @ linear (1 + r, D2) + k(y) @ bending (M, D2).

    y = (x - origin (D1,)) @ axes (D1, r), with x in the metric's coordinates. k(y) (M,) is the
    thin-plate kernel of the distances to the nodes (M, r).
    """
    x = kernels.to_metric(points, view)
    count, d2, rank = len(x), linear.shape[1], nodes.shape[1]
    unknown = np.empty((count, d2))
    y = np.empty(rank)
    for n in range(count):
        y[:] = 0.0
        unknown[n] = linear[0]
        for j in range(rank):
            for i in range(x.shape[1]):
                y[j] += (x[n, i] - origin[i]) * axes[i, j]
            for i in range(d2):
                unknown[n, i] += y[j] * linear[1 + j, i]
        for k in range(len(nodes)):
            square = 0.0
            for j in range(rank):
                square += (y[j] - nodes[k, j]) ** 2
            factor = thin_plate_kernel(square)
            for i in range(d2):
                unknown[n, i] += factor * bending[k, i]
    return kernels.to_latents(points, unknown, body, frame)


@njit(cache=True, nogil=True)
def solve_spd_upper(a: Float64, b: Float64) -> None:
    """Solve a x = b in place (b (n, 2) becomes x), a symmetric positive definite. a is lost."""
    size = len(b)
    for i in range(size):
        for k in range(i + 1, size):
            ratio = a[i, k] / a[i, i]
            for j in range(k, size):
                a[k, j] -= ratio * a[i, j]
            b[k, 0] -= ratio * b[i, 0]
            b[k, 1] -= ratio * b[i, 1]
    for i in range(size - 1, -1, -1):
        for j in range(i + 1, size):
            b[i, 0] -= a[i, j] * b[j, 0]
            b[i, 1] -= a[i, j] * b[j, 1]
        b[i, 0] /= a[i, i]
        b[i, 1] /= a[i, i]


@njit(cache=True, nogil=True)
def kriging_weights(
    x: Float64,
    distance: Float64,
    neighbour: NDArray[np.intp],
    sites: Float64,
    u: Float64,
    a: Float64,
    weight: Float64,
) -> None:
    """The weight of each neighbour (n,) in the spline at x (D1,), written to weight[:, 0].

    `distance` (n + 1,) is ascending, `neighbour` (n + 1,) in the same order. The last neighbour has
    no weight: its distance R is the unit of length. The other arrays are overwritten.
    """
    focus, width, reach = len(u), len(x), distance[-1]
    if distance[0] == 0.0:
        weight[:, 0] = 0.0
        weight[0, 0] = 1.0
        return
    for k in range(focus):
        for i in range(width):
            u[k, i] = (sites[neighbour[k], i] - x[i]) / reach
    for k in range(focus):
        t = distance[k] / reach
        weight[k, 0] = thin_plate_kernel(t * t) + LEVEL
        weight[k, 1] = 1.0
        for m in range(k, focus):
            square, along = 0.0, 0.0
            for i in range(width):
                square += (u[k, i] - u[m, i]) ** 2
                along += u[k, i] * u[m, i]
            a[k, m] = thin_plate_kernel(square) + SLOPE * along + LEVEL
        error_variance = MOST_TOLERANT
        if t < 1.0:
            error_variance = min((TOLERANCE * t * t / (1.0 - t)) ** 2, MOST_TOLERANT)
        a[k, k] += error_variance + NUGGET
    solve_spd_upper(a, weight)
    total, total_of_ones = 0.0, 0.0
    for k in range(focus):
        total += weight[k, 0]
        total_of_ones += weight[k, 1]
    for k in range(focus):  # make their sum one, so that a constant is reproduced exactly
        weight[k, 0] += weight[k, 1] * (1.0 - total) / total_of_ones


@njit(cache=True, nogil=True)
def moving_spline(
    points: Float64,
    x: Float64,
    distance: Float64,
    neighbour: NDArray[np.intp],
    sites: Float64,
    unknown: kernels.Floats,
    body: kernels.Ellipsoid,
    frame: kernels.Frame,
) -> Float64:
    """Latents (n, D) of the splines through the neighbours (n, focus + 1) of x (n, D1); the last
    neighbour has no weight."""
    count, d2, focus = len(x), unknown.shape[1], distance.shape[1] - 1
    u, a, weight = np.empty((focus, x.shape[1])), np.empty((focus, focus)), np.empty((focus, 2))
    rows = np.zeros((count, d2))
    for n in range(count):
        kriging_weights(x[n], distance[n], neighbour[n], sites, u, a, weight)
        for k in range(focus):
            for i in range(d2):
                rows[n, i] += weight[k, 0] * unknown[neighbour[n, k], i]
    return kernels.to_latents(points, rows, body, frame)


@dataclass(frozen=True, eq=False)
class ThinPlate:
    """The coefficients of a thin-plate spline through M sites, see `global_spline`."""

    origin: Float64  # (D1,)
    axes: Float64
    """(D1, r): the r directions in which the sites differ, scaled to unit width."""
    nodes: Float64  # (M, r)
    bending: Float64  # (M, D2)
    linear: Float64  # (1 + r, D2)
    exact: bool
    """Whether it passes through the sites; rounding prevents it where two nearly coincide."""


class _NeighbourSpread(Expander):
    """Its spread is that of `local`'s neighbours, because a spline's weights may be negative."""

    def __init__(self, plane: Plane, guard: bool, index: AnchorIndex, focus: int) -> None:
        super().__init__(plane, guard)
        self._index, self._focus = index, min(focus, len(index.coordinates))
        self._unknown, self._within = index.means(plane.unknown)

    def spread(self, points: ArrayLike) -> Float64:
        """As `Expander.spread`."""
        _, distance, site = self._index.neighbours(batch(points, self.plane), self._focus + 1)
        weighting = kernels.NEIGHBOUR_POWER, self._unknown, self._within
        return kernels.weighted_spread(distance, site, self._focus, *weighting)

    def anchor_weights(self, points: ArrayLike) -> anchor_weights.AnchorWeights:
        """As `Expander.anchor_weights`, of `local`'s neighbours."""
        return anchor_weights.near(self._index, batch(points, self.plane), self._focus)


class Spline(_NeighbourSpread):
    """The thin-plate spline through all anchors (Duchon, 1977), with a linear polynomial.

    Exact at anchors and smooth: of all surfaces through them, the one with the least bending
    energy. The result is that of scipy's RBFInterpolator; for collinear sites it is the spline
    along their line. Anchors at one site are replaced by their mean. A point costs O(L) and a fit
    O(L³), so there are at most `GLOBAL_SITES` sites.
    """

    def __init__(self, plane: Plane, guard: bool, index: AnchorIndex, focus: int) -> None:
        super().__init__(plane, guard, index, focus)
        self._plate = thin_plate(plane, index)

    def _latents(self, points: Float64) -> Float64:
        s = self._plate
        return global_spline(
            points, self._index.view, s.origin, s.axes, s.nodes, s.bending, s.linear,
            self._body, self._frame,
        )  # fmt: skip


class MovingSpline(_NeighbourSpread):
    """The thin-plate spline through the `focus` nearest anchors, not exact at the outer ones.

    Each point has its own spline, through its neighbours. So that z̃ does not jump where one
    neighbour replaces another, a neighbour at the distance t R, R the radius of the neighbourhood,
    has an error variance of (TOLERANCE t² / (1 - t))²: 0 at the point and infinite at the edge
    (Rivoirard & Romary, "Continuity for kriging with moving neighborhood", 2011; a thin-plate
    spline is kriging with the covariance r² log r). The slope has a large but finite variance, or
    the outermost neighbour alone could change it. Exact at anchors and continuous. The cost does
    not depend on L: there is no fit, and no memory besides the k-d tree's. Around two anchors
    nearer than a millionth of R, their mean is taken, except exactly at either of them.
    """

    def __init__(self, plane: Plane, guard: bool, index: AnchorIndex, focus: int) -> None:
        super().__init__(plane, guard, index, focus)
        self._count = min(self._focus, MOST_NEIGHBOURS, len(index.coordinates) - 1)

    def _latents(self, points: Float64) -> Float64:
        x, distance, site = self._index.neighbours(points, self._count + 1)
        return moving_spline(
            points, x, distance, site, self._index.coordinates, self._unknown,
            self._body, self._frame,
        )  # fmt: skip


@Declaration(
    "rbf", 6, "smooth thin-plate splines; of more than 1,024 sounds, of `/focus` neighbours",
    exact=True, continuous=True, uses=("metric", "focus"),
)  # fmt: skip
def spline(plane: Plane, settings: ExpanderSettings) -> Expander:
    """One spline through all sites if there are at most `GLOBAL_SITES`, not too close together."""
    index = anchor_index(plane, settings.metric)
    through_all = len(index.coordinates) <= GLOBAL_SITES and thin_plate(plane, index).exact
    return (Spline if through_all else MovingSpline)(plane, settings.guard, index, settings.focus)


def thin_plate(plane: Plane, index: AnchorIndex) -> ThinPlate:
    """The thin-plate spline through a plane's sites. Computed once, in O(M³)."""
    if index not in _THIN_PLATES:
        with threadpool_limits(1):  # on a busy machine two threads take ten times as long
            _THIN_PLATES[index] = _fit_thin_plate(index.coordinates, index.means(plane.unknown)[0])
    return _THIN_PLATES[index]


_THIN_PLATES: WeakKeyDictionary[AnchorIndex, ThinPlate] = WeakKeyDictionary()


def _fit_thin_plate(coordinates: Float64, unknown: NDArray[np.floating]) -> ThinPlate:
    origin, covariance = moments(coordinates)
    variance, directions = np.linalg.eigh(covariance)
    spanned = variance > FLAT_VARIANCE * max(variance[-1], 0.0)
    axes = directions[:, spanned] / math.sqrt(max(variance[-1], np.finfo(float).tiny))
    nodes = (coordinates - origin) @ axes
    values = unknown.astype(np.float64)
    polynomial = np.hstack([np.ones((len(nodes), 1)), nodes])
    terms = min(polynomial.shape)
    q, r = qr(polynomial)
    bend = ((nodes[:, None] - nodes) ** 2).sum(axis=2)
    bend *= 0.5 * np.log(np.where(bend > 0.0, bend, 1.0))
    # On the coefficients orthogonal to the polynomial, r² log r is positive definite.
    across = q[:, terms:]
    bending = across @ _solve_definite(across.T @ bend @ across, across.T @ values)
    straight = values - bend @ bending
    linear = np.zeros((polynomial.shape[1], values.shape[1]))
    linear[:terms] = solve_triangular(r[:terms, :terms], q[:, :terms].T @ straight)
    missed = np.abs(straight - polynomial @ linear).max(initial=0.0)
    size = np.abs(values - values.mean(axis=0)).max(initial=0.0)
    exact = bool(missed <= ROUNDING * size)
    return ThinPlate(origin, np.ascontiguousarray(axes), nodes, bending, linear, exact)


def _solve_definite(a: Float64, b: Float64) -> Float64:
    """Solve a x = b. If rounding has made `a` indefinite, its diagonal is increased a little."""
    if not len(a):
        return b
    diagonal = 0.0
    while True:
        try:
            return np.asarray(cho_solve(cho_factor(a + diagonal * np.eye(len(a))), b))
        except np.linalg.LinAlgError:
            diagonal = max(100.0 * diagonal, 1e-15 * (float(np.trace(a)) / len(a) or 1.0))
