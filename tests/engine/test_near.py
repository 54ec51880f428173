"""The anchor under a finger is the nearest one, whatever the plane looks like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from latentpad.engine import near
from latentpad.engine.plane import Plane

SHAPES = {
    "even": lambda rng, n: rng.uniform(size=(n, 2)),
    "normal": lambda rng, n: rng.normal(size=(n, 2)),
    "one place": lambda rng, n: np.zeros((n, 2)),
    "a line": lambda rng, n: np.stack([rng.normal(size=n), np.zeros(n)], axis=1),
    "clusters": lambda rng, n: rng.integers(3, size=(n, 2)) + 1e-3 * rng.normal(size=(n, 2)),
}


def plane(shape: str, n: int) -> Plane:
    rng = np.random.default_rng(n)
    places: NDArray[np.float64] = SHAPES[shape](rng, n)
    return Plane.mapped(rng.normal(size=(n, 3)), places, "map")


@given(
    st.sampled_from(sorted(SHAPES)),
    st.integers(1, 300),
    st.tuples(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5)),
)
def test_no_anchor_is_nearer(shape: str, n: int, xy: tuple[float, float]) -> None:
    here = plane(shape, n)
    distances = np.hypot(*(here.known - here.from_pad([xy])).T)
    assert near.nearest(here, xy) == int(distances.argmin())


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_an_anchor_is_under_the_finger_at_its_own_place(shape: str) -> None:
    here = plane(shape, 50)
    for k, xy in enumerate(here.to_pad(here.known).tolist()):
        found = near.nearest(here, xy)
        np.testing.assert_allclose(here.known[found], here.known[k], atol=1e-9)
