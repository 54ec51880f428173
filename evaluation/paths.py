"""Paths between two sounds, and the neighbourhoods of one: the points of the two tables.

Source: Cámara & Blanco, "Acercando los autocodificadores variacionales al gran público", section 5
and tables 1 and 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentpad.engine.plane import Float64, Plane
from latentpad.engine.planes import Planes
from latentpad.models.errors import LatentpadError
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats

PAIRS = 300  # P of table 2
STOPS = 5  # Q of table 2
SNRS = (np.inf, 1e2, 1e0, 1e-1, 1e-2, 1e-3)  # of table 1
HELD_OUT = ("validation", "test")
FEWEST = 5  # held-out sounds: fewer do not give enough paths

Indices = NDArray[np.intp]


class EvaluationError(LatentpadError):
    """An evaluation that cannot be made: one line with the reason."""


class Paths(NamedTuple):
    """P paths from one anchor to another, each with Q stops at equal distances."""

    first: Indices  # (P,) anchors where they begin
    last: Indices  # (P,) and where they end
    share: Float64  # (Q,) 0...1, the part of the path

    def lines(self, latents: Floats) -> Floats:
        """(P, Q, D) the stops on the straight line between the anchors' latents."""
        return _between(latents[self.first], latents[self.last], self.share).astype(np.float32)

    def points(self, plane: Plane) -> Float64:
        """(P, Q, D1) the stops on a plane.

        On a projection these are the projected stops of `lines`. On a map or on descriptors they
        divide the straight line between the two anchors.
        """
        return _between(plane.known[self.first], plane.known[self.last], self.share)

    def finer(self, steps: int, most: int) -> Paths:
        """The first `most` of these paths, each divided into `steps` steps."""
        return Paths(self.first[:most], self.last[:most], np.linspace(0, 1, steps + 1))


def held_out(pack: Pack) -> Indices:
    """The anchors whose sounds were not trained on.

    All anchors if the pack has no splits, or if these are fewer than `FEWEST`.
    """
    chosen = np.flatnonzero(np.isin(splits(pack), HELD_OUT))
    return chosen if len(chosen) >= FEWEST else np.arange(len(pack.anchors))


def splits(pack: Pack) -> NDArray[np.str_]:
    """(L,) the side of each anchor in the pack's training, "" where it is not known."""
    sides = np.array([row.get("split", "") for row in pack.sources()], np.str_)
    if len(sides) != len(pack.anchors):  # a library's anchors have no split
        return np.full(len(pack.anchors), "")
    return sides


def check_planes(planes: Planes, names: Iterable[str]) -> None:
    """Raise EvaluationError unless a pack has the planes of these names."""
    for name in names:
        if name not in planes.names:
            raise EvaluationError(f"plane {name!r}: this pack has {', '.join(planes.names)}")


def files(pack: Pack, folder: Path, anchors: Indices) -> dict[int, Path]:
    """The files of some anchors' recordings in a folder. Raises EvaluationError."""
    paths = {int(i): folder / str(pack.anchors.ids[i]) for i in anchors}
    for path in paths.values():
        if not path.is_file():
            raise EvaluationError(f"{path}: no such file: give the folder the pack learned from")
    return paths


def draw_paths(anchors: Indices, pairs: int = PAIRS, stops: int = STOPS, seed: int = 0) -> Paths:
    """`pairs` random paths between two different ones of `anchors`.

    With one seed the first ones are the same for any number of pairs. Raises EvaluationError
    without two anchors.
    """
    if len(anchors) < 2:
        raise EvaluationError("a path needs two sounds, and this pack has one")
    rng = np.random.default_rng(seed)
    first = rng.integers(0, len(anchors), 100_000)[:pairs]
    offset = np.random.default_rng((seed, 1)).integers(1, len(anchors), 100_000)[:pairs]
    last = (first + offset) % len(anchors)
    return Paths(anchors[first], anchors[last], np.linspace(0, 1, stops))


def around(latents: Floats, snr: float, draws: int, seed: int = 0) -> Floats:
    """(n, K, D): `draws` Gaussian neighbours of each of (n, D) latents.

    Their variance in each dimension is |z|² / (D · SNR). An infinite SNR gives the latent itself,
    once.
    """
    if np.isinf(snr):
        return latents[:, None]
    rng = np.random.default_rng((seed, int(1e6 * snr)))
    spread = np.sqrt((latents.astype(np.float64) ** 2).mean(axis=1) / snr)
    noise = rng.standard_normal((len(latents), draws, latents.shape[1]))
    return (latents[:, None] + spread[:, None, None] * noise).astype(np.float32)


def _between(a: NDArray[np.floating], b: NDArray[np.floating], share: Float64) -> Float64:
    first, last = a.astype(np.float64)[:, None], b.astype(np.float64)[:, None]
    stops = first + share[:, None] * (last - first)
    stops[:, -1] = last[:, 0]  # exactly, or the end would not be the anchor
    return stops
