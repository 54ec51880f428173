"""Measures of movement: the sound's steps, the anchors that can be reached, the parts of the pad
where nothing changes, and the cost."""

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
REACHED = 1e-3  # of the anchors' spread: a latent that is nearer counts as the anchor


class MotionFigures(NamedTuple):
    """The movement of an expander on a plane."""

    steps_db: Float64  # (P,) the largest step of the decoded sound on each path
    leaps: Float64  # (P,) the largest step of the latent
    astray: Float64  # (P, Q) distance of each stop's latent from the nearest anchor
    reach: float  # share of the anchors that a finger reaches exactly
    coarse: float  # share that a 7-bit controller over the pad reaches exactly
    repeats: float  # share of the pad where nothing but an anchor is heard
    dead: float  # share of the pad from which no step of a 7-bit controller changes the sound
    microseconds: float  # for one point


def measure_motion(
    expander: Expander,
    plane: Plane,
    latents: Floats,
    paths: Paths,
    finer: Paths,
    decode: Decode,
    shown: Callable[[float, float], None] = lambda done, of: None,
) -> MotionFigures:
    """Measure an expander along `paths`, and the sound's steps along the `finer` ones.

    `shown` is called with the numbers of finer paths done and in all.
    """
    from scipy.spatial import cKDTree

    latents_of_paths = expanded(expander, finer.points(plane))
    leaps = np.linalg.norm(np.diff(latents_of_paths, axis=1), axis=2).max(axis=1)
    stops = expanded(expander, paths.points(plane))
    astray = cKDTree(latents).query(stops.reshape(-1, stops.shape[2]))[0]
    spread = float(latents.std(axis=0).mean()) or 1.0

    def reached(points: Float64) -> float:
        away = np.linalg.norm(expander.expand64(points) - latents, axis=1)
        return float((away < REACHED * spread).mean())

    steps: list[float] = []
    for path_latents in latents_of_paths:
        shown(len(steps), len(latents_of_paths))
        steps.append(_largest_step(path_latents, decode))
    return MotionFigures(
        np.array(steps),
        leaps,
        astray.reshape(stops.shape[:2]),
        reached(plane.known),
        reached(plane.from_pad(np.round(COARSE * plane.to_pad(plane.known)) / COARSE)),
        *unchanging(expander, plane, latents),
        _microseconds(expander, plane),
    )


def unchanging(expander: Expander, plane: Plane, latents: Floats) -> tuple[float, float]:
    """The share of the pad that only repeats an anchor, and the share that is dead.

    Of the positions of a 7-bit controller on both axes. A position repeats an anchor if its latent
    is one of `latents` (L, D). It is dead if the latents of the positions beside it, left, right,
    below and above, are its own: there the finger moves and the sound does not. Latents are the
    same if they are `REACHED` of the anchors' spread apart at most.
    """
    from scipy.spatial import cKDTree

    side = np.linspace(0, 1, COARSE + 1)
    pad = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    heard = expander.expand(plane.from_pad(pad))
    near = REACHED * (float(latents.std(axis=0).mean()) or 1.0)
    repeats = np.isfinite(cKDTree(latents).query(heard, distance_upper_bound=near)[0]).mean()
    grid = heard.reshape(len(side), len(side), -1)
    still = np.ones(grid.shape[:2], np.bool_)
    up, right = (np.linalg.norm(np.diff(grid, axis=axis), axis=2) < near for axis in (0, 1))
    for beside, steps in ((still[:-1], up), (still[1:], up), (still[:, :-1], right),
                          (still[:, 1:], right)):  # fmt: skip
        beside &= steps
    return float(repeats), float(still.mean())


def expanded(expander: Expander, points: Float64) -> Floats:
    """(P, Q, D1) points to (P, Q, D) latents."""
    flat = expander.expand(points.reshape(-1, points.shape[2]))
    return flat.reshape(*points.shape[:2], -1)


def _largest_step(path_latents: Floats, decode: Decode) -> float:
    """The largest step in dB between successive (n, D) latents, over the earlier sound's
    content."""
    previous, largest = None, 0.0
    for start in range(0, len(path_latents), BATCH):
        for sound in decode(path_latents[start : start + BATCH]):
            if previous is not None:
                largest = max(largest, similarity.mae_db(previous, sound))
            previous = sound
    return largest


def _microseconds(expander: Expander, plane: Plane, points: int = 500) -> float:
    spent = []
    for point in plane.from_pad(np.random.default_rng(0).random((points, 1, 2))):
        began = perf_counter()
        expander.expand(point)
        spent.append(perf_counter() - began)
    return 1e6 * float(np.median(spent))
