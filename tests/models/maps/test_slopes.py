"""The slope of the sound under a gliding finger, and how it pulls at the places."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from latentpad.engine.expanders import fit
from latentpad.engine.plane import Plane
from latentpad.models.maps.slopes import FOCUS, STEP, Glides, pull, slopes

Float64 = NDArray[np.float64]


def scene(seed: int, sounds: int = 60) -> tuple[Float64, Float64, Float64, Glides]:
    """Places, latents, one metric's root for all, and twenty glides."""
    random = np.random.default_rng(seed)
    places = random.normal(size=(sounds, 2))
    places -= places.mean(axis=0)
    places /= np.sqrt((places**2).mean())
    roots = np.repeat(random.normal(size=(1, 3, 3)), sounds, axis=0)
    first, last = random.integers(0, sounds, (2, 20))
    glides = Glides(first, last, (1 - STEP) * random.random(20))
    return places, random.normal(size=(sounds, 3)), roots, glides


def test_a_slope_is_that_of_the_instruments_own_expander() -> None:
    apart: list[float] = []
    for seed in range(40):
        places, latents, roots, glides = scene(seed)
        plane = Plane.mapped(latents, places, "map")
        scale = np.sqrt((plane.known**2).mean())  # what the plane brings the map to
        local = fit("local", plane, focus=FOCUS, guard=False)
        ahead = glides._replace(share=glides.share + STEP)
        now, then = (local.expand64(scale * at.points(places)) for at in (glides, ahead))
        expected = np.linalg.norm((then - now) @ roots[0], axis=1) / STEP
        found = slopes(places, latents, roots, glides, 2.0)
        apart += [*(np.abs(found - expected) / (expected + 0.01))]
    # But where within a step another neighbour comes in.
    assert np.median(apart) < 1e-4 and np.percentile(apart, 90) < 0.01


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2.0, 3.0]))
def test_the_pull_is_the_gradient_of_the_slopes(seed: int, sharp: float) -> None:
    places, latents, roots, glides = scene(seed)

    def cost(places: Float64) -> float:
        return float((slopes(places, latents, roots, glides, sharp) ** 2).sum() / 2)

    gradient = pull(places, latents, roots, glides, sharp, 2.0)
    way = np.random.default_rng(seed).normal(size=places.shape)
    ahead, behind = (cost(places + side * 1e-7 * way) for side in (1, -1))
    measured, told = (ahead - behind) / 2e-7, (gradient * way).sum()
    assert abs(measured - told) <= 1e-3 * (np.linalg.norm(gradient) + 1)


def test_even_sounds_at_one_place_have_finite_slopes() -> None:
    places, latents, roots, glides = scene(0)
    places[:30] = places[0]
    glides.first[:5] = glides.last[:3] = 0
    glides.share[:5] = 0
    assert np.isfinite(slopes(places, latents, roots, glides, 3.0)).all()
    assert np.isfinite(pull(places, latents, roots, glides, 3.0, 4.0)).all()
