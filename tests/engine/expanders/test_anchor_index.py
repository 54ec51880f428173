"""What depends on the sites alone: a scalar between them, and the cache."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from latentpad.engine.expanders import NAMES, blend, fit
from latentpad.engine.expanders.anchor_index import anchor_index
from latentpad.engine.expanders.barycentric import triangulation
from latentpad.engine.expanders.gaussian import mixture
from latentpad.engine.expanders.spline import thin_plate
from latentpad.engine.plane import Plane
from tests.engine.expanders.anchors import correlated, law, scattered, seeds


@law
@given(seeds, st.integers(1, 12))
def test_blend_is_exact_at_anchors_and_stays_within_their_values(seed: int, n: int) -> None:
    plane = Plane.raw(correlated(40, 4, seed))
    values = np.random.default_rng(seed).normal(size=40)
    np.testing.assert_allclose(blend(plane.known, plane, values, n), values, rtol=1e-9)
    between = blend(scattered(plane, 50, seed), plane, values, n)
    assert between.min() >= values.min() - 1e-9 and between.max() <= values.max() + 1e-9


def test_blend_takes_the_mean_of_anchors_at_one_site() -> None:
    z = correlated(20, 4, 0)
    z[7, :2] = z[3, :2]
    values = np.arange(20.0)
    np.testing.assert_allclose(blend(z[3:4, :2], Plane.raw(z), values), 5.0)


def test_turning_a_knob_searches_the_same_sites_again() -> None:
    plane = Plane.raw(correlated(30, 5, 0))
    result = anchor_index(plane)
    kept = triangulation(result), thin_plate(plane, result), mixture(plane)
    for name in NAMES:
        fit(name, plane, focus=3, guard=False)
    assert anchor_index(plane) is result
    assert all(
        a is b
        for a, b in zip(
            kept, (triangulation(result), thin_plate(plane, result), mixture(plane)), strict=True
        )
    )
