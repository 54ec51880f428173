"""A mixture is the one that scikit-learn fits, and never fails."""

from __future__ import annotations

import warnings

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from latentpad.engine.expanders.mixture import (
    ITERATIONS,
    REGULARIZATION,
    TOLERANCE,
    cluster,
    fit_mixture,
    log_densities,
)
from latentpad.engine.plane import Float64
from tests.engine.expanders.anchors import law, seeds


def rows(seed: int, count: int, dimension: int, clusters: int) -> Float64:
    random = np.random.default_rng(seed)
    centres = random.normal(scale=2, size=(clusters, dimension))
    return np.asarray(centres[random.integers(0, clusters, count)] + random.normal(size=(count, 1)))


def scikit_learns(x: Float64, components: int) -> GaussianMixture:
    mixture = GaussianMixture(
        components, reg_covar=REGULARIZATION, tol=TOLERANCE, max_iter=ITERATIONS, random_state=0
    )
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a slow convergence
        return mixture.fit(x)


@law
@given(seeds, st.integers(40, 300), st.integers(1, 9), st.sampled_from([1, 2, 4, 8, 16]))
def test_it_is_scikit_learns_mixture(
    seed: int, count: int, dimension: int, components: int
) -> None:
    x = rows(seed, count, dimension, 5)
    ours, theirs = fit_mixture(x, components), scikit_learns(x, components)
    np.testing.assert_allclose(ours.weights, theirs.weights_, atol=1e-8)
    np.testing.assert_allclose(ours.means, theirs.means_, atol=1e-8)
    np.testing.assert_allclose(ours.covariances, theirs.covariances_, atol=1e-8)
    likelihood = np.logaddexp.reduce(log_densities(ours, x)).mean()
    constant = dimension / 2 * np.log(2 * np.pi)
    np.testing.assert_allclose(likelihood - constant, theirs.score(x), atol=1e-8)


@law
@given(seeds, st.integers(20, 200), st.integers(2, 16))
def test_its_clusters_are_scikit_learns(seed: int, count: int, clusters: int) -> None:
    x = rows(seed, count, 3, 4)
    with threadpool_limits(1):
        theirs = KMeans(clusters, n_init=1, random_state=np.random.RandomState(0)).fit(x).labels_
    np.testing.assert_array_equal(cluster(x, clusters), theirs)


@law
@given(seeds, st.integers(1, 16), st.sampled_from([2, 4, 8, 16]))
def test_fewer_different_rows_than_components_make_a_mixture_of_all_of_them(
    seed: int, different: int, components: int
) -> None:
    few = np.random.default_rng(seed).normal(size=(different, 3))
    x = few[np.random.default_rng(seed).integers(0, different, 64)]
    mixture = fit_mixture(x, components)
    assert np.isfinite(mixture.means).all() and np.isfinite(mixture.covariances).all()
    np.testing.assert_allclose(mixture.weights.sum(), 1)
    np.testing.assert_allclose(mixture.weights @ mixture.means, x.mean(axis=0), atol=1e-8)
