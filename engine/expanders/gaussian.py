"""`gaussian`: the conditional mean of the unknown coordinates under a Gaussian mixture."""

from __future__ import annotations

import math
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from latentpad.engine.expander_declarations import Declaration
from latentpad.engine.expanders import kernels
from latentpad.engine.expanders.anchor_index import FLAT_VARIANCE, batch, view
from latentpad.engine.expanders.expander import Expander, ExpanderSettings
from latentpad.engine.expanders.mixture import Mixture, fit_mixture, log_densities, log_peaks
from latentpad.engine.plane import Float64, Plane

SAMPLE = 4096  # anchors that a mixture is fitted to, drawn at random
HELD_OUT = 4  # every fourth anchor is held out to choose the number of components
COMPONENTS = 16  # at most
PER_COMPONENT = 2  # anchors for each dimension, at least

Regression = tuple[Float64, Float64, Float64, Float64, Float64, Float64]
"""A mixture of K components for the kernels: ``level`` (K,) is the logarithm of weight and density
at the centre, ``centre`` (K, D1), ``whiten`` (K, D1, D1) whitens the offset from the centre,
``mean`` (K, D2) of z̃, ``slope`` (K, D1, D2) of z̃ over x, ``variance`` (K,) of z̃ about that line,
mean over D2."""


@njit(cache=True, nogil=True)
def responsibilities(
    x: Float64, level: Float64, centre: Float64, whiten: Float64, out: Float64
) -> None:
    """The probability of each component (K,) at x (D1,), written to `out`. Their sum is 1.

    The largest logarithm is subtracted, so that the densities of a far point do not all underflow.
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
def component_means(
    x: Float64, regression: Regression, share: Float64, component_mean: Float64
) -> None:
    """Each component's probability (K,) at x (D1,), written to `share`, and its conditional mean of
    z̃ (K, D2), written to `component_mean`."""
    level, centre, whiten, mean, slope, _ = regression
    responsibilities(x, level, centre, whiten, share)
    for c in range(len(level)):
        component_mean[c] = mean[c]
        for i in range(len(x)):
            offset = x[i] - centre[c, i]
            for j in range(component_mean.shape[1]):
                component_mean[c, j] += offset * slope[c, i, j]


@njit(cache=True, nogil=True)
def conditional_mean(
    points: Float64,
    view: kernels.View,
    regression: Regression,
    body: kernels.Ellipsoid,
    frame: kernels.Frame,
) -> Float64:
    """Latents (n, D) with the mixture's conditional mean of z̃ at each point."""
    x = kernels.to_metric(points, view)
    share, component_mean = np.empty(len(regression[0])), np.empty_like(regression[3])
    unknown = np.zeros((len(x), component_mean.shape[1]))
    for n in range(len(x)):
        component_means(x[n], regression, share, component_mean)
        for c in range(len(share)):
            for j in range(component_mean.shape[1]):
                unknown[n, j] += share[c] * component_mean[c, j]
    return kernels.to_latents(points, unknown, body, frame)


@njit(cache=True, nogil=True)
def conditional_spread(points: Float64, view: kernels.View, regression: Regression) -> Float64:
    """The mixture's standard deviation (n,) of z̃ at each point, root mean square over D2."""
    x = kernels.to_metric(points, view)
    share, component_mean = np.empty(len(regression[0])), np.empty_like(regression[3])
    out = np.zeros(len(x))
    for n in range(len(x)):
        component_means(x[n], regression, share, component_mean)
        for c in range(len(share)):
            out[n] += share[c] * regression[5][c]
        for j in range(component_mean.shape[1]):
            mean = 0.0
            for c in range(len(share)):
                mean += share[c] * component_mean[c, j]
            for c in range(len(share)):
                offset = component_mean[c, j] - mean
                out[n] += share[c] * offset * offset / component_mean.shape[1]
        out[n] = math.sqrt(out[n])
    return out


