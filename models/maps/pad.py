"""Where sounds lie on the pad: how a plane is laid under the finger's 0...1."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentpad.models.audio.descriptors import NAMES
from latentpad.models.packs.pack import DESCRIBED, Pack

Float64 = NDArray[np.float64]

MARGIN = 0.05  # of the anchors' span, left free on each side of the pad


class PadStart(NamedTuple):
    """What the pad of a pack begins on."""

    plane: str
    axes: tuple[str, ...]  # the descriptors to the right and up; none of a map
    places: Float64  # (L, 2) pad position of each anchor, x right, y up


def span(places: Float64) -> tuple[Float64, Float64]:
    """(L, D1) places on a plane to the (D1,) ones that are the pad's 0 and its 1.

    An axis on which all agree gets a span of one.
    """
    low, high = places.min(axis=0), places.max(axis=0)
    dead = high <= low
    low[dead] -= 0.5
    high[dead] += 0.5
    margin = MARGIN * (high - low)
    return low - margin, high + margin


def ranks(values: NDArray[np.floating]) -> Float64:
    """(L,) each value's rank from 0 to 1, the mean of their ranks for equal ones."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count + 1) / 2
    return np.asarray(middle[place] / max(len(values) - 1, 1), np.float64)


def pad_start(pack: Pack) -> PadStart:
    """The plane that a pack begins on, and where `/pad/xy` meets each of its anchors there."""
    axes: tuple[str, ...] = ()
    if pack.default_plane == DESCRIBED:
        described = pack.described
        axes = tuple([name for name in NAMES if name in described][:2])
        places = np.stack([ranks(described[name]) for name in axes], axis=1)
    else:
        places = pack.planes[pack.default_plane].astype(np.float64)
    low, high = span(places)
    return PadStart(pack.default_plane, axes, (places - low) / (high - low))
