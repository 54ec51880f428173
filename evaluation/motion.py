"""What moving is like: how even the sound's steps are, what a finger reaches, what it costs."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

import numpy as np

from latentpad.engine.expanders import Expander
from latentpad.engine.plane import Float64, Plane
from latentpad.evaluation.comparison import BATCH, Decode
from latentpad.evaluation.paths import Paths
from latentpad.models.metrics import similarity
from latentpad.models.representation import Floats

STEPS = 200
COARSE = 127  # steps of a 7-bit controller
REACHED = 1e-3  # of the anchors' spread: nearer than this is the anchor itself


class MotionFigures(NamedTuple):
    """How an expander moves on a plane."""

    steps_db: Float64  # (P,) the largest step of the decoded sound on each way
    leaps: Float64  # (P,) the largest step of the latent
    astray: Float64  # (P, Q) distance of each stop's latent from the nearest anchor
    reach: float  # share of the anchors that a finger reaches exactly
    coarse: float  # ... that a 7-bit controller does, of steps over the pad
    microseconds: float  # a point


def measure_motion(
    expander: Expander,
    plane: Plane,
    latents: Floats,
    paths: Paths,
    finer: Paths,
    decode: Decode,
    shown: Callable[[float, float], None] = lambda done, of: None,
) -> MotionFigures:
    """Measure an expander along `paths` and, for the sound's steps, along `finer` ones, of which
    `shown` hears how many are done."""
    from scipy.spatial import cKDTree

    path = expanded(expander, finer.points(plane))
    leaps = np.linalg.norm(np.diff(path, axis=1), axis=2).max(axis=1)
    stops = expanded(expander, paths.points(plane))
    astray = cKDTree(latents).query(stops.reshape(-1, stops.shape[2]))[0]
    spread = float(latents.std(axis=0).mean()) or 1.0

    def reached(points: Float64) -> float:
        away = np.linalg.norm(expander.expand64(points) - latents, axis=1)
        return float((away < REACHED * spread).mean())

    steps: list[float] = []
    for way in path:
        shown(len(steps), len(path))
        steps.append(_largest(way, decode))
    return MotionFigures(
        np.array(steps),
        leaps,
        astray.reshape(stops.shape[:2]),
        reached(plane.known),
        reached(plane.from_pad(np.round(COARSE * plane.to_pad(plane.known)) / COARSE)),
        _microseconds(expander, plane),
    )


def expanded(expander: Expander, points: Float64) -> Floats:
    """(P, Q, D1) points to (P, Q, D) latents."""
    flat = expander.expand(points.reshape(-1, points.shape[2]))
    return flat.reshape(*points.shape[:2], -1)


def _largest(way: Floats, decode: Decode) -> float:
    """The largest step in dB, over the content of the sound before it, of (n, D) latents."""
    before, largest = None, 0.0
    for start in range(0, len(way), BATCH):
        for sound in decode(way[start : start + BATCH]):
            if before is not None:
                largest = max(largest, similarity.mae_db(before, sound))
            before = sound
    return largest


def _microseconds(expander: Expander, plane: Plane, points: int = 500) -> float:
    spent = []
    for point in plane.from_pad(np.random.default_rng(0).random((points, 1, 2))):
        began = perf_counter()
        expander.expand(point)
        spent.append(perf_counter() - began)
    return 1e6 * float(np.median(spent))
