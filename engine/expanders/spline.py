"""`rbf`: thin-plate splines, one through all the anchors or one through a point's neighbours."""

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
from latentpad.engine.expanders import kernels
from latentpad.engine.expanders.anchor_index import DEAD, AnchorIndex, anchor_index, batch
from latentpad.engine.expanders.expander import Expander, Settings
from latentpad.engine.plane import Float64, Plane, moments

WHOLE = 1024  # places through which one spline goes; a point costs in proportion
LISTENED = 48  # neighbours at most of a spline of neighbours; a point costs their third power
TOLERANCE = 0.1  # how soon a neighbour may be missed as it nears the edge of the neighbourhood
MOST_TOLERANT = 1e12  # as good as infinite: the neighbour counts for nothing
SLOPE = 100.0  # variance granted to the slope, of the spline's own unit over a neighbourhood
LEVEL = 10.0  # added to all covariances: changes no answer, makes them positive definite
ROUNDING = 1e-6  # of the anchors' range: a spline that misses one of them by more is not taken
NUGGET = 1e-12  # and keeps them so where two places are one but for rounding


@njit(cache=True, nogil=True)
def thin_plate_kernel(square: float) -> float:
    """The thin plate's r² log r, of r²."""
    return 0.5 * square * math.log(square) if square > 0.0 else 0.0


@njit(cache=True, nogil=True)
def global_spline(
    points: Float64,
    view: kernels.View,
    origin: Float64,
    axes: Float64,
    nodes: Float64,
    bends: Float64,
    plain: Float64,
    body: kernels.Ellipsoid,
    frame: kernels.Frame,
) -> Float64:
    """z̃ = [1, y] plain (1 + r, D2) + r² log r to the nodes (M, r) times bends (M, D2), where y is
    (x - origin (D1,)) @ axes (D1, r) of the measured coordinates x."""
    x = kernels.to_metric(points, view)
    count, rest, rank = len(x), plain.shape[1], nodes.shape[1]
    unknown = np.empty((count, rest))
    y = np.empty(rank)
    for n in range(count):
        y[:] = 0.0
        unknown[n] = plain[0]
        for j in range(rank):
            for i in range(x.shape[1]):
                y[j] += (x[n, i] - origin[i]) * axes[i, j]
            for i in range(rest):
                unknown[n, i] += y[j] * plain[1 + j, i]
        for k in range(len(nodes)):
            square = 0.0
            for j in range(rank):
                square += (y[j] - nodes[k, j]) ** 2
            factor = thin_plate_kernel(square)
            for i in range(rest):
                unknown[n, i] += factor * bends[k, i]
    return kernels.to_latents(points, unknown, body, frame)


@njit(cache=True, nogil=True)
def halved(a: Float64, b: Float64) -> None:
    """Solve a x = b in place (b (n, 2) becomes x) for a symmetric positive definite a, of which
    the upper half is read and lost."""
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
def krige(
    x: Float64,
    distance: Float64,
    neighbour: NDArray[np.intp],
    places: Float64,
    u: Float64,
    a: Float64,
    weight: Float64,
) -> None:
    """How much of each neighbour (n,) the spline through them takes at x (D1,): into weight[:, 0].

    distance (n + 1,) and neighbour (n + 1,) are ascending, the last one only a measure: all
    lengths are taken in its distance R. u (n, D1), a (n, n) and weight (n, 2) are written over.
    """
    focus, width, reach = len(u), len(x), distance[-1]
    if distance[0] == 0.0:
        weight[:, 0] = 0.0
        weight[0, 0] = 1.0
        return
    for k in range(focus):
        for i in range(width):
            u[k, i] = (places[neighbour[k], i] - x[i]) / reach
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
        missed = MOST_TOLERANT
        if t < 1.0:
            missed = min((TOLERANCE * t * t / (1.0 - t)) ** 2, MOST_TOLERANT)
        a[k, k] += missed + NUGGET
    halved(a, weight)
    given, free = 0.0, 0.0
    for k in range(focus):
        given += weight[k, 0]
        free += weight[k, 1]
    for k in range(focus):  # their sum shall be one: a level common to all passes unchanged
        weight[k, 0] += weight[k, 1] * (1.0 - given) / free


