"""What every expander claims, held as laws; and the founding paper's three against brute force."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.optimize import nnls

from engine.expander_faders import SOFTNESS, raised
from engine.expander_places import body, places
from engine.expanders import METRICS, NAMES, Expander, Lattice, blend, cost, fit, nearest_anchor
from engine.plane import Plane

# Brute-force results over all pairs of anchors, float64.
REFERENCE = Path(__file__).parents[1] / "reference" / "expanders.json"

law = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)
expanders = st.sampled_from(NAMES)
metrics = st.sampled_from(METRICS)


def correlated(anchors: int, dimension: int, seed: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    mix = np.eye(dimension) + random.normal(size=(dimension, dimension)) / 2
    return (random.normal(size=(anchors, dimension)) @ mix).astype(np.float32)


def planes(z: NDArray[np.float32], seed: int = 0) -> list[Plane]:
    coordinates = np.random.default_rng(seed).normal(size=(len(z), 2))
    return [Plane.raw(z), Plane.principal(z), Plane.mapped(z, coordinates, "map")]


def scattered(plane: Plane, count: int, seed: int) -> NDArray[np.float64]:
    """Points all over the pad and beyond its edges."""
    return plane.place(np.random.default_rng(seed).uniform(-0.5, 1.5, (count, 2)))


@pytest.mark.parametrize("name", ["nearest", "mean", "multilateration"])
def test_the_papers_expanders_agree_with_brute_force(name: str) -> None:
    cases = json.loads(REFERENCE.read_text())["cases"]
    assert cases
    for case in cases:
        plane = Plane.raw(np.array(case["anchors"]), tuple(case["axes"]))
        expander = fit(name, plane, guard=False, scale=case["scale"])
        np.testing.assert_allclose(expander.expand64([case["point"]])[0], case[name], rtol=1e-6)
        assert nearest_anchor([case["point"]], plane) == case["nearest_index"]


@law
@given(seeds, st.sampled_from(["nearest", "local"]), st.sampled_from(METRICS[:2]), st.booleans())
def test_nearest_and_local_are_exact_at_anchors(
    seed: int, name: str, metric: str, guard: bool
) -> None:
    z = correlated(80, 5, seed)
    for plane in planes(z):
        expander = fit(name, plane, metric=metric, guard=guard)
        np.testing.assert_allclose(expander.expand(plane.known), z, rtol=1e-5, atol=1e-6)


@law
@given(seeds, st.integers(0, 19))
def test_lattice_is_exact_at_its_base(seed: int, base: int) -> None:
    z = correlated(20, 5, seed)
    for plane in planes(z):
        latent = fit("lattice", plane, base=base).expand(plane.known[base : base + 1])
        np.testing.assert_allclose(latent[0], z[base], rtol=1e-5, atol=1e-6)


def jump(expander: Expander, a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The largest step of z on the way from a to b, under a magnifying glass.

    A slope, however steep, shrinks with the step; a jump never does.
    """
    for _ in range(5):
        way = a + np.linspace(0, 1, 101)[:, None] * (b - a)
        steps = np.linalg.norm(np.diff(expander.expand64(way), axis=0), axis=1)
        widest = int(steps.argmax())
        a, b = way[widest], way[widest + 1]
    return float(steps.max())


@law
@given(seeds, st.sampled_from(METRICS[:2]), st.integers(4, 40))
def test_local_is_continuous_and_nearest_is_not(seed: int, metric: str, focus: int) -> None:
    for plane in planes(correlated(60, 5, seed)):
        a, b = plane.known[:2]
        assert jump(fit("local", plane, metric=metric, focus=focus), a, b) < 1e-4
        assert jump(fit("local", plane, metric=metric, focus=focus, guard=False), a, b) < 1e-4
        assert jump(fit("nearest", plane, metric=metric), a, b) > 1e-2


