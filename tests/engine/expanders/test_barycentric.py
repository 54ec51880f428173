"""Interpolation between three anchors, and at the hull."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import ConvexHull

from latentpad.engine.expanders import fit
from latentpad.engine.plane import Plane
from tests.engine.expanders.anchors import (
    correlated,
    law,
    metrics,
    planes,
    scattered,
    seeds,
    whole_metrics,
)


@law
@given(seeds, st.integers(3, 200))
def test_inside_the_hull_it_is_the_linear_interpolation_of_the_triangles(
    seed: int, count: int
) -> None:
    plane = Plane.raw(correlated(count, 5, seed).astype(np.float64))
    points = scattered(plane, 200, seed)
    expected = LinearNDInterpolator(plane.known, plane.unknown)(points)
    inside = np.isfinite(expected).all(axis=1)
    z = fit("barycentric", plane, guard=False).expand64(points)[:, 2:]
    size = np.abs(plane.unknown).max()
    np.testing.assert_allclose(z[inside], expected[inside], rtol=1e-6, atol=1e-6 * size)


@law
@given(seeds, st.integers(3, 200))
def test_outside_it_stays_at_the_hulls_nearest_point(seed: int, count: int) -> None:
    plane = Plane.raw(correlated(count, 5, seed).astype(np.float64))
    hull = ConvexHull(plane.known)
    points = np.concatenate([scattered(plane, 100, seed), scattered(plane, 20, seed) * 50])
    points = points[(hull.equations @ np.c_[points, np.ones(len(points))].T).max(axis=0) > 1e-6]
    barycentric = fit("barycentric", plane, guard=False)
    for p in points:
        gap, expected = np.inf, np.zeros(3)
        for a, b in hull.simplices:
            direction = plane.known[b] - plane.known[a]
            share = np.clip((p - plane.known[a]) @ direction / (direction @ direction), 0, 1)
            away = np.linalg.norm(plane.known[a] + share * direction - p)
            if away < gap:
                gap = float(away)
                expected = plane.unknown[a] + share * (plane.unknown[b] - plane.unknown[a])
        np.testing.assert_allclose(barycentric.expand64([p])[0, 2:], expected, rtol=1e-6, atol=1e-6)


@law
@given(seeds, metrics, st.integers(1, 40))
def test_it_is_never_beyond_the_anchors_own_values(seed: int, metric: str, count: int) -> None:
    for plane in planes(correlated(count, 5, seed)):
        barycentric = fit("barycentric", plane, metric=metric, guard=False)
        latents = barycentric.expand64(scattered(plane, 100, seed) * 10)
        unknown = (latents - plane.centre) @ plane.from_unknown.T
        assert (unknown <= plane.unknown.max(axis=0) + 1e-5).all()
        assert (unknown >= plane.unknown.min(axis=0) - 1e-5).all()


@law
@given(seeds, whole_metrics, st.integers(2, 40))
def test_anchors_in_line_are_joined_by_straight_lines(seed: int, metric: str, count: int) -> None:
    random = np.random.default_rng(seed)
    along, sounds = random.normal(size=count), random.normal(size=(count, 3))
    direction, across = np.array([0.6, 0.8]), np.array([-0.8, 0.6])
    plane = Plane.raw(np.hstack([along[:, None] * direction, sounds]))
    along_line, beside = random.uniform(-4, 4, (2, 50, 1))
    barycentric = fit("barycentric", plane, metric=metric, guard=False)
    z = barycentric.expand64(along_line * direction + beside * across)
    order = along.argsort()
    for k in range(3):
        expected = np.interp(along_line[:, 0], along[order], sounds[order, k])
        np.testing.assert_allclose(z[:, 2 + k], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2])
def test_one_anchor_is_everywhere_and_two_are_joined(count: int) -> None:
    z = correlated(2, 5, 0)[:count]
    plane = Plane.raw(z)
    barycentric = fit("barycentric", plane)
    middle = barycentric.expand([(z[0, :2] + z[-1, :2]) / 2])[0]
    np.testing.assert_allclose(middle, (z[0] + z[-1]) / 2, rtol=1e-5, atol=1e-6)
    beyond = barycentric.expand([2 * z[0, :2] - z[-1, :2]])[0]
    np.testing.assert_allclose(beyond[2:], z[0, 2:], rtol=1e-6)


def test_cosine_mixes_the_two_directions_next_to_the_points() -> None:
    angle = np.array([0.0, 1.0, 2.5, 4.0, 5.5])
    sites = np.stack([np.cos(angle), np.sin(angle)], axis=1) * [[1.0], [3.0], [2.0], [1.0], [5.0]]
    sites -= sites.mean(axis=0)  # the centroid, which directions are from
    turned = np.arctan2(sites[:, 1], sites[:, 0])
    order = turned.argsort()
    first, second = order[1], order[2]
    plane = Plane.raw(np.hstack([sites, np.eye(5)]))
    middle = (turned[first] + turned[second]) / 2
    z = fit("barycentric", plane, metric="cosine", guard=False).expand64(
        [[2 * np.cos(middle), 2 * np.sin(middle)]]
    )
    expected = np.zeros(5)
    expected[[first, second]] = 0.5
    np.testing.assert_allclose(z[0, 2:], expected, atol=1e-9)


def test_anchors_at_one_site_count_as_their_mean_and_have_a_spread() -> None:
    z = correlated(50, 5, 3)
    z[1:4, :2] = z[0, :2]
    plane = Plane.raw(z)
    barycentric = fit("barycentric", plane, guard=False)
    result = barycentric.expand(plane.known[:1])[0, 2:]
    np.testing.assert_allclose(result, z[:4, 2:].mean(axis=0), rtol=1e-5)
    expected = np.sqrt(z[:4, 2:].var(axis=0).mean())
    np.testing.assert_allclose(barycentric.spread(plane.known[:1]), expected, rtol=1e-5)
    np.testing.assert_allclose(barycentric.spread(plane.known[4:]), 0, atol=1e-9)


def test_sites_side_by_side_across_a_line_share_their_point_of_it() -> None:
    side = np.array([[0, 0], [1, 1e-7], [1, -1e-7], [2, 0]])
    plane = Plane.raw(np.hstack([side, [[0.0], [5.0], [-5.0], [1.0]]]))
    z = fit("barycentric", plane, guard=False).expand64([[0.5, 0], [1.5, 0]])[:, 2]
    np.testing.assert_allclose(np.sort(np.abs([2 * z[0], 2 * z[1] - 1])), 5, rtol=1e-6)
