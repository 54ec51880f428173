"""The triangulation is complete, without overlaps, and Delaunay's, for any sites."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from latentpad.engine.expanders.delaunay import GHOST, insertion_order, orientation, triangulate
from tests.engine.expanders.anchors import seeds

Float64 = NDArray[np.float64]


def exact(sites: Float64, a: int, b: int, c: int) -> Fraction:
    """Twice the area of a triangle, above 0 if it is counter-clockwise."""
    (ax, ay), (bx, by), (cx, cy) = ((Fraction(x), Fraction(y)) for x, y in sites[[a, b, c]])
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)


def hull_area(sites: Float64) -> Fraction:
    """Twice the area of the convex hull (Andrew's monotone chain, exactly)."""
    order = sorted(range(len(sites)), key=lambda k: tuple(sites[k]))
    around: list[int] = []
    for direction in (order, order[::-1]):
        chain: list[int] = []
        for k in direction:
            while len(chain) > 1 and exact(sites, chain[-2], chain[-1], k) <= 0:
                chain.pop()
            chain.append(k)
        around += chain[:-1]
    fan = (exact(sites, around[0], b, c) for b, c in pairwise(around[1:]))
    return sum(fan, Fraction(0))


def in_circle(sites: Float64, t: NDArray[np.int32], d: int) -> float:
    """How far d is inside the circumcircle of t, relative to the size of the terms."""
    x, y = ([Fraction(v) - Fraction(sites[d, i]) for v in sites[t, i]] for i in (0, 1))
    result = size = Fraction(0)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        square = x[i] ** 2 + y[i] ** 2
        result += square * (x[j] * y[k] - y[j] * x[k])
        size += square * (abs(x[j] * y[k]) + abs(y[j] * x[k]))
    return float(result / size)


def check(sites: Float64) -> NDArray[np.int32]:
    """Check the triangles of these sites in exact arithmetic."""
    order = insertion_order(sites)
    assert order is not None and sorted(order) == list(range(len(sites)))
    corners, across = triangulate(sites, order)
    assert len(corners) == 2 * len(sites) - 2
    for t, neighbours in enumerate(across):
        for k, o in enumerate(neighbours):
            shared = {corners[t, (k + 1) % 3], corners[t, (k + 2) % 3]}
            assert t in across[o] and shared <= set(corners[o])
    real = corners[(corners != GHOST).all(axis=1)]
    areas = [exact(sites, *t) for t in real]
    assert min(areas) > 0
    assert sum(areas) == hull_area(sites)
    assert set(real.ravel()) == set(range(len(sites)))
    for t, neighbours in zip(corners, across, strict=True):
        for o in neighbours:
            beyond = set(corners[o]) - set(t) - {GHOST}
            if GHOST not in t and beyond:
                assert in_circle(sites, t, beyond.pop()) < 1e-14
    return real


@settings(max_examples=30)
@given(seeds, st.integers(3, 150))
def test_sites_at_random_have_the_same_triangles_as_qhulls(seed: int, count: int) -> None:
    sites = np.random.default_rng(seed).normal(size=(count, 2))
    result = {frozenset(t) for t in check(sites).tolist()}
    assert result == {frozenset(t) for t in Delaunay(sites).simplices.tolist()}


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=30, unique=True),
    # 0.1 has no exact double: then rows are in line but for rounding.
    st.sampled_from([1.0, 0.1, 1e-30, 1e30]),
    st.sampled_from([0.0, 1e-9, 0.3]),
)
def test_sites_in_rows_have_triangles_that_never_overlap(
    cells: list[tuple[int, int]], step: float, shear: float
) -> None:
    sites = np.array(cells) * step @ np.array([[1.0, shear], [-shear, 1.0]])
    if any(exact(sites, 0, 1, k) for k in range(2, len(sites))):
        check(sites)
    else:
        assert insertion_order(sites) is None


@pytest.mark.parametrize("kind", ["circle", "nearly a line", "one beside a line", "parabola"])
def test_awkward_sites_are_triangulated_completely(kind: str) -> None:
    t = np.linspace(-1, 1, 40)
    sites = {
        "circle": np.stack([np.cos(3 * t), np.sin(3 * t)], axis=1),
        "nearly a line": np.stack([t, 0.1 * t], axis=1) @ [[0.8, 0.6], [-0.6, 0.8]],
        "one beside a line": np.stack([t, np.where(t == t[7], 1e-12, 0.0)], axis=1),
        "parabola": np.stack([t, t**2], axis=1),
    }[kind]
    check(sites)


@settings(max_examples=200)
@given(*[st.tuples(st.floats(-1, 1), st.floats(-1, 1))] * 2, st.floats(-2, 2), st.integers(-4, 4))
def test_the_side_of_a_line_is_told_without_rounding(
    a: tuple[float, float], b: tuple[float, float], share: float, hairs: int
) -> None:
    # A site that is on the line but for the last bits of its coordinates.
    x, y = (p + share * (q - p) for p, q in zip(a, b, strict=True))
    sites = np.array([a, b, (x, y + hairs * np.spacing(y))])
    sites[np.abs(sites) < 1e-100] = 0.0  # products of such would vanish
    result, expected = orientation(sites, 0, 1, 2), exact(sites, 0, 1, 2)
    assert (result > 0) == (expected > 0) and (result < 0) == (expected < 0)


def test_sites_in_one_line_have_no_triangles() -> None:
    t = np.arange(20.0)
    assert insertion_order(np.stack([t, 3 * t], axis=1)) is None
    assert insertion_order(np.zeros((1, 2))) is None