@law
@given(seeds, st.integers(0, 19))
def test_lattice_is_continuous(seed: int, base: int) -> None:
    for plane in planes(correlated(20, 5, seed)):
        assert jump(fit("lattice", plane, base=base), *scattered(plane, 2, seed)) < 1e-4


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
        mean, axes, radius = body(plane)
        distance = np.linalg.norm((plane.unknown - mean) @ axes, axis=1)
        assert distance.max() <= radius
        points = scattered(plane, 50, seed) * 5
        pulled, whole = (e.expand64(points) @ plane.from_unknown.T for e in (guarded, free))
        offset = plane.centre @ plane.from_unknown.T
        reached = np.linalg.norm((pulled - offset - mean) @ axes, axis=1)
        assert reached.max() <= radius * (1 + 1e-6)
        inside = np.linalg.norm((whole - offset - mean) @ axes, axis=1) <= radius
        np.testing.assert_allclose(pulled[inside], whole[inside], rtol=1e-12, atol=1e-12)
        if name in ("nearest", "local"):
            np.testing.assert_array_equal(guarded.expand(plane.known), free.expand(plane.known))


def test_the_guard_pulls_multilateration_back_where_latents_correlate() -> None:
    mix = np.full((4, 4), 0.9) + 0.1 * np.eye(4)
    z = np.random.default_rng(0).multivariate_normal(np.zeros(4), mix, 400).astype(np.float32)
    plane = Plane.raw(z)
    points = scattered(plane, 200, 0)
    mean, axes, radius = body(plane)
    far, near = (
        fit("multilateration", plane, guard=guard).expand(points)[:, 2:] for guard in (False, True)
    )
    assert np.linalg.norm((far - mean) @ axes, axis=1).max() > 1.3 * radius
    assert np.linalg.norm((near - mean) @ axes, axis=1).max() < 1.001 * radius


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


@settings(max_examples=60, deadline=None)
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
)
@example(np.zeros((1, 2), np.float32), [(0.0, 0.0)])
@example(np.ones((40, 3), np.float32), [(1.0, 1.0), (1e308, -1e308)])
@example(np.full((3, 4), 3e38, np.float32), [(0.0, 3e38)])
@example(
    np.array([[3e38, -3e38, 3e38], [-3e38, 3e38, 1e38]], np.float32), [(0.0, 0.0), (5e-324, 1e300)]
)
@example(
    np.array([[1e-40, 0, 1], [0, 1e-45, 2], [0, 0, 3]], np.float32), [(0.0, 1e-45), (1e-200, 0.0)]
)
@example(np.array([[np.cos(a), np.sin(a), a] for a in range(60)], np.float32), [(0.0, 0.0)])
def test_expanders_are_defined_everywhere(
    z: NDArray[np.float32], points: list[tuple[float, float]]
) -> None:
    with np.errstate(all="raise", under="ignore"):
        for plane in planes(z):
            corner = plane.place([[0.0, 0.0], [0.5, 0.7]])
            at = np.concatenate([np.array(points), plane.known[:3], corner])
            for name, metric, focus in product(NAMES, METRICS, (1, 3, 24)):
                for guard in (True, False):
                    expander = fit(name, plane, metric=metric, focus=focus, guard=guard)
                    assert np.isfinite(expander.expand(at)).all()
                    assert np.isfinite(expander.spread(at)).all()
            assert np.isfinite(blend(at, plane, np.arange(len(z)))).all()


@law
@given(expanders, metrics)
def test_even_a_point_that_is_not_a_number_gives_a_finite_latent(name: str, metric: str) -> None:
    expander = fit(name, Plane.raw(correlated(30, 5, 0)), metric=metric)
    latents = expander.expand([[np.nan, 0.0], [np.inf, -np.inf], [np.nan, np.nan]])
    assert np.isfinite(latents).all()


@law
@given(seeds)
def test_mean_is_constant(seed: int) -> None:
    z = correlated(30, 5, seed)
    latents = fit("mean", Plane.raw(z)).expand(scattered(Plane.raw(z), 20, seed))
    np.testing.assert_allclose(latents[:, 2:], np.tile(z[:, 2:].mean(axis=0), (20, 1)), atol=1e-5)


@law
@given(seeds, st.sampled_from(METRICS[:2]), st.floats(0.1, 8))
def test_multilateration_is_affine(seed: int, metric: str, scale: float) -> None:
    for plane in planes(correlated(30, 5, seed)):
        expander = fit("multilateration", plane, metric=metric, guard=False, scale=scale)
        a, b = scattered(plane, 2, seed)
        z = expander.expand64([a, b, 0.3 * a + 0.7 * b])
        np.testing.assert_allclose(z[2], 0.3 * z[0] + 0.7 * z[1], rtol=1e-6, atol=1e-6)


