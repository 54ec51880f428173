"""The claims of every expander, checked as laws."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from latentpad.engine.expander_declarations import DECLARED, Declaration
from latentpad.engine.expanders import METRICS, NAMES, blend, fit
from latentpad.engine.expanders.anchor_index import ellipsoid
from latentpad.engine.plane import Plane
from tests.engine.expanders.anchors import (
    correlated,
    jump,
    law,
    metrics,
    planes,
    scattered,
    seeds,
    whole_metrics,
)

EXACT = tuple(declaration.name for declaration in DECLARED if declaration.exact)
CONTINUOUS = tuple(declaration.name for declaration in DECLARED if declaration.continuous)
FOCUS = (1, 3, 24)
Point = tuple[float, float]

expanders = st.sampled_from(NAMES)


@law
@given(seeds, st.sampled_from(EXACT), whole_metrics, st.booleans())
def test_what_is_exact_at_anchors_is_so_on_every_plane(
    seed: int, name: str, metric: str, guard: bool
) -> None:
    z = correlated(80, 5, seed)
    for plane in planes(z):
        expander = fit(name, plane, metric=metric, guard=guard)
        np.testing.assert_allclose(expander.expand(plane.known), z, rtol=1e-5, atol=1e-6)


@law
@given(seeds, st.sampled_from(CONTINUOUS), whole_metrics, st.integers(4, 40))
def test_all_but_nearest_are_continuous(seed: int, name: str, metric: str, focus: int) -> None:
    for plane in planes(correlated(60, 5, seed)):
        for a, b in (plane.known[:2], scattered(plane, 2, seed)):
            for guard in (True, False):
                expander = fit(name, plane, metric=metric, focus=focus, guard=guard)
                assert jump(expander, a, b) < 1e-4
        assert jump(fit("nearest", plane, metric=metric), *plane.known[:2]) > 1e-2


@law
@given(seeds, expanders, metrics, st.integers(2, 40))
def test_the_guard_holds_the_radius_and_never_moves_an_anchor(
    seed: int, name: str, metric: str, anchors: int
) -> None:
    z = correlated(anchors, 5, seed)
    z[0] *= 30  # an outlier: the ellipsoid must reach as far as it
    for plane in planes(z):
        guarded = fit(name, plane, metric=metric)
        free = fit(name, plane, metric=metric, guard=False)
        mean, axes, radius = ellipsoid(plane)
        distance = np.linalg.norm((plane.unknown - mean) @ axes, axis=1)
        assert distance.max() <= radius
        points = scattered(plane, 50, seed) * 5
        guarded_unknown, unguarded = (
            e.expand64(points) @ plane.from_unknown.T for e in (guarded, free)
        )
        offset = plane.centre @ plane.from_unknown.T
        reached = np.linalg.norm((guarded_unknown - offset - mean) @ axes, axis=1)
        assert reached.max() <= radius * (1 + 1e-6)
        inside = np.linalg.norm((unguarded - offset - mean) @ axes, axis=1) <= radius
        np.testing.assert_allclose(
            guarded_unknown[inside], unguarded[inside], rtol=1e-12, atol=1e-12
        )
        if name in EXACT:
            np.testing.assert_array_equal(guarded.expand(plane.known), free.expand(plane.known))


@law
@given(seeds, expanders, metrics, st.booleans())
def test_the_pads_own_coordinates_come_back_unchanged(
    seed: int, name: str, metric: str, guard: bool
) -> None:
    z = correlated(30, 6, seed)
    raw, principal, _ = planes(z)
    points = scattered(raw, 40, seed)
    latents = fit(name, raw, metric=metric, guard=guard).expand64(points)
    np.testing.assert_array_equal(latents[:, :2], points)
    points = scattered(principal, 40, seed)
    latents = fit(name, principal, metric=metric, guard=guard).expand64(points)
    turned = (latents - principal.centre) @ principal.from_known.T
    np.testing.assert_allclose(turned, points, rtol=1e-9, atol=1e-9)


@law
@given(seeds, st.sampled_from(tuple(DECLARED)))
def test_an_expander_depends_on_the_settings_that_it_declares_and_on_no_other(
    seed: int, declared: Declaration
) -> None:
    plane = Plane.raw(correlated(60, 5, seed))
    points = scattered(plane, 40, seed)

    def result(**settings: Any) -> NDArray[np.float64]:
        expander = fit(declared.name, plane, **settings)
        return np.column_stack([expander.expand64(points), expander.spread(points)])

    others: dict[str, Any] = {
        "metric": "cosine", "focus": 7, "scale": 3.0, "base": 5, "weights": {3: 0.4},
    }  # fmt: skip
    assert set(declared.uses) <= set(others)
    for name, other in others.items():
        assert np.array_equal(result(**{name: other}), result()) == (name not in declared.uses), (
            name
        )


@law
@given(seeds, expanders, metrics)
def test_a_batch_gives_the_same_bits_as_its_points_alone(seed: int, name: str, metric: str) -> None:
    for plane in planes(correlated(50, 5, seed)):
        expander = fit(name, plane, metric=metric)
        points = scattered(plane, 20, seed)
        points[:5] = plane.known[:5]
        batch, spread = expander.expand(points), expander.spread(points)
        assert batch.shape == (20, 5) and batch.dtype == np.float32 and spread.shape == (20,)
        for i in range(20):
            np.testing.assert_array_equal(expander.expand(points[i : i + 1])[0], batch[i])
            np.testing.assert_array_equal(expander.spread(points[i : i + 1])[0], spread[i])


@given(
    st.tuples(st.integers(1, 30), st.integers(2, 5)).flatmap(
        lambda shape: arrays(
            np.float32,
            shape,
            # Few different values: duplicates, dead latents and anchors in line are the rule.
            elements=st.sampled_from([0.0, 1.0, -2.0]),
        )
    ),
    st.lists(
        st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2), min_size=1, max_size=4
    ),
    metrics,
    st.sampled_from(FOCUS),
    st.booleans(),
)
def test_expanders_are_defined_everywhere(
    z: NDArray[np.float32], points: list[Point], metric: str, focus: int, guard: bool
) -> None:
    defined(z, points, [(metric, focus, guard)])


@pytest.mark.parametrize(
    ("z", "points"),
    [
        (np.zeros((1, 2)), [(0.0, 0.0)]),
        (np.ones((40, 3)), [(1.0, 1.0), (1e308, -1e308)]),
        (np.full((3, 4), 3e38), [(0.0, 3e38)]),
        (np.array([[3e38, -3e38, 3e38], [-3e38, 3e38, 1e38]]), [(0.0, 0.0), (5e-324, 1e300)]),
        (np.array([[1e-40, 0, 1], [0, 1e-45, 2], [0, 0, 3]]), [(0.0, 1e-45), (1e-200, 0.0)]),
        (np.array([[np.cos(a), np.sin(a), a] for a in range(60)]), [(0.0, 0.0)]),
    ],
    ids=["one", "all alike", "huge and alike", "huge", "tiny", "on a helix"],
)
def test_every_setting_is_defined_of_what_is_hardest(
    z: NDArray[np.float64], points: list[Point]
) -> None:
    defined(z.astype(np.float32), points, product(METRICS, FOCUS, (True, False)))


def defined(
    z: NDArray[np.float32], points: list[Point], settings: Iterable[tuple[str, int, bool]]
) -> None:
    """Fail if an expander gives NaN or infinity with one of the settings (metric, focus, guard)."""
    known = list(settings)
    with np.errstate(all="raise", under="ignore"):
        for plane in planes(z):
            corner = plane.from_pad([[0.0, 0.0], [0.5, 0.7]])
            inputs = np.concatenate([np.array(points), plane.known[:3], corner])
            for name, (metric, focus, guard) in product(NAMES, known):
                expander = fit(name, plane, metric=metric, focus=focus, guard=guard)
                assert np.isfinite(expander.expand(inputs)).all()
                assert np.isfinite(expander.spread(inputs)).all()
            assert np.isfinite(blend(inputs, plane, np.arange(len(z)))).all()


@law
@given(expanders, metrics)
def test_even_a_point_that_is_not_a_number_gives_a_finite_latent(name: str, metric: str) -> None:
    expander = fit(name, Plane.raw(correlated(30, 5, 0)), metric=metric)
    latents = expander.expand([[np.nan, 0.0], [np.inf, -np.inf], [np.nan, np.nan]])
    assert np.isfinite(latents).all()


@law
@given(seeds)
def test_mahalanobis_does_not_care_how_wide_a_latent_is(seed: int) -> None:
    z = correlated(60, 5, seed).astype(np.float64)
    width = np.array([10.0, 0.1, 1, 10, 0.1])  # wider apart, a narrow latent would count as dead
    points = scattered(Plane.raw(z), 30, seed)
    for name in NAMES:
        plain = fit(name, Plane.raw(z), metric="mahalanobis").expand64(points)
        wide = fit(name, Plane.raw(z * width), metric="mahalanobis").expand64(points * width[:2])
        np.testing.assert_allclose(wide / width, plain, rtol=1e-5, atol=1e-6)


@law
@given(seeds, st.sampled_from([*EXACT, "multilateration", "gaussian"]), st.floats(0.1, 10))
def test_cosine_hears_only_the_direction_from_the_centroid(
    seed: int, name: str, away: float
) -> None:
    plane = Plane.raw(correlated(40, 5, seed))
    centroid = plane.known.mean(axis=0)
    points = scattered(plane, 10, seed)
    expander = fit(name, plane, metric="cosine")
    near, far = (expander.expand64(centroid + k * (points - centroid)) for k in (1.0, away))
    np.testing.assert_allclose(near[:, 2:], far[:, 2:], rtol=1e-5, atol=1e-5)


def test_three_known_coordinates_work_as_two_do() -> None:
    z = correlated(100, 7, 0)
    plane = Plane.raw(z, (4, 0, 2))
    for name in NAMES:
        if name == "barycentric":  # a triangle is flat
            with pytest.raises(ValueError, match="two coordinates, this one has 3"):
                fit(name, plane)
            continue
        latents = fit(name, plane).expand(plane.known[:8])
        np.testing.assert_allclose(latents[:, [4, 0, 2]], z[:8, [4, 0, 2]], rtol=1e-6)
        if name in EXACT:
            np.testing.assert_allclose(latents, z[:8], rtol=1e-6)


def test_no_points_give_no_latents() -> None:
    plane = Plane.raw(correlated(30, 5, 0))
    for name in NAMES:
        assert fit(name, plane).expand(np.empty((0, 2))).shape == (0, 5)