@njit(cache=True, nogil=True)
def moving_spline(
    points: Float64,
    x: Float64,
    distance: Float64,
    neighbour: NDArray[np.intp],
    places: Float64,
    unknown: kernels.Floats,
    body: kernels.Ellipsoid,
    frame: kernels.Frame,
) -> Float64:
    """The spline through the neighbours (n, focus + 1) of x (n, D1), but for the last of them."""
    count, rest, focus = len(x), unknown.shape[1], distance.shape[1] - 1
    u, a, weight = np.empty((focus, x.shape[1])), np.empty((focus, focus)), np.empty((focus, 2))
    rows = np.zeros((count, rest))
    for n in range(count):
        krige(x[n], distance[n], neighbour[n], places, u, a, weight)
        for k in range(focus):
            for i in range(rest):
                rows[n, i] += weight[k, 0] * unknown[neighbour[n, k], i]
    return kernels.to_latents(points, rows, body, frame)


@dataclass(frozen=True, eq=False)
class ThinPlate:
    """A thin plate through M places, as `global_spline` takes it."""

    origin: Float64
    """(D1,)."""
    axes: Float64
    """(D1, r): the r directions in which the places differ, to a width of one."""
    nodes: Float64
    """(M, r)."""
    bends: Float64
    """(M, D2)."""
    plain: Float64
    """(1 + r, D2)."""
    exact: bool
    """Whether it does go through them: places that nearly coincide make its numbers so large
    that rounding misses them."""


class _NeighbourSpread(Expander):
    """Its spread is that of `local`'s neighbours: weights of a spline's own may be below 0."""

    def __init__(self, plane: Plane, guard: bool, at: AnchorIndex, focus: int) -> None:
        super().__init__(plane, guard)
        self._places, self._focus = at, min(focus, len(at.coordinates))
        self._unknown, self._within = at.means(plane.unknown)

    def spread(self, points: ArrayLike) -> Float64:
        """As `Expander.spread`."""
        _, distance, place = self._places.neighbours(batch(points, self.plane), self._focus + 1)
        own = kernels.SHARP, self._unknown, self._within
        return kernels.weighted_spread(distance, place, self._focus, *own)


class Spline(_NeighbourSpread):
    """The thin-plate spline through all anchors (Duchon, 1977), with a linear polynomial.

    Exact at anchors and smooth: of all surfaces through them the one that bends least. What
    scipy's RBFInterpolator gives; on places in line it is the spline along the line. Anchors at
    one place are replaced by their mean. A point costs in proportion to L, a fit L³, hence at
    most WHOLE places.
    """

    def __init__(self, plane: Plane, guard: bool, at: AnchorIndex, focus: int) -> None:
        super().__init__(plane, guard, at, focus)
        self._sheet = thin_plate(plane, at)

    def _latents(self, points: Float64) -> Float64:
        s = self._sheet
        return global_spline(
            points, self._places.view, s.origin, s.axes, s.nodes, s.bends, s.plain,
            self._body, self._frame,
        )  # fmt: skip


