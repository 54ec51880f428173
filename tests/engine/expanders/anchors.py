"""Anchors and points for the laws of the expanders, and the functions that check a law."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from latentpad.engine.expanders import METRICS, Expander
from latentpad.engine.plane import Plane

law = settings(max_examples=30)
seeds = st.integers(0, 2**32 - 1)
metrics = st.sampled_from(METRICS)
whole_metrics = st.sampled_from(METRICS[:2])
"""Those that tell all sites apart."""


def correlated(anchors: int, dimension: int, seed: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    mix = np.eye(dimension) + random.normal(size=(dimension, dimension)) / 2
    return (random.normal(size=(anchors, dimension)) @ mix).astype(np.float32)


def planes(z: NDArray[np.float32], seed: int = 0) -> list[Plane]:
    coordinates = np.random.default_rng(seed).normal(size=(len(z), 2))
    return [Plane.raw(z), Plane.principal(z), Plane.mapped(z, coordinates, "map")]


def scattered(plane: Plane, count: int, seed: int) -> NDArray[np.float64]:
    """Points all over the pad and beyond its edges."""
    return plane.from_pad(np.random.default_rng(seed).uniform(-0.5, 1.5, (count, 2)))


def jump(expander: Expander, a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The largest step of z on the path from a to b, magnified around that step.

    A slope, however steep, shrinks with the step. A jump does not.
    """
    for _ in range(5):
        path = a + np.linspace(0, 1, 101)[:, None] * (b - a)
        steps = np.linalg.norm(np.diff(expander.expand64(path), axis=0), axis=1)
        widest = int(steps.argmax())
        a, b = path[widest], path[widest + 1]
    return float(steps.max())
