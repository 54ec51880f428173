"""`dwell`: a finger is attracted by the nearest sound, continuously."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from latentpad.engine.expanders import fit
from latentpad.engine.expanders.dwell import ATTRACTION_SHARE
from latentpad.engine.plane import Plane
from tests.engine.expanders.anchors import correlated, law, planes, scattered, seeds

# Of the distance to the second anchor: the radius within which the nearest sound is exact.
BORDER = ATTRACTION_SHARE / (2 - ATTRACTION_SHARE)


@law
@given(seeds, st.floats(0, 0.99))
def test_a_sounds_own_ground_is_that_sound_and_no_other(seed: int, share: float) -> None:
    z = correlated(60, 5, seed)
    for plane in planes(z):
        turn = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(z))
        direction = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        away = np.linalg.norm(plane.known[:, None] - plane.known[None], axis=2)
        np.fill_diagonal(away, np.inf)
        # d₁ ≤ BORDER (gap - d₁) ≤ BORDER d₂
        reach = share * BORDER / (1 + BORDER) * away.min(axis=1)
        points = plane.known + reach[:, None] * direction
        dwell, nearest = (fit(name, plane).expand(points) for name in ("dwell", "nearest"))
        np.testing.assert_allclose(dwell, nearest, rtol=1e-5, atol=1e-6)


@law
@given(seeds, st.integers(1, 40))
def test_dwelling_is_local_of_a_point_nearer_to_the_sound(seed: int, focus: int) -> None:
    z = correlated(50, 6, seed).astype(np.float64)
    plane = Plane.mapped(z, z[:, :2] ** 3, "map")
    for p in scattered(plane, 5, seed):
        distance = np.linalg.norm(plane.known - p, axis=1)
        first, second = np.sort(distance)[:2]
        r = 2 * first / (first + second)
        anchor = plane.known[distance.argmin()]
        felt = anchor + (p - anchor) * max(r - ATTRACTION_SHARE, 0) / (1 - ATTRACTION_SHARE) / r
        away = np.linalg.norm(plane.known - felt, axis=1)
        near, radius = away.argsort()[:focus], np.sort(away)[focus]
        if away.min() == 0:
            continue
        w = (1 / away[near] - 1 / radius) ** 3
        w /= w.sum()
        x, unknown = plane.known[near] - w @ plane.known[near], plane.unknown[near]
        ridge = 1e-3 * plane.known.var(axis=0).mean() * np.eye(2)
        slope = np.linalg.solve((x.T * w) @ x + ridge, (x.T * w) @ (unknown - w @ unknown))
        expected = w @ unknown + (felt - w @ plane.known[near]) @ slope
        dwell = fit("dwell", plane, focus=focus, guard=False)
        np.testing.assert_allclose(dwell.expand64([p])[0], expected, rtol=1e-6, atol=1e-8)


@law
@given(seeds)
def test_where_two_sounds_are_as_near_nothing_is_drawn(seed: int) -> None:
    z = correlated(2, 5, seed).astype(np.float64)
    plane = Plane.mapped(z, z[:, :2], "map")
    middle = fit("dwell", plane, guard=False).expand64([plane.known.mean(axis=0)])
    np.testing.assert_allclose(middle[0], z.mean(axis=0), rtol=1e-9, atol=1e-9)
