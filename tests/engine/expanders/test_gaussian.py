"""The conditional mean of a mixture, compared with a direct computation from its density."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from latentpad.engine.expanders import METRICS, fit, kernels
from latentpad.engine.expanders.anchor_index import view
from latentpad.engine.expanders.gaussian import SAMPLE, mixture
from latentpad.engine.expanders.mixture import ITERATIONS, REGULARIZATION, TOLERANCE
from latentpad.engine.plane import Plane
from tests.engine.expanders.anchors import correlated, law, metrics, planes, scattered, seeds


def clustered(count: int, seed: int) -> NDArray[np.float32]:
    """Anchors in five clusters, each with its own slope."""
    random = np.random.default_rng(seed)
    centres, slopes = random.normal(scale=4, size=(5, 5)), random.normal(size=(5, 2, 3))
    which, along = random.integers(0, 5, count), random.normal(size=(count, 2))
    rest = np.einsum("ni,nij->nj", along, slopes[which]) + 0.1 * random.normal(size=(count, 3))
    return (centres[which] + np.hstack([along, rest])).astype(np.float32)


def expected(
    weights: NDArray[np.float64],
    means: NDArray[np.float64],
    covariances: NDArray[np.float64],
    points: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """E[z̃ | p] and the root mean square deviation from it, as a textbook writes them."""
    share = np.stack(
        [
            w * multivariate_normal.pdf(points, m[:2], c[:2, :2]).reshape(len(points))
            for w, m, c in zip(weights, means, covariances, strict=True)
        ]
    )
    share /= share.sum(axis=0)
    each, left = [], []
    for m, c in zip(means, covariances, strict=True):
        each.append(m[2:] + (points - m[:2]) @ np.linalg.inv(c[:2, :2]) @ c[:2, 2:])
        left.append(np.trace(c[2:, 2:] - c[2:, :2] @ np.linalg.inv(c[:2, :2]) @ c[:2, 2:]))
    mean = np.einsum("kn,knj->nj", share, each)
    square = np.einsum("kn,knj->nj", share, (np.array(each) - mean) ** 2).sum(axis=1)
    return mean, np.sqrt((share.T @ left + square) / mean.shape[1])


@law
@given(seeds)
def test_it_is_scikit_learns_mixture_conditioned_on_the_point(seed: int) -> None:
    plane = Plane.raw(clustered(400, seed).astype(np.float64))
    gaussian, result = fit("gaussian", plane, guard=False), mixture(plane)
    z = np.hstack([plane.known, plane.unknown])[np.random.default_rng(0).permutation(400)]
    centre, width = z.mean(axis=0), z.std(axis=0)
    assert len(result.weights) > 1
    theirs = GaussianMixture(
        len(result.weights),
        reg_covar=REGULARIZATION,
        tol=TOLERANCE,
        max_iter=ITERATIONS,
        random_state=0,
    )
    with threadpool_limits(1):
        theirs.fit((z - centre) / width)
    points = plane.known[:50] + 0.1
    mean, deviation = expected(
        theirs.weights_,
        theirs.means_ * width + centre,
        theirs.covariances_ * np.outer(width, width),
        points,
    )
    np.testing.assert_allclose(gaussian.expand64(points)[:, 2:], mean, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gaussian.spread(points), deviation, rtol=1e-6, atol=1e-6)


@law
@given(seeds, metrics, st.integers(2, 40))
def test_one_component_is_a_linear_regression(seed: int, metric: str, count: int) -> None:
    for plane in planes(correlated(count, 6, seed).astype(np.float64)):
        if len(mixture(plane, metric).weights) > 1:
            continue
        points = scattered(plane, 20, seed)
        known, query = (kernels.to_metric(p, view(plane, metric)) for p in (plane.known, points))
        x, z = (v - v.mean(axis=0) for v in (known, plane.unknown))
        variance = known.var(axis=0)
        dead = variance < 1e-10 * variance.max()  # two anchors, whitened, lie in a line
        ridge = REGULARIZATION * np.diag(np.where(dead, variance.max(), variance))
        slope = np.linalg.solve(x.T @ x / count + ridge, x.T @ z / count)
        expected = plane.unknown.mean(axis=0) + (query - known.mean(axis=0)) @ slope
        latents = fit("gaussian", plane, metric=metric, guard=False).expand64(points)
        result = (latents - plane.centre) @ plane.from_unknown.T
        np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-6)


@law
@given(seeds, st.floats(0, 3))
def test_mahalanobis_does_not_care_how_a_plane_is_sheared(seed: int, shear: float) -> None:
    z = clustered(200, seed).astype(np.float64)
    turn = np.eye(5)
    turn[0, 1] = shear
    straight, slanted = Plane.raw(z), Plane.raw(z @ turn)
    points = scattered(straight, 30, seed)
    plain = fit("gaussian", straight, metric="mahalanobis").expand64(points)
    turned = fit("gaussian", slanted, metric="mahalanobis").expand64(points @ turn[:2, :2])
    np.testing.assert_allclose(turned[:, 2:], plain[:, 2:], rtol=1e-5, atol=1e-5)


@law
@given(seeds)
def test_mahalanobis_changes_one_component_by_no_more_than_its_ridge(seed: int) -> None:
    plane = Plane.raw(correlated(14, 6, seed))  # too few anchors for two components
    points = scattered(plane, 30, seed)
    plain, other = (
        fit("gaussian", plane, metric=metric, guard=False).expand64(points)
        for metric in ("euclidean", "mahalanobis")
    )
    narrow = np.linalg.eigvalsh(np.corrcoef(plane.known.T)).min()
    assert np.abs(other - plain).max() <= 5 * REGULARIZATION / narrow * np.abs(plain).max()


def test_a_mixture_is_kept_for_each_metric() -> None:
    plane = Plane.raw(clustered(100, 0))
    kept = [mixture(plane, metric) for metric in METRICS]
    assert len(set(map(id, kept))) == len(METRICS)
    for name, result in zip(METRICS, kept, strict=True):
        fit("gaussian", plane, metric=name, guard=False)
        assert mixture(plane, name) is result


def test_no_more_components_for_directions_that_say_nothing() -> None:
    z = np.random.default_rng(0).normal(size=(1000, 6))
    assert len(mixture(Plane.raw(z), "cosine").weights) == 1


def test_as_many_components_as_the_anchors_speak_for() -> None:
    random = np.random.default_rng(0)
    assert len(mixture(Plane.raw(random.normal(size=(500, 6)))).weights) == 1
    result = mixture(Plane.raw(clustered(2000, 0)))
    assert 4 <= len(result.weights) <= 16
    np.testing.assert_allclose(result.weights.sum(), 1)
    few = mixture(Plane.raw(clustered(12, 0)))
    assert len(few.weights) == 1


@law
@given(seeds)
def test_it_follows_each_clusters_own_slope(seed: int) -> None:
    z = clustered(1000, seed)
    plane = Plane.raw(z)
    result = fit("gaussian", plane).expand(plane.known)[:, 2:]
    single = (
        plane.unknown.mean(axis=0)
        + (plane.known - plane.known.mean(axis=0))
        @ (
            np.linalg.lstsq(
                plane.known - plane.known.mean(axis=0),
                plane.unknown - plane.unknown.mean(axis=0),
                rcond=None,
            )[0]
        )
    )
    missed, straight = (np.sqrt(np.mean((v - z[:, 2:]) ** 2)) for v in (result, single))
    assert missed < straight


def test_the_same_anchors_give_the_same_mixture() -> None:
    z = clustered(SAMPLE + 500, 0)
    points = scattered(Plane.raw(z), 20, 0)
    first, second = (fit("gaussian", Plane.raw(z)).expand64(points) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_far_away_the_nearest_components_line_goes_on() -> None:
    plane = Plane.raw(clustered(400, 0).astype(np.float64))
    gaussian = fit("gaussian", plane, guard=False)
    far = np.array([[1.0, 0.3], [-0.5, 1.0]]) * 500 * np.ptp(plane.known)
    latents = gaussian.expand64(np.concatenate([far, 1.1 * far, 1.2 * far]))
    a, b, c = latents.reshape(3, 2, 5)
    np.testing.assert_allclose(c - b, b - a, rtol=1e-6, atol=1e-6)