def test_multilateration_keeps_directions_without_anchors_at_their_mean() -> None:
    z = correlated(40, 6, 1)
    z[:, 4] = 7.0
    few = Plane.raw(z[:3])
    for plane in (Plane.raw(z), few):
        latents = fit("multilateration", plane, guard=False).expand(scattered(plane, 20, 0))
        np.testing.assert_allclose(latents[:, 4], 7.0, rtol=1e-6)
    spanned = np.linalg.svd(few.unknown - few.unknown.mean(axis=0))[2][2:]
    np.testing.assert_allclose(
        (latents[:, 2:] - few.unknown.mean(axis=0)) @ spanned.T, 0, atol=1e-4
    )


@law
@given(seeds)
def test_mahalanobis_does_not_care_how_wide_a_latent_is(seed: int) -> None:
    z = correlated(60, 5, seed).astype(np.float64)
    width = np.array([100.0, 0.01, 1, 10, 0.1])
    points = scattered(Plane.raw(z), 30, seed)
    for name in ("nearest", "local", "multilateration"):
        plain = fit(name, Plane.raw(z), metric="mahalanobis").expand64(points)
        wide = fit(name, Plane.raw(z * width), metric="mahalanobis").expand64(points * width[:2])
        np.testing.assert_allclose(wide / width, plain, rtol=1e-5, atol=1e-6)


@law
@given(seeds, st.sampled_from(["nearest", "local", "multilateration"]), st.floats(0.1, 10))
def test_cosine_hears_only_the_direction_from_the_centroid(
    seed: int, name: str, away: float
) -> None:
    plane = Plane.raw(correlated(40, 5, seed))
    centroid = plane.known.mean(axis=0)
    points = scattered(plane, 10, seed)
    expander = fit(name, plane, metric="cosine")
    near, far = (expander.expand64(centroid + k * (points - centroid)) for k in (1.0, away))
    np.testing.assert_allclose(near[:, 2:], far[:, 2:], rtol=1e-5, atol=1e-5)


def test_anchors_at_one_place_are_replaced_by_their_mean_and_spread_as_fog() -> None:
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
    places, slope = random.normal(size=(400, 2)), random.normal(size=(2, 3))
    plane = Plane.raw(np.hstack([places, places @ slope]))
    points = random.uniform(-1, 1, (50, 2))
    local = fit("local", plane).expand64(points)[:, 2:]
    # Inside the cloud a weighted mean misses a plain by the width of a neighbourhood; the
    # slope takes nearly all of that away.
    averaged = np.stack([blend(points, plane, column, n=24) for column in plane.unknown.T], axis=1)
    missed, blurred = (np.abs(z - points @ slope).mean() for z in (local, averaged))
    assert missed < blurred / 2


@law
@given(seeds, st.integers(0, 29))
def test_lattices_faders_bring_its_base_to_the_point(seed: int, base: int) -> None:
    plane = Plane.raw(correlated(30, 5, seed))
    lattice = fit("lattice", plane, base=base, guard=False)
    assert isinstance(lattice, Lattice)
    points = scattered(plane, 30, seed)
    faders, chosen = lattice.faders(points), lattice.chosen
    assert len(chosen) == 24 and base not in chosen
    steps = plane.known[chosen] - plane.known[base]
    np.testing.assert_allclose(plane.known[base] + faders @ steps, points, atol=1e-6)
    z = plane.assemble(plane.known, plane.unknown).astype(np.float64)
    np.testing.assert_allclose(
        lattice.expand64(points), z[base] + faders @ (z[chosen] - z[base]), atol=1e-5
    )


@law
@given(seeds)
def test_lattices_faders_are_not_negative_where_that_is_possible(seed: int) -> None:
    plane = Plane.raw(correlated(30, 5, seed))
    inner = int(np.linalg.norm(plane.known - plane.known.mean(axis=0), axis=1).argmin())
    lattice = fit("lattice", plane, base=inner)
    assert isinstance(lattice, Lattice)
    faders = lattice.faders(scattered(plane, 30, seed))
    assert faders.min() > -1e-4 * faders.max()


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 24), st.booleans(), st.sampled_from([1e-3, 1.0, 50.0]))
def test_the_faders_are_the_least_of_all_that_are_not_negative(
    seed: int, number: int, one_sided: bool, size: float
) -> None:
    random = np.random.default_rng(seed)
    steps = random.normal(scale=size, size=(number, 2))
    if one_sided:  # a base in the corner: many points cannot be reached by faders >= 0
        np.abs(steps, out=steps)
    inverse = np.asarray(np.linalg.pinv(steps), np.float64)
    base = random.normal(size=2)
    points = base + random.normal(size=(5, 2))
    # The same, as non-negative least squares of a system with one more row a fader.
    unit = np.sqrt((steps**2).sum() / number * SOFTNESS)
    system = np.vstack([steps.T / unit, np.eye(number)])
    for point, faders in zip(points, raised(points, base, steps, inverse), strict=True):
        away = point - base
        expected = nnls(system, np.concatenate([away / unit, np.zeros(number)]))[0]
        expected += (away - expected @ steps) @ inverse
        np.testing.assert_allclose(faders, expected, rtol=1e-5, atol=1e-5 * max(1, 1 / size))


