"""`gaussian`: what the unknown coordinates are on average where the point is, by a mixture."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from latentpad.engine.expander_declarations import Declaration
from latentpad.engine.expanders import kernels
from latentpad.engine.expanders.anchor_index import DEAD, batch, view
from latentpad.engine.expanders.expander import Expander, Settings
from latentpad.engine.plane import Float64, Plane, moments

SAMPLE = 4096  # anchors that a mixture is fitted to, drawn by lot
HELD_OUT = 4  # one anchor in so many is kept back to judge the number of components
COMPONENTS = 16  # at most
PER_COMPONENT = 2  # anchors for each dimension, at least
REGULAR = 1e-3  # of each coordinate's variance, added to every component's
ROUNDS = 60  # of expectation-maximization
SETTLED = 1e-3  # nats an anchor a round: less gain ends it

Regression = tuple[Float64, Float64, Float64, Float64, Float64, Float64]
"""A mixture as the kernels take it, K components: ``level`` (K,) the logarithm of weight and
density at the centre, ``centre`` (K, D1), ``whiten`` (K, D1, D1) from there to deviations, ``mean``
(K, D2) of z̃, ``slope`` (K, D1, D2), ``variance`` (K,) of z̃ about its line, mean over D2."""


@njit(cache=True, nogil=True)
def responsibilities(
    x: Float64, level: Float64, centre: Float64, whiten: Float64, out: Float64
) -> None:
    """How probable each component (K,) is at x (D1,): into out, their sum 1.

    Less the largest logarithm, so that the densities of a far point do not vanish together.
    """
    width = len(x)
    largest = -math.inf
    for c in range(len(level)):
        square = 0.0
        for j in range(width):
            deviation = 0.0
            for i in range(width):
                deviation += (x[i] - centre[c, i]) * whiten[c, i, j]
            square += deviation * deviation
        out[c] = level[c] - 0.5 * square
        largest = max(largest, out[c])
    total = 0.0
    for c in range(len(level)):
        out[c] = math.exp(out[c] - largest)
        total += out[c]
    for c in range(len(level)):
        out[c] /= total


@njit(cache=True, nogil=True)
def component_means(x: Float64, regression: Regression, share: Float64, each: Float64) -> None:
    """Each component's share (K,) at x (D1,), and its mean of z̃ there (K, D2)."""
    level, centre, whiten, mean, slope, _ = regression
    responsibilities(x, level, centre, whiten, share)
    for c in range(len(level)):
        each[c] = mean[c]
        for i in range(len(x)):
            away = x[i] - centre[c, i]
            for j in range(each.shape[1]):
                each[c, j] += away * slope[c, i, j]


@njit(cache=True, nogil=True)
def conditional_mean(
    points: Float64,
    view: kernels.View,
    regression: Regression,
    body: kernels.Ellipsoid,
    frame: kernels.Frame,
) -> Float64:
    """The mixture's mean of z̃ at each point."""
    x = kernels.to_metric(points, view)
    share, each = np.empty(len(regression[0])), np.empty_like(regression[3])
    unknown = np.zeros((len(x), each.shape[1]))
    for n in range(len(x)):
        component_means(x[n], regression, share, each)
        for c in range(len(share)):
            for j in range(each.shape[1]):
                unknown[n, j] += share[c] * each[c, j]
    return kernels.to_latents(points, unknown, body, frame)


