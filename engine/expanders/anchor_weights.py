"""Which anchors an expander blends at a point, and how much of each.

The weights say whose recordings are near a sound. They are >= 0 and their sum is 1, unlike those by
which some expanders add latents: a slope or a spline needs weights of either sign.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from latentpad.engine.expanders import kernels
from latentpad.engine.expanders.anchor_index import AnchorIndex
from latentpad.engine.parameters import BLENDED

MOST = BLENDED

Float64 = NDArray[np.float64]
Indices = NDArray[np.intp]


class AnchorWeights(NamedTuple):
    """The anchors that are blended at n points, `MOST` of each at most."""

    anchors: Indices
    """(n, k)."""
    weights: Float64
    """(n, k) >= 0, each row's sum is 1."""


@njit(cache=True, nogil=True)
def distance_weights(distance: Float64, focus: int, power: int) -> Float64:
    """`kernels.neighbour_weights` (n, focus) of ascending distances (n, focus [+ 1])."""
    weights = np.empty((len(distance), focus))
    for n in range(len(distance)):
        kernels.neighbour_weights(distance[n], focus, power, weights[n])
    return weights


def neighbours(
    index: AnchorIndex,
    distance: Float64,
    site: Indices,
    focus: int,
    power: int = kernels.NEIGHBOUR_POWER,
) -> AnchorWeights:
    """The weights of `local` for the nearest `focus` sites.

    `distance` and `site` (n, focus + 1) are those of `AnchorIndex.around`, or (n, focus) if there
    are no more. The last of `focus` + 1 has no weight, so nothing jumps where one neighbour
    replaces another.
    """
    weights = distance_weights(np.ascontiguousarray(distance), focus, power)
    return of_sites(index, site[:, :focus], weights)


def near(index: AnchorIndex, points: Float64, focus: int = MOST) -> AnchorWeights:
    """`neighbours` of points (n, D1) on the plane, `MOST` of each at most."""
    few = min(focus, MOST, len(index.coordinates))
    _, distance, site = index.neighbours(points, few + 1)
    return neighbours(index, distance, site, few)


def of_sites(index: AnchorIndex, site: Indices, weights: Float64) -> AnchorWeights:
    """The weights (n, k) of sites (n, k). Of several anchors at one site, the first, as for
    `nearest`."""
    return AnchorWeights(index.order[index.start[site]], weights)


def strongest(anchors: Indices, weights: Float64) -> AnchorWeights:
    """The `MOST` largest of weights (n, k) >= 0, made to add up to 1.

    The next one is subtracted from each, so that nothing jumps where one anchor replaces another.
    """
    order = np.argsort(-weights, axis=1, kind="stable")[:, : MOST + 1]
    largest = np.take_along_axis(weights, order, axis=1)
    kept = largest[:, :MOST]
    if largest.shape[1] > MOST:
        kept = kept - largest[:, MOST:]
    total = kept.sum(axis=1, keepdims=True)
    kept = np.where(total > 0, kept, 1.0)  # all alike
    return AnchorWeights(anchors[order[:, :MOST]], kept / kept.sum(axis=1, keepdims=True))
