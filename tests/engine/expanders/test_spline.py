"""The thin-plate spline through all anchors, and the one through each point's neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from latentpad.engine.expanders import fit
from latentpad.engine.expanders.anchor_index import anchor_index
from latentpad.engine.expanders.spline import (
    GLOBAL_SITES,
    MOST_NEIGHBOURS,
    NUGGET,
    SLOPE,
    TOLERANCE,
    MovingSpline,
    Spline,
)
from latentpad.engine.plane import Plane
from tests.engine.expanders.anchors import (
    correlated,
    jump,
    law,
    planes,
    scattered,
    seeds,
    whole_metrics,
)


def moving(plane: Plane, metric: str = "euclidean", focus: int = 24) -> MovingSpline:
    return MovingSpline(plane, False, anchor_index(plane, metric), focus)


@law
@given(seeds, st.integers(3, 120))
def test_few_anchors_have_scipys_thin_plate_spline(seed: int, count: int) -> None:
    plane = Plane.raw(correlated(count, 5, seed).astype(np.float64))
    points = scattered(plane, 50, seed)
    spline = fit("rbf", plane, guard=False)
    assert isinstance(spline, Spline)
    expected = RBFInterpolator(plane.known, plane.unknown, kernel="thin_plate_spline")(points)
    size = np.abs(expected).max()
    np.testing.assert_allclose(spline.expand64(points)[:, 2:], expected, rtol=0, atol=1e-6 * size)


@law
@given(seeds, st.integers(2, 40))
def test_anchors_in_line_have_the_spline_along_it(seed: int, count: int) -> None:
    """No two anchors nearly coincide: through such anchors the spline is so steep that rounding
    decides."""
    random = np.random.default_rng(seed)
    along, sounds = np.cumsum(random.uniform(0.1, 1, count)), random.normal(size=(count, 3))
    along = random.permutation(along - along.mean())
    direction, across = np.array([0.6, 0.8]), np.array([-0.8, 0.6])
    plane = Plane.raw(np.hstack([along[:, None] * direction, sounds]))
    along_line, beside = random.uniform(-2, 2, (2, 50, 1)) * np.array([[[along.std() + 1]], [[1]]])
    expected = RBFInterpolator(along[:, None], sounds, kernel="thin_plate_spline")(along_line)
    result = fit("rbf", plane, guard=False).expand64(along_line * direction + beside * across)
    size = np.abs(expected).max()
    np.testing.assert_allclose(result[:, 2:], expected, rtol=0, atol=1e-5 * size)


@law
@given(seeds)
def test_few_anchors_on_a_plain_give_the_plain_everywhere(seed: int) -> None:
    random = np.random.default_rng(seed)
    known, slope = random.normal(size=(50, 2)), random.normal(size=(2, 3))
    plane = Plane.raw(np.hstack([known, known @ slope]))
    points = random.uniform(-9, 9, (50, 2))
    result = fit("rbf", plane, guard=False).expand64(points)
    np.testing.assert_allclose(result[:, 2:], points @ slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("count", "kind"), [(GLOBAL_SITES, Spline), (GLOBAL_SITES + 1, MovingSpline)]
)
def test_many_anchors_have_a_spline_for_each_point(count: int, kind: type) -> None:
    z = correlated(count, 5, 0)
    plane = Plane.raw(z)
    spline = fit("rbf", plane)
    assert isinstance(spline, kind)
    np.testing.assert_allclose(spline.expand(plane.known), z, rtol=1e-5, atol=1e-5)


@law
@given(seeds, whole_metrics, st.integers(1, 79))
def test_a_points_spline_is_exact_at_anchors(seed: int, metric: str, focus: int) -> None:
    z = correlated(80, 5, seed)
    for plane in planes(z):
        result = moving(plane, metric, focus).expand(plane.known)
        np.testing.assert_allclose(result, z, rtol=1e-5, atol=1e-6)


@law
@given(seeds, whole_metrics, st.integers(4, 40))
def test_a_points_spline_is_continuous(seed: int, metric: str, focus: int) -> None:
    for plane in planes(correlated(60, 5, seed)):
        spline = moving(plane, metric, focus)
        assert jump(spline, *plane.known[:2]) < 1e-4
        assert jump(spline, *scattered(plane, 2, seed)) < 1e-4


@law
@given(seeds, st.integers(2, 79))
def test_a_points_spline_is_kriging_that_misses_the_outer_neighbours(seed: int, focus: int) -> None:
    plane = Plane.raw(correlated(80, 6, seed).astype(np.float64))
    spline = moving(plane, focus=focus)
    for p in scattered(plane, 5, seed):
        distance = np.linalg.norm(plane.known - p, axis=1)
        near = distance.argsort()[: min(focus, MOST_NEIGHBOURS)]
        reach = np.sort(distance)[len(near)]
        u, t = (plane.known[near] - p) / reach, distance[near] / reach
        system = np.zeros((len(near) + 1, len(near) + 1))
        system[:-1, :-1] = thin_plate(np.linalg.norm(u[:, None] - u, axis=2)) + SLOPE * u @ u.T
        system[:-1, :-1] += np.diag((TOLERANCE * t**2 / (1 - t)) ** 2 + NUGGET)
        system[:-1, -1] = system[-1, :-1] = 1
        weights = np.linalg.solve(system, np.append(thin_plate(t), 1))[:-1]
        expected = weights @ plane.unknown[near]
        np.testing.assert_allclose(spline.expand64([p])[0, 2:], expected, rtol=1e-5, atol=1e-6)


def thin_plate(r: NDArray[np.float64]) -> NDArray[np.float64]:
    return r**2 * np.log(np.where(r > 0, r, 1))


def test_where_sounds_change_smoothly_a_points_spline_is_nearly_that_of_all() -> None:
    random = np.random.default_rng(0)
    known = random.normal(size=(900, 2))
    turn = random.normal(size=(2, 8))
    plane = Plane.raw(np.hstack([known, np.cos(known @ turn)]))
    points = random.uniform(-1.5, 1.5, (300, 2))
    global_latents = fit("rbf", plane, guard=False).expand64(points)[:, 2:]
    moving_latents = moving(plane).expand64(points)[:, 2:]
    truth = np.cos(points @ turn)
    local = fit("local", plane, guard=False).expand64(points)[:, 2:]
    missed = [np.sqrt(np.mean((z - truth) ** 2)) for z in (global_latents, moving_latents, local)]
    assert missed[0] < missed[1] < missed[2] / 4


def test_a_points_spline_stays_with_its_neighbours_far_outside() -> None:
    plane = Plane.raw(correlated(80, 5, 0))
    far = moving(plane).expand64(scattered(plane, 50, 0) * 1000)[:, 2:]
    assert np.abs(far).max() < 5 * np.abs(plane.unknown).max()


def test_the_fog_is_that_of_the_neighbours() -> None:
    plane = Plane.raw(correlated(50, 5, 3))
    points = scattered(plane, 20, 0)
    np.testing.assert_array_equal(
        fit("rbf", plane, focus=9).spread(points), fit("local", plane, focus=9).spread(points)
    )


def test_anchors_at_one_site_are_replaced_by_their_mean() -> None:
    z = correlated(50, 5, 3)
    z[1:4, :2] = z[0, :2]
    plane = Plane.raw(z)
    for spline in (fit("rbf", plane, guard=False), moving(plane)):
        result = spline.expand(plane.known[:1])[0, 2:]
        np.testing.assert_allclose(result, z[:4, 2:].mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize("gap", [1e-3, 1e-5, 1e-7, 1e-9, 1e-13])
def test_two_sites_may_be_as_near_as_numbers_tell_them_apart(gap: float) -> None:
    z = correlated(60, 5, 0).astype(np.float64)
    z[1, :2] = z[0, :2] + [gap, 0]
    plane = Plane.raw(z)
    spline = fit("rbf", plane, guard=False)
    np.testing.assert_allclose(spline.expand(plane.known), z, rtol=1e-5, atol=1e-5)
    near = spline.expand64(plane.known[:1] + np.linspace(-1, 1, 101)[:, None])
    assert np.isfinite(near).all()
