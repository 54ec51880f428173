"""The local conditional mean, and its spread where sounds share a site."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from latentpad.engine.expanders import blend, fit, nearest_anchor
from latentpad.engine.plane import Plane
from tests.engine.expanders.anchors import correlated, law, scattered, seeds


def test_anchors_at_one_site_are_replaced_by_their_mean_and_have_a_spread() -> None:
    z = correlated(50, 5, 3)
    z[1:4, :2] = z[0, :2]
    plane = Plane.raw(z)
    local = fit("local", plane)
    np.testing.assert_allclose(
        local.expand(plane.known[:1])[0, 2:], z[:4, 2:].mean(axis=0), rtol=1e-5
    )
    expected = np.sqrt(z[:4, 2:].var(axis=0).mean())
    np.testing.assert_allclose(local.spread(plane.known[:1]), expected, rtol=1e-5)
    np.testing.assert_array_equal(nearest_anchor(plane.known[:4], plane), 0)
    np.testing.assert_array_equal(fit("nearest", plane).expand(plane.known[3:4])[0], z[0])


@law
@given(seeds)
def test_spread_is_nothing_at_an_anchor_and_something_between(seed: int) -> None:
    plane = Plane.raw(correlated(50, 5, seed))
    local = fit("local", plane)
    np.testing.assert_allclose(local.spread(plane.known), 0, atol=1e-9)
    assert (local.spread((plane.known[:9] + plane.known[1:10]) / 2) > 1e-3).all()
    assert not fit("nearest", plane).spread(plane.known).any()


@law
@given(seeds, st.integers(1, 50))
def test_local_is_the_conditional_mean_written_out(seed: int, focus: int) -> None:
    plane = Plane.raw(correlated(40, 6, seed).astype(np.float64))
    for p in scattered(plane, 5, seed):
        distance = np.linalg.norm(plane.known - p, axis=1)
        near = distance.argsort()[:focus]
        radius = np.sort(distance)[focus] if focus < 40 else np.inf
        w = (1 / distance[near] - 1 / radius) ** 2
        w /= w.sum()
        known, unknown = plane.known[near], plane.unknown[near]
        x, z = known - w @ known, unknown - w @ unknown
        ridge = 1e-3 * plane.known.var(axis=0).mean() * np.eye(2)
        slope = np.linalg.solve((x.T * w) @ x + ridge, (x.T * w) @ z)
        expected = w @ unknown + (p - w @ known) @ slope
        local = fit("local", plane, focus=focus, guard=False)
        np.testing.assert_allclose(local.expand64([p])[0, 2:], expected, rtol=1e-6, atol=1e-8)
        fog = np.sqrt(w @ (z**2).mean(axis=1))
        np.testing.assert_allclose(local.spread([p]), fog, rtol=1e-6, atol=1e-8)


@law
@given(seeds)
def test_local_follows_the_slope_of_anchors_on_a_plain(seed: int) -> None:
    random = np.random.default_rng(seed)
    sites, slope = random.normal(size=(400, 2)), random.normal(size=(2, 3))
    plane = Plane.raw(np.hstack([sites, sites @ slope]))
    points = random.uniform(-1, 1, (50, 2))
    local = fit("local", plane).expand64(points)[:, 2:]
    # Inside the cloud a weighted mean misses a plain by the width of a neighbourhood; the
    # slope takes nearly all of that away.
    averaged = np.stack([blend(points, plane, column, n=24) for column in plane.unknown.T], axis=1)
    missed, blurred = (np.abs(z - points @ slope).mean() for z in (local, averaged))
    assert missed < blurred / 2