class Gaussian(Expander):
    """E[z̃ | z̄ = p] of a Gaussian mixture (Sung, "Gaussian mixture regression and
    classification", 2004). Smooth and on the data's manifold; not exact at anchors.

    z̄ and p are in the metric's coordinates. Mahalanobis coordinates change little, because each
    component has its own covariance: one component differs only by `REGULARIZATION`, several also
    by where their fit begins. Cosine coordinates are directions from the centroid. Under the other
    two metrics, the nearest component's line extrapolates beyond the anchors up to the guard.
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
def gaussian(plane: Plane, settings: ExpanderSettings) -> Gaussian:
    """Fit in up to a second, once for a plane and metric."""
    return Gaussian(plane, settings.guard, settings.metric)


def mixture(plane: Plane, metric: str = "euclidean") -> Mixture:
    """The mixture of a plane's anchors under a metric. Fitted once, in seconds at most.

    It is fitted to `SAMPLE` anchors (always the same ones), with each coordinate scaled to a
    variance of one. 1, 2, 4, ... `COMPONENTS` are tried as long as the likelihood of the held-out
    anchors grows, and the best number is fitted again to all. Under the cosine metric the
    likelihood is that of z̃ given z̄: directions lie on a sphere, which many components describe
    better whatever z̃ is.

    Raises:
        ValueError: no such metric.
    """
    mixtures = _MIXTURES.setdefault(plane, {})
    if metric not in mixtures:
        mixtures[metric] = _plane_mixture(plane, metric)
    return mixtures[metric]


def regression(mixture: Mixture, known: int) -> Regression:
    """The regression of each component's other coordinates on the first `known` ones."""
    centre, mean = mixture.means[:, :known], mixture.means[:, known:]
    within = mixture.covariances[:, :known, :known]
    across = mixture.covariances[:, :known, known:]
    slope = np.linalg.solve(within, across)
    total = np.diagonal(mixture.covariances, axis1=1, axis2=2)[:, known:]
    residual = np.maximum(total - (slope * across).sum(axis=1), 0.0)
    variance = residual.sum(axis=1) / max(mean.shape[1], 1)
    root = np.linalg.cholesky(within)
    whiten = np.linalg.inv(root).transpose(0, 2, 1)
    return (
        log_peaks(mixture, root),
        np.ascontiguousarray(centre, np.float64),
        np.ascontiguousarray(whiten, np.float64),
        np.ascontiguousarray(mean, np.float64),
        np.ascontiguousarray(slope, np.float64),
        np.ascontiguousarray(variance, np.float64),
    )


_MIXTURES: WeakKeyDictionary[Plane, dict[str, Mixture]] = WeakKeyDictionary()


def _plane_mixture(plane: Plane, metric: str) -> Mixture:
    count = len(plane.known)
    drawn = np.random.default_rng(0).permutation(count)[:SAMPLE]
    pad, unknown = plane.known[drawn], plane.unknown[drawn].astype(np.float64)
    known = kernels.to_metric(pad, view(plane, metric))
    # Euclidean coordinates have the latents' unit, those of the other metrics do not.
    reference = unknown if metric == "euclidean" else known
    width = np.concatenate([_widths(known, reference), _widths(unknown, pad)])
    x = np.hstack([known, unknown])
    centre = x.mean(axis=0)
    best = _select_mixture((x - centre) / width, known.shape[1] if metric == "cosine" else 0)
    return Mixture(
        best.weights,
        best.means * width + centre,
        best.covariances * width * width[:, None],
    )


def _widths(x: Float64, reference: Float64) -> Float64:
    """Standard deviations (J,) of x (n, J). A constant column gets the largest one of x and of
    `reference`."""
    width = x.std(axis=0)
    widest = max(width.max(initial=0.0), reference.std(axis=0).max(initial=0.0))
    return np.where(width > math.sqrt(FLAT_VARIANCE) * widest, width, widest or 1.0)


def _select_mixture(x: Float64, given_columns: int) -> Mixture:
    """The mixture of x (n, J) with the number of components that makes held-out rows most likely,
    given their first `given_columns` columns."""
    held_out, training = x[::HELD_OUT], np.delete(x, np.s_[::HELD_OUT], axis=0)
    most_components = min(COMPONENTS, len(training) // (PER_COMPONENT * x.shape[1]))
    components = 1
    if most_components > 1:
        best = _likelihood(fit_mixture(training, 1), held_out, given_columns)
        while 2 * components <= most_components:
            likelihood = _likelihood(fit_mixture(training, 2 * components), held_out, given_columns)
            if likelihood <= best:
                break
            components, best = 2 * components, likelihood
    return fit_mixture(x, components)


def _likelihood(mixture: Mixture, x: Float64, given_columns: int) -> float:
    """Mean log likelihood of the rows of x (n, J), up to a constant, conditional on their first
    `given_columns` columns."""
    likelihood = float(np.logaddexp.reduce(log_densities(mixture, x), axis=0).mean())
    if not given_columns:
        return likelihood
    means, covariances = (
        mixture.means[:, :given_columns],
        mixture.covariances[:, :given_columns, :given_columns],
    )
    first = Mixture(mixture.weights, means, covariances)
    return likelihood - _likelihood(first, x[:, :given_columns], 0)
