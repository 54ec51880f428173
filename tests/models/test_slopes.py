"""The slope of the sound under a finger, and how the places pull at it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.expanders import fit
from engine.plane import Plane
from models.slopes import FOCUS, STEP, pull, slopes

Float64 = NDArray[np.float64]


def scene(seed: int, sounds: int = 60) -> tuple[Float64, Float64, Float64, Float64, Float64]:
    """Places, latents, one metric's root for all, fingers' points and ways."""
    random = np.random.default_rng(seed)
    places = random.normal(size=(sounds, 2))
    places -= places.mean(axis=0)
    places /= np.sqrt((places**2).mean())
    roots = np.repeat(random.normal(size=(1, 3, 3)), sounds, axis=0)
    turn = 2 * np.pi * random.random(20)
    ways = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return places, random.normal(size=(sounds, 3)), roots, random.normal(size=(20, 2)), ways


def test_a_slope_is_that_of_the_instruments_own_expander() -> None:
    apart: list[float] = []
    for seed in range(40):
        places, latents, roots, points, ways = scene(seed)
        plane = Plane.mapped(latents, places, "map")
        scale = np.sqrt((plane.known**2).mean())  # what the plane brings the map to
        local = fit("local", plane, focus=FOCUS, guard=False)
        step = local.expand64(scale * (points + STEP * ways)) - local.expand64(scale * points)
        expected = np.linalg.norm(step @ roots[0], axis=1) / STEP
        found = slopes(places, latents, roots, points, ways, 4.0)
        apart += [*(np.abs(found - expected) / (expected + 0.01))]
    # But where within a step another neighbour comes in.
    assert np.median(apart) < 1e-4 and np.percentile(apart, 90) < 0.01


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2.0, 4.0]))
def test_the_pull_is_the_gradient_of_the_slopes(seed: int, sharp: float) -> None:
    places, latents, roots, points, ways = scene(seed)

    def cost(places: Float64, points: Float64) -> float:
        return float((slopes(places, latents, roots, points, ways, sharp) ** 2).sum() / 2)

    by_place, by_point = pull(places, latents, roots, points, ways, sharp, 2.0)
    random = np.random.default_rng(seed)
    for table, gradient in ((places, by_place), (points, by_point)):
        way = random.normal(size=table.shape)
        small = 1e-7 * way
        ahead, behind = (
            (cost(places + s, points) if table is places else cost(places, points + s))
            for s in (small, -small)
        )
        measured, told = (ahead - behind) / 2e-7, (gradient * way).sum()
        assert abs(measured - told) <= 1e-3 * (np.linalg.norm(gradient) + 1)


def test_even_sounds_at_one_place_have_finite_slopes() -> None:
    places, latents, roots, points, ways = scene(0)
    places[:30] = places[0]
    points[:5] = places[0]
    assert np.isfinite(slopes(places, latents, roots, points, ways, 4.0)).all()
    for found in pull(places, latents, roots, points, ways, 4.0, 4.0):
        assert np.isfinite(found).all()