class MovingSpline(_NeighbourSpread):
    """The thin-plate spline through the `focus` nearest anchors, of which the outer may be missed.

    Each point has a spline of its own, through its neighbourhood. So that z̃ does not leap where
    one neighbour takes another's place, a neighbour may be missed the more the nearer it is to
    the edge R of the neighbourhood: its error variance, (TOLERANCE t² / (1 - t))² of its
    distance t R, is 0 at the point and without bound at the edge (Rivoirard & Romary, "Continuity
    for kriging with moving neighborhood", 2011; a thin-plate spline is kriging with the
    covariance r² log r). The slope has a variance too, large but not without bound, or the last
    neighbour alone could turn it. Exact at anchors, continuous, at a cost that does not know L:
    no fit, no memory but the k-d tree's. Two anchors nearer than a millionth of R share a mean all
    around them; only at their very places each is itself.
    A partition of unity of splines (Wendland, 2005) would need 2 L D2 coefficients, and supports
    that follow the anchors' density.
    """

    def __init__(self, plane: Plane, guard: bool, at: AnchorIndex, focus: int) -> None:
        super().__init__(plane, guard, at, focus)
        self._count = min(self._focus, LISTENED, len(at.coordinates) - 1)

    def _latents(self, points: Float64) -> Float64:
        x, distance, place = self._places.neighbours(points, self._count + 1)
        return moving_spline(
            points, x, distance, place, self._places.coordinates, self._unknown,
            self._body, self._frame,
        )  # fmt: skip


@Declaration(
    "rbf", 6, "smooth thin-plate splines; of more than 1,024 sounds, of `/focus` neighbours",
    exact=True, continuous=True, uses=("metric", "focus"),
)  # fmt: skip
def spline(plane: Plane, settings: Settings) -> Expander:
    """Through all anchors at once where there are at most WHOLE, not too near to each other."""
    at = anchor_index(plane, settings.metric)
    whole = len(at.coordinates) <= WHOLE and thin_plate(plane, at).exact
    return (Spline if whole else MovingSpline)(plane, settings.guard, at, settings.focus)


def thin_plate(plane: Plane, at: AnchorIndex) -> ThinPlate:
    """The thin plate through a plane's places; found once, in O(M³)."""
    if at not in _THIN_PLATES:
        with threadpool_limits(1):  # beside a busy program two of them take ten times as long
            _THIN_PLATES[at] = _solved(at.coordinates, at.means(plane.unknown)[0])
    return _THIN_PLATES[at]


_THIN_PLATES: WeakKeyDictionary[AnchorIndex, ThinPlate] = WeakKeyDictionary()


def _solved(coordinates: Float64, unknown: NDArray[np.floating]) -> ThinPlate:
    origin, covariance = moments(coordinates)
    variance, directions = np.linalg.eigh(covariance)
    spanned = variance > DEAD * max(variance[-1], 0.0)
    axes = directions[:, spanned] / math.sqrt(max(variance[-1], np.finfo(float).tiny))
    nodes = (coordinates - origin) @ axes
    values = unknown.astype(np.float64)
    polynomial = np.hstack([np.ones((len(nodes), 1)), nodes])
    terms = min(polynomial.shape)
    q, r = qr(polynomial)
    bend = ((nodes[:, None] - nodes) ** 2).sum(axis=2)
    bend *= 0.5 * np.log(np.where(bend > 0.0, bend, 1.0))
    # Among the coefficients that are orthogonal to the polynomial r² log r is positive definite.
    across = q[:, terms:]
    bends = across @ _definite(across.T @ bend @ across, across.T @ values)
    straight = values - bend @ bends
    plain = np.zeros((polynomial.shape[1], values.shape[1]))
    plain[:terms] = solve_triangular(r[:terms, :terms], q[:, :terms].T @ straight)
    missed = np.abs(straight - polynomial @ plain).max(initial=0.0)
    size = np.abs(values - values.mean(axis=0)).max(initial=0.0)
    exact = bool(missed <= ROUNDING * size)
    return ThinPlate(origin, np.ascontiguousarray(axes), nodes, bends, plain, exact)


def _definite(a: Float64, b: Float64) -> Float64:
    """Solve a x = b; what rounding has made indefinite gets a little more on its diagonal."""
    if not len(a):
        return b
    more = 0.0
    while True:
        try:
            return np.asarray(cho_solve(cho_factor(a + more * np.eye(len(a))), b))
        except np.linalg.LinAlgError:
            more = max(100.0 * more, 1e-15 * (float(np.trace(a)) / len(a) or 1.0))
