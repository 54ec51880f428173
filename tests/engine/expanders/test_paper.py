"""The founding paper's three expanders against brute force, and their claims."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.engine.expanders import fit, nearest_anchor
from latentpad.engine.expanders.anchor_index import ellipsoid
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

# Brute-force results over all pairs of anchors, float64.
REFERENCE = Path(__file__).parents[2] / "reference" / "expanders.json"


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
@given(seeds, metrics)
def test_mean_is_constant(seed: int, metric: str) -> None:
    z = correlated(30, 5, seed)
    latents = fit("mean", Plane.raw(z), metric=metric).expand(scattered(Plane.raw(z), 20, seed))
    np.testing.assert_allclose(latents[:, 2:], np.tile(z[:, 2:].mean(axis=0), (20, 1)), atol=1e-5)


@law
@given(seeds, whole_metrics, st.floats(0.1, 8))
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


def test_the_guard_pulls_multilateration_back_where_latents_correlate() -> None:
    mix = np.full((4, 4), 0.9) + 0.1 * np.eye(4)
    z = np.random.default_rng(0).multivariate_normal(np.zeros(4), mix, 400).astype(np.float32)
    plane = Plane.raw(z)
    points = scattered(plane, 200, 0)
    mean, axes, radius = ellipsoid(plane)
    far, near = (
        fit("multilateration", plane, guard=guard).expand(points)[:, 2:] for guard in (False, True)
    )
    assert np.linalg.norm((far - mean) @ axes, axis=1).max() > 1.3 * radius
    assert np.linalg.norm((near - mean) @ axes, axis=1).max() < 1.001 * radius
