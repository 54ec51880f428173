"""Mixtures of normal distributions: their likelihood, and their fit by expectation-maximization.

The fit begins with the clusters of k-means (Lloyd 1982), and k-means with seeds that are drawn far
apart (k-means++; Arthur & Vassilvitskii 2007). Each step is that of scikit-learn's
`GaussianMixture`, and gives the same mixture. It is written here because playing needs nothing
else of scikit-learn, which takes 60 MB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from latentpad.engine.plane import Float64, moments

REGULARIZATION = 1e-3  # added to the variances of every component
ITERATIONS = 60  # of expectation-maximization
TOLERANCE = 1e-3  # nats per row and iteration: a smaller gain ends the fit
LLOYD_ITERATIONS = 300
LLOYD_TOLERANCE = 1e-4  # of the mean variance: a smaller move of the means ends k-means
TINY = 10 * np.finfo(np.float64).eps  # rows of a component that has none

Labels = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of K normal distributions of rows (J,)."""

    weights: Float64
    """(K,)."""
    means: Float64
    """(K, J)."""
    covariances: Float64
    """(K, J, J)."""


def fit_mixture(x: Float64, components: int) -> Mixture:
    """The mixture of the rows of x (n, J), each column with a variance of about one; n is
    `components` at least. The same rows give the same mixture."""
    if components == 1:
        mean, covariance = moments(x)
        return Mixture(np.ones(1), mean[None], _regularized(covariance[None]))
    # On a busy machine the threads wait for each other: 2 s for what takes one thread 0.04 s.
    with threadpool_limits(1):
        labels = cluster(x, components)
        mixture = _maximize(x, (labels[:, None] == np.arange(components)).astype(np.float64))
        before = -np.inf
        for _ in range(ITERATIONS):
            density = log_densities(mixture, x)
            total = np.logaddexp.reduce(density, axis=0)
            mixture = _maximize(x, np.exp(density - total).T)
            if abs(total.mean() - before) < TOLERANCE:
                break
            before = total.mean()
    return mixture


def log_densities(mixture: Mixture, x: Float64) -> Float64:
    """Logarithms (K, n) of each component's weight times its density at the rows of x (n, J), up to
    a constant."""
    root = np.linalg.cholesky(mixture.covariances)
    whiten = np.linalg.inv(root).transpose(0, 2, 1)
    density = np.empty((len(root), len(x)))
    for k, mean in enumerate(mixture.means):
        density[k] = -0.5 * (((x - mean) @ whiten[k]) ** 2).sum(axis=1)
    density += log_peaks(mixture, root)[:, None]
    return density


def log_peaks(mixture: Mixture, root: NDArray[np.floating]) -> Float64:
    """Logarithms (K,) of weight times density at the means, up to a constant. `root` (K, J, J) is
    the Cholesky factor of the covariances."""
    return np.log(mixture.weights) - np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)


def _maximize(x: Float64, shares: Float64) -> Mixture:
    """The most likely mixture of x (n, J) whose components have the `shares` (n, K) of each row."""
    counts = shares.sum(axis=0) + TINY
    means = shares.T @ x / counts[:, None]
    covariances = np.empty((len(counts), x.shape[1], x.shape[1]))
    for k, mean in enumerate(means):
        offset = x - mean
        covariances[k] = (shares[:, k] * offset.T) @ offset / counts[k]
    return Mixture(counts / counts.sum(), means, _regularized(covariances))


def _regularized(covariances: Float64) -> Float64:
    return covariances + REGULARIZATION * np.eye(covariances.shape[1])


def cluster(x: Float64, clusters: int) -> Labels:
    """The cluster (n,) of each row of x (n, J), by k-means."""
    x = x - x.mean(axis=0)
    means = _far_apart(x, clusters)
    tolerance = LLOYD_TOLERANCE * x.var(axis=0).mean()
    labels = np.full(len(x), -1)
    for _ in range(LLOYD_ITERATIONS):
        before, labels = labels, _nearest(x, means)
        new_means = _means(x, labels, means)
        moved = ((new_means - means) ** 2).sum()
        means = new_means
        if np.array_equal(labels, before):
            return labels
        if moved <= tolerance:
            break
    return _nearest(x, means)


def _far_apart(x: Float64, count: int) -> Float64:
    """`count` rows of x (n, J): of some that are drawn, each the one that leaves the least distance
    from all rows to the nearest."""
    random = np.random.RandomState(0)
    tries = 2 + int(np.log(count))
    each = np.ones(len(x))  # of two rows in a cluster either leaves the same but for its rounding
    chosen = [random.choice(len(x), p=each / len(x))]
    nearest = _squares(x[chosen], x)[0]
    left = nearest @ each
    for _ in range(1, count):
        drawn = np.searchsorted(np.cumsum(nearest), random.uniform(size=tries) * left)
        drawn = np.minimum(drawn, len(x) - 1)
        distances = np.minimum(nearest, _squares(x[drawn], x))
        sums = distances @ each
        best = int(sums.argmin())
        nearest, left = distances[best], sums[best]
        chosen.append(drawn[best])
    return x[chosen]


def _squares(a: Float64, b: Float64) -> Float64:
    """Squared distances (m, n) between the rows of a (m, J) and b (n, J)."""
    squares = -2 * (a @ b.T) + np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)
    return np.asarray(np.maximum(squares, 0))


def _nearest(x: Float64, means: Float64) -> Labels:
    return np.asarray(((means**2).sum(axis=1) - 2 * x @ means.T).argmin(axis=1))


def _means(x: Float64, labels: Labels, before: Float64) -> Float64:
    """The clusters' means (K, J). One that has lost all its rows gets the row that is farthest from
    its own mean `before`."""
    counts = np.bincount(labels, minlength=len(before)).astype(np.float64)
    sums = np.stack([np.bincount(labels, column, len(before)) for column in x.T], axis=1)
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        farthest = np.argsort(-((x - before[labels]) ** 2).sum(axis=1), kind="stable")
        for k, row in zip(empty, farthest, strict=False):
            sums[labels[row]] -= x[row]
            counts[labels[row]] -= 1
            sums[k], counts[k] = x[row], 1
    # One whose last row went to another has no mean.
    return np.asarray(np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], before))