@njit(cache=True, nogil=True)
def conditional_spread(points: Float64, view: kernels.View, regression: Regression) -> Float64:
    """The mixture's standard deviation (n,) of z̃ at each point, root mean square over D2."""
    x = kernels.to_metric(points, view)
    share, each = np.empty(len(regression[0])), np.empty_like(regression[3])
    out = np.zeros(len(x))
    for n in range(len(x)):
        component_means(x[n], regression, share, each)
        for c in range(len(share)):
            out[n] += share[c] * regression[5][c]
        for j in range(each.shape[1]):
            mean = 0.0
            for c in range(len(share)):
                mean += share[c] * each[c, j]
            for c in range(len(share)):
                away = each[c, j] - mean
                out[n] += share[c] * away * away / each.shape[1]
        out[n] = math.sqrt(out[n])
    return out


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of K normal distributions of whole anchors, known coordinates first.

    The known ones are the metric's, the unknown ones the plane's own.
    """

    weights: Float64
    """(K,)."""
    means: Float64
    """(K, D1 + D2)."""
    covariances: Float64
    """(K, D1 + D2, D1 + D2)."""


class Gaussian(Expander):
    """E[z̃ | z̄ = p] of a Gaussian mixture (Sung, "Gaussian mixture regression and
    classification", 2004). Smooth and on the data's manifold; not exact at anchors.

    z̄ and p are in the metric's coordinates. Mahalanobis's change little, for each component
    measures by its own covariance: one component differs by REGULAR alone, several also by where
    their search begins. Cosine's are directions from the centroid. Under the other two the nearest
    component's line goes on beyond the anchors, until the guard holds it.
    """

    def __init__(self, plane: Plane, guard: bool, metric: str) -> None:
        super().__init__(plane, guard)
        self._view = view(plane, metric)
        self._regression = regression(mixture(plane, metric), plane.known.shape[1])

    def spread(self, points: ArrayLike) -> Float64:
        """The standard deviation of z̃ given p: (n,), root mean square over its dimensions."""
        return conditional_spread(batch(points, self.plane), self._view, self._regression)

    def _latents(self, points: Float64) -> Float64:
        return conditional_mean(points, self._view, self._regression, self._body, self._frame)


@Declaration(
    "gaussian",
    7,
    "smooth: the mean of a mixture of up to 16 normal distributions",
    continuous=True,
    uses=("metric",),
)
def gaussian(plane: Plane, settings: Settings) -> Gaussian:
    """Up to a second, once for a plane."""
    return Gaussian(plane, settings.guard, settings.metric)


def mixture(plane: Plane, metric: str = "euclidean") -> Mixture:
    """The mixture of a plane's anchors under a metric; found once, in seconds at most.

    Fitted to SAMPLE of them (the same ones each time), each coordinate brought to a variance of
    one. 1, 2, 4, ... COMPONENTS are tried as long as anchors that were held out become more
    probable, and the best number is fitted again to all. Under the cosine metric their z̃ must,
    given z̄: directions lie on a sphere, which many components draw better whatever z̃ is.

    Raises:
        ValueError: no such metric.
    """
    kept = _MIXTURES.setdefault(plane, {})
    if metric not in kept:
        kept[metric] = _fitted(plane, metric)
    return kept[metric]


def regression(mixture: Mixture, known: int) -> Regression:
    """What each component says of the other coordinates where the first `known` ones are given."""
    centre, mean = mixture.means[:, :known], mixture.means[:, known:]
    within = mixture.covariances[:, :known, :known]
    across = mixture.covariances[:, :known, known:]
    slope = np.linalg.solve(within, across)
    total = np.diagonal(mixture.covariances, axis1=1, axis2=2)[:, known:]
    left = np.maximum(total - (slope * across).sum(axis=1), 0.0)
    variance = left.sum(axis=1) / max(mean.shape[1], 1)
    root = np.linalg.cholesky(within)
    whiten = np.linalg.inv(root).transpose(0, 2, 1)
    return (
        _levels(mixture, root),
        np.ascontiguousarray(centre, np.float64),
        np.ascontiguousarray(whiten, np.float64),
        np.ascontiguousarray(mean, np.float64),
        np.ascontiguousarray(slope, np.float64),
        np.ascontiguousarray(variance, np.float64),
    )


_MIXTURES: WeakKeyDictionary[Plane, dict[str, Mixture]] = WeakKeyDictionary()


def _fitted(plane: Plane, metric: str) -> Mixture:
    count = len(plane.known)
    drawn = np.random.default_rng(0).permutation(count)[:SAMPLE]
    pad, unknown = plane.known[drawn], plane.unknown[drawn].astype(np.float64)
    known = kernels.to_metric(pad, view(plane, metric))
    # Latents are compared with the pad; the coordinates of other metrics have a unit of their own.
    beside = unknown if metric == "euclidean" else known
    width = np.concatenate([_widths(known, beside), _widths(unknown, pad)])
    x = np.hstack([known, unknown])
    centre = x.mean(axis=0)
    found = _best((x - centre) / width, known.shape[1] if metric == "cosine" else 0)
    return Mixture(
        found.weights,
        found.means * width + centre,
        found.covariances * width * width[:, None],
    )


def _widths(x: Float64, beside: Float64) -> Float64:
    """Standard deviations (J,) of x (n, J); of a dead column the widest one's, beside it too."""
    width = x.std(axis=0)
    widest = max(width.max(initial=0.0), beside.std(axis=0).max(initial=0.0))
    return np.where(width > math.sqrt(DEAD) * widest, width, widest or 1.0)


def _best(x: Float64, given: int) -> Mixture:
    """The mixture of x (n, J) whose number of components the held-out rows like best.

    They are asked for what the first `given` columns leave open.
    """
    held, taught = x[::HELD_OUT], np.delete(x, np.s_[::HELD_OUT], axis=0)
    most = min(COMPONENTS, len(taught) // (PER_COMPONENT * x.shape[1]))
    number = 1
    if most > 1:
        best = _likelihood(_single(taught), held, given)
        while 2 * number <= most:
            likelihood = _likelihood(_mixed(taught, 2 * number), held, given)
            if likelihood <= best:
                break
            number, best = 2 * number, likelihood
    return _single(x) if number == 1 else _mixed(x, number)


def _single(x: Float64) -> Mixture:
    mean, covariance = moments(x)
    return Mixture(np.ones(1), mean[None], covariance[None] + REGULAR * np.eye(len(mean)))


def _mixed(x: Float64, number: int) -> Mixture:
    from sklearn.exceptions import ConvergenceWarning  # half a second, its threads known after
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    model = GaussianMixture(number, reg_covar=REGULAR, tol=SETTLED, max_iter=ROUNDS, random_state=0)
    # Beside another's threads its own wait for each other: 2 s for what takes one 0.04 s. Neither
    # few different anchors nor a slow end is worth a warning.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x)
    return Mixture(model.weights_, model.means_, model.covariances_)


def _likelihood(mixture: Mixture, x: Float64, given: int = 0) -> float:
    """Mean log likelihood of the rows of x (n, J), less a constant.

    Of what follows the first `given` columns, where these are known; 0 for whole rows.
    """
    if given:
        means, covariances = mixture.means[:, :given], mixture.covariances[:, :given, :given]
        first = Mixture(mixture.weights, means, covariances)
        return _likelihood(mixture, x) - _likelihood(first, x[:, :given])
    root = np.linalg.cholesky(mixture.covariances)
    away = x - mixture.means[:, None]
    deviation = np.linalg.solve(root, away.transpose(0, 2, 1))
    logarithm = _levels(mixture, root)[:, None] - 0.5 * (deviation**2).sum(axis=1)
    return float(np.logaddexp.reduce(logarithm, axis=0).mean())


def _levels(mixture: Mixture, root: NDArray[np.floating]) -> Float64:
    """Logarithm (K,) of weight and density at the means, less a constant; root (K, J, J) is of
    the covariances."""
    return np.log(mixture.weights) - np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
