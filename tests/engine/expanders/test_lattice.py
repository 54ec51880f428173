"""A base anchor and its weights: they reach the point, with the least norm."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls
from scipy.spatial.distance import cdist

from latentpad.engine.expanders import METRICS, Lattice, fit
from latentpad.engine.expanders.lattice_weights import SOFTNESS, least_norm_weights
from latentpad.engine.plane import Plane
from tests.engine.expanders.anchors import (
    correlated,
    jump,
    law,
    metrics,
    planes,
    scattered,
    seeds,
)


@law
@given(seeds, metrics, st.integers(0, 19))
def test_lattice_is_exact_at_its_base(seed: int, metric: str, base: int) -> None:
    z = correlated(20, 5, seed)
    for plane in planes(z):
        lattice = fit("lattice", plane, metric=metric, base=base)
        latent = lattice.expand(plane.known[base : base + 1])
        np.testing.assert_allclose(latent[0], z[base], rtol=1e-5, atol=1e-6)


@law
@given(seeds, metrics, st.integers(0, 19))
def test_lattice_is_continuous(seed: int, metric: str, base: int) -> None:
    for plane in planes(correlated(20, 5, seed)):
        lattice = fit("lattice", plane, metric=metric, base=base)
        assert jump(lattice, *scattered(plane, 2, seed)) < 1e-4


@law
@given(seeds, metrics, st.integers(0, 39), st.integers(1, 24))
def test_each_corner_is_the_farthest_by_the_metric(
    seed: int, metric: str, base: int, focus: int
) -> None:
    plane = Plane.raw(correlated(40, 5, seed))
    lattice = fit("lattice", plane, metric=metric, base=base, focus=focus)
    assert isinstance(lattice, Lattice)
    away = plane.known - plane.known.mean(axis=0)
    distance = cdist(away, away, metric)
    before = [base]
    for corner in lattice.chosen:
        assert corner == distance[before].min(axis=0).argmax()
        before.append(int(corner))
    assert len(lattice.chosen) == focus


def test_few_directions_leave_few_weights() -> None:
    z = correlated(30, 5, 0)
    z[:, :2] = np.outer(np.arange(30) - 10, [1.0, 2.0])  # two ways to go from the centroid
    for plane, corners in ((Plane.raw(z), 1), (Plane.raw(z[:1]), 0), (Plane.raw(z[[2, 2]]), 0)):
        lattice = fit("lattice", plane, metric="cosine", guard=False)
        assert isinstance(lattice, Lattice)
        assert len(lattice.chosen) == corners
        points = plane.known[0] + np.array([[0.0, 0.0], [3.0, 6.0], [5.0, -5.0]])
        latents = lattice.expand64(points)
        np.testing.assert_allclose(latents[:, :2], points)
        np.testing.assert_allclose(latents[0, 2:], plane.unknown[0], rtol=1e-6)


def test_anchors_in_a_line_but_for_rounding_raise_no_weights_of_millions() -> None:
    z = correlated(30, 5, 0)
    z[:, :2] = np.outer(np.random.default_rng(0).normal(size=30), [0.1, 0.3])
    plane = Plane.raw(z)
    for metric in METRICS:
        lattice = fit("lattice", plane, metric=metric)
        assert isinstance(lattice, Lattice)
        assert np.abs(lattice.weights(scattered(plane, 30, 0))).max() < 1000


@law
@given(seeds, metrics, st.integers(0, 29))
def test_lattices_weights_bring_its_base_to_the_point(seed: int, metric: str, base: int) -> None:
    plane = Plane.raw(correlated(30, 5, seed))
    lattice = fit("lattice", plane, metric=metric, base=base, guard=False)
    assert isinstance(lattice, Lattice)
    points = scattered(plane, 30, seed)
    weights, chosen = lattice.weights(points), lattice.chosen
    assert len(chosen) == 24 and base not in chosen
    steps = plane.known[chosen] - plane.known[base]
    np.testing.assert_allclose(plane.known[base] + weights @ steps, points, atol=1e-6)
    z = plane.assemble(plane.known, plane.unknown).astype(np.float64)
    np.testing.assert_allclose(
        lattice.expand64(points), z[base] + weights @ (z[chosen] - z[base]), atol=1e-5
    )


@law
@given(seeds, metrics)
def test_lattices_weights_are_not_negative_where_that_is_possible(seed: int, metric: str) -> None:
    plane = Plane.raw(correlated(30, 5, seed))
    inner = int(np.linalg.norm(plane.known - plane.known.mean(axis=0), axis=1).argmin())
    lattice = fit("lattice", plane, metric=metric, base=inner)
    assert isinstance(lattice, Lattice)
    weights = lattice.weights(scattered(plane, 30, seed))
    assert weights.min() > -1e-4 * weights.max()


@settings(max_examples=60)
@given(seeds, st.integers(1, 24), st.booleans(), st.sampled_from([1e-3, 1.0, 50.0]))
def test_the_weights_are_the_least_of_all_that_are_not_negative(
    seed: int, number: int, one_sided: bool, size: float
) -> None:
    random = np.random.default_rng(seed)
    steps = random.normal(scale=size, size=(number, 2))
    if one_sided:  # a base in the corner: many points cannot be reached by weights >= 0
        np.abs(steps, out=steps)
    inverse = np.asarray(np.linalg.pinv(steps), np.float64)
    base = random.normal(size=2)
    points = base + random.normal(size=(5, 2))
    # The same, as non-negative least squares of a system with one more row a weight.
    unit = np.sqrt((steps**2).sum() / number * SOFTNESS)
    system = np.vstack([steps.T / unit, np.eye(number)])
    for point, weights in zip(
        points, least_norm_weights(points, base, steps, inverse), strict=True
    ):
        away = point - base
        expected = nnls(system, np.concatenate([away / unit, np.zeros(number)]))[0]
        expected += (away - expected @ steps) @ inverse
        np.testing.assert_allclose(weights, expected, rtol=1e-5, atol=1e-5 * max(1, 1 / size))


def test_weights_in_a_controllers_hands_mix_whole_anchors_wherever_the_point_is() -> None:
    z = correlated(10, 5, 0)
    for plane in planes(z):
        mixed = fit("lattice", plane, base=2, weights={5: 0.25, 7: 0.5}).expand([[9, 9], [0, 0]])
        expected = z[2] + 0.25 * (z[5] - z[2]) + 0.5 * (z[7] - z[2])
        np.testing.assert_allclose(mixed, [expected, expected], rtol=1e-4, atol=1e-5)
        still = fit("lattice", plane, base=2, weights={}).expand([[9, 9]])
        np.testing.assert_allclose(still[0], z[2], rtol=1e-5, atol=1e-6)
