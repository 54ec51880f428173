"""Which anchors an expander blends: laws of all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from latentpad.engine.expander_declarations import DECLARED
from latentpad.engine.expanders import NAMES, Expander, fit
from latentpad.engine.expanders.anchor_weights import MOST, strongest
from latentpad.engine.expanders.dwell import ATTRACTION_SHARE
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

EXACT = tuple(declaration.name for declaration in DECLARED if declaration.exact)
CONTINUOUS = tuple(declaration.name for declaration in DECLARED if declaration.continuous)


def dense(expander: Expander, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, L) the weight of every anchor."""
    anchors, weights = expander.anchor_weights(points)
    out = np.zeros((len(points), len(expander.plane.known)))
    np.add.at(out, (np.arange(len(points))[:, None], anchors), weights)
    return out


@law
@given(seeds, st.sampled_from(NAMES), metrics, st.integers(1, 40), st.sampled_from((1, 3, 24)))
def test_few_anchors_share_the_sound_at_every_point(
    seed: int, name: str, metric: str, count: int, focus: int
) -> None:
    for plane in planes(correlated(count, 5, seed)):
        expander = fit(name, plane, metric=metric, focus=focus)
        points = np.concatenate([scattered(plane, 20, seed) * 3, plane.known[:3]])
        anchors, weights = expander.anchor_weights(points)
        assert anchors.shape == weights.shape and anchors.shape[1] <= MOST
        assert ((anchors >= 0) & (anchors < count)).all() and (weights >= 0).all()
        np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)


@law
@given(seeds, st.sampled_from(EXACT), whole_metrics, st.sampled_from((1, 3, 24)))
def test_what_is_exact_at_an_anchor_blends_it_alone_there(
    seed: int, name: str, metric: str, focus: int
) -> None:
    for plane in planes(correlated(80, 5, seed)):
        expander = fit(name, plane, metric=metric, focus=focus)
        np.testing.assert_allclose(dense(expander, plane.known), np.eye(80), atol=1e-12)


@law
@given(seeds, st.sampled_from(CONTINUOUS), whole_metrics, st.integers(2, 40))
def test_weights_jump_only_where_the_expander_does(
    seed: int, name: str, metric: str, focus: int
) -> None:
    for plane in planes(correlated(60, 5, seed)):
        for a, b in (plane.known[:2], scattered(plane, 2, seed)):
            assert jump(fit(name, plane, metric=metric, focus=focus), a, b) < 1e-4
        assert jump(fit("nearest", plane, metric=metric), *plane.known[:2]) == 1


def jump(expander: Expander, a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The largest step of any weight on the path from a to b, magnified around that step."""
    for _ in range(5):
        path = a + np.linspace(0, 1, 101)[:, None] * (b - a)
        steps = np.abs(np.diff(dense(expander, path), axis=0)).max(axis=1)
        widest = int(steps.argmax())
        a, b = path[widest], path[widest + 1]
    return float(steps.max())


def test_dwell_blends_one_anchor_as_long_as_it_dwells_there() -> None:
    plane = Plane.raw(correlated(60, 5, 1))
    expander = fit("dwell", plane)
    first = plane.known[0]
    others = np.linalg.norm(plane.known[1:] - first, axis=1)
    reach = 0.9 * ATTRACTION_SHARE * others.min() / 2
    around = first + reach * np.array([(1.0, 0.0), (0.0, -1.0), (-0.7, 0.7)])
    assert (dense(expander, around)[:, 0] == 1).all()
    assert dense(expander, first[None] + [[others.min() / 2, 0]])[0, 0] < 1


def test_local_weighs_its_neighbours_as_it_does_before_it_follows_their_slope() -> None:
    plane = Plane.raw(correlated(60, 5, 2))
    points = scattered(plane, 30, 2)
    weights = dense(fit("local", plane, focus=5), points)
    assert (np.count_nonzero(weights, axis=1) <= 5).all()
    nearest = np.linalg.norm(points[:, None] - plane.known, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(weights.argmax(axis=1), nearest)


def test_barycentric_weighs_the_three_anchors_that_it_adds() -> None:
    plane = Plane.raw(correlated(60, 5, 3))
    expander = fit("barycentric", plane, guard=False)
    points = plane.known[:20] * 0.5
    expected = dense(expander, points) @ plane.unknown
    got = expander.expand64(points)[:, 2:]
    np.testing.assert_allclose(got, expected + plane.centre[2:], atol=1e-5)


def test_a_lattice_weighs_an_anchor_by_the_size_of_its_weight() -> None:
    plane = Plane.raw(correlated(60, 5, 4))
    given_weights = fit("lattice", plane, base=5, weights={3: 0.5, 7: -0.5})
    weights = dense(given_weights, plane.known[:2])
    np.testing.assert_allclose(weights[:, [5, 3, 7]], [[0.5, 0.25, 0.25]] * 2)
    at_base = fit("lattice", plane, base=5).anchor_weights(plane.known[5:6])
    assert at_base.anchors[0, 0] == 5 and at_base.weights[0, 0] == pytest.approx(1)


def test_of_many_weights_the_largest_are_kept_without_a_step() -> None:
    weights = np.linspace(1, 0.1, 12)[None]
    kept = strongest(np.arange(12), weights)
    np.testing.assert_array_equal(kept.anchors[0], np.arange(MOST))
    assert kept.weights.sum() == pytest.approx(1)
    alike = weights.copy()
    alike[0, MOST] = alike[0, MOST - 1]  # one more replaces the last: neither has a weight
    assert strongest(np.arange(12), alike).weights[0, -1] == 0
    np.testing.assert_allclose(strongest(np.arange(12), np.ones((1, 12))).weights, 1 / MOST)
