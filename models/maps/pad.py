"""Positions of sounds on the pad: how a plane is scaled to the finger's 0...1."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentpad.models.audio.descriptors import NAMES
from latentpad.models.packs.pack import DESCRIBED, Pack

Float64 = NDArray[np.float64]

MARGIN = 0.05  # of the anchors' span, left free on each side of the pad


class PadStart(NamedTuple):
    """The default plane of a pack, on the pad."""

    plane: str
    axes: tuple[str, ...]  # the descriptors to the right and up; empty for a map
    positions: Float64  # (L, 2) position of each anchor on the pad, x right, y up


def span(positions: Float64) -> tuple[Float64, Float64]:
    """The (D1,) coordinates at the pad's 0 and 1, for (L, D1) positions on a plane.

    An axis on which all are equal gets a span of one.
    """
    low, high = positions.min(axis=0), positions.max(axis=0)
    dead = high <= low
    low[dead] -= 0.5
    high[dead] += 0.5
    margin = MARGIN * (high - low)
    return low - margin, high + margin


def ranks(values: NDArray[np.floating]) -> Float64:
    """(L,) the rank of each value, 0 to 1; equal values get the mean of their ranks."""
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count + 1) / 2
    return np.asarray(middle[group] / max(len(values) - 1, 1), np.float64)


def pad_start(pack: Pack) -> PadStart:
    """The default plane of a pack, and the `/pad/xy` of each of its anchors there."""
    axes: tuple[str, ...] = ()
    if pack.default_plane == DESCRIBED:
        described = pack.described
        axes = tuple([name for name in NAMES if name in described][:2])
        positions = np.stack([ranks(described[name]) for name in axes], axis=1)
    else:
        positions = pack.planes[pack.default_plane].astype(np.float64)
    low, high = span(positions)
    return PadStart(pack.default_plane, axes, (positions - low) / (high - low))
