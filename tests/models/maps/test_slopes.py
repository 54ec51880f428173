"""The slope of the sound under a gliding finger, and its gradient by the positions."""

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
    positions = random.normal(size=(sounds, 2))
    positions -= positions.mean(axis=0)
    positions /= np.sqrt((positions**2).mean())
    roots = np.repeat(random.normal(size=(1, 3, 3)), sounds, axis=0)
    first, last = random.integers(0, sounds, (2, 20))
    glides = Glides(first, last, (1 - STEP) * random.random(20))
    return positions, random.normal(size=(sounds, 3)), roots, glides


def test_a_slope_is_that_of_the_instruments_own_expander() -> None:
    apart: list[float] = []
    for seed in range(40):
        positions, latents, roots, glides = scene(seed)
        plane = Plane.mapped(latents, positions, "map")
        scale = np.sqrt((plane.known**2).mean())  # what the plane brings the map to
        local = fit("local", plane, focus=FOCUS, guard=False)
        ahead = glides._replace(share=glides.share + STEP)
        now, then = (local.expand64(scale * g.points(positions)) for g in (glides, ahead))
        expected = np.linalg.norm((then - now) @ roots[0].T, axis=1) / STEP
        measured = slopes(positions, latents, roots, glides, 2.0)
        apart += [*(np.abs(measured - expected) / (expected + 0.01))]
    # But where within a step another neighbour comes in.
    assert np.median(apart) < 1e-4 and np.percentile(apart, 90) < 0.01


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2.0, 3.0]))
def test_the_pull_is_the_gradient_of_the_slopes(seed: int, sharp: float) -> None:
    positions, latents, roots, glides = scene(seed)

    def cost(positions: Float64) -> float:
        return float((slopes(positions, latents, roots, glides, sharp) ** 2).sum() / 2)

    gradient = pull(positions, latents, roots, glides, sharp, 2.0)
    direction = np.random.default_rng(seed).normal(size=positions.shape)
    ahead, behind = (cost(positions + side * 1e-7 * direction) for side in (1, -1))
    measured, computed = (ahead - behind) / 2e-7, (gradient * direction).sum()
    assert abs(measured - computed) <= 1e-3 * (np.linalg.norm(gradient) + 1)


def test_even_sounds_at_one_place_have_finite_slopes() -> None:
    positions, latents, roots, glides = scene(0)
    positions[:30] = positions[0]
    glides.first[:5] = glides.last[:3] = 0
    glides.share[:5] = 0
    assert np.isfinite(slopes(positions, latents, roots, glides, 3.0)).all()
    assert np.isfinite(pull(positions, latents, roots, glides, 3.0, 4.0)).all()