def test_faders_in_a_controllers_hands_mix_whole_anchors_wherever_the_point_is() -> None:
    z = correlated(10, 5, 0)
    for plane in planes(z):
        mixed = fit("lattice", plane, base=2, faders={5: 0.25, 7: 0.5}).expand([[9, 9], [0, 0]])
        expected = z[2] + 0.25 * (z[5] - z[2]) + 0.5 * (z[7] - z[2])
        np.testing.assert_allclose(mixed, [expected, expected], rtol=1e-4, atol=1e-5)
        still = fit("lattice", plane, base=2, faders={}).expand([[9, 9]])
        np.testing.assert_allclose(still[0], z[2], rtol=1e-5, atol=1e-6)


@law
@given(seeds, st.integers(1, 12))
def test_blend_is_exact_at_anchors_and_stays_within_their_values(seed: int, n: int) -> None:
    plane = Plane.raw(correlated(40, 4, seed))
    values = np.random.default_rng(seed).normal(size=40)
    np.testing.assert_allclose(blend(plane.known, plane, values, n), values, rtol=1e-9)
    between = blend(scattered(plane, 50, seed), plane, values, n)
    assert between.min() >= values.min() - 1e-9 and between.max() <= values.max() + 1e-9


def test_blend_takes_the_mean_of_anchors_at_one_place() -> None:
    z = correlated(20, 4, 0)
    z[7, :2] = z[3, :2]
    values = np.arange(20.0)
    np.testing.assert_allclose(blend(z[3:4, :2], Plane.raw(z), values), 5.0)


def test_three_known_coordinates_work_as_two_do() -> None:
    z = correlated(100, 7, 0)
    plane = Plane.raw(z, (4, 0, 2))
    for name in NAMES:
        latents = fit(name, plane).expand(plane.known[:8])
        np.testing.assert_allclose(latents[:, [4, 0, 2]], z[:8, [4, 0, 2]], rtol=1e-6)
        if name in ("nearest", "local"):
            np.testing.assert_allclose(latents, z[:8], rtol=1e-6)


def test_no_points_give_no_latents() -> None:
    plane = Plane.raw(correlated(30, 5, 0))
    for name in NAMES:
        assert fit(name, plane).expand(np.empty((0, 2))).shape == (0, 5)


def test_turning_a_knob_searches_the_same_places_again() -> None:
    plane = Plane.raw(correlated(30, 5, 0))
    found = places(plane)
    fit("local", plane, focus=3)
    assert places(plane) is found


def test_what_cannot_be_fitted_is_refused_in_one_line() -> None:
    plane = Plane.raw(correlated(30, 5, 0))
    with pytest.raises(ValueError, match="choose one of nearest"):
        fit("kriging", plane)
    with pytest.raises(ValueError, match="choose one of euclidean"):
        fit("local", plane, metric="manhattan")
    with pytest.raises(ValueError, match="focus 0"):
        fit("local", plane, focus=0)
    with pytest.raises(ValueError, match="anchor 30 of 30"):
        fit("lattice", plane, base=30)
    with pytest.raises(ValueError, match="anchor -1 of 30"):
        fit("lattice", plane, faders={-1: 0.5})
    with pytest.raises(ValueError, match=r"give \(n, 2\)"):
        fit("mean", plane).expand([0.1, 0.2])
    with pytest.raises(ValueError, match="30 anchors"):
        blend([[0, 0]], plane, np.zeros(29))


def test_cost_is_measured_for_every_expander() -> None:
    for name in NAMES:
        seconds, microseconds = cost(name, 500, dimension=4, points=20)
        assert seconds > 0 and microseconds > 0
