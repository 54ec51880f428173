"""The base class of all expanders: fitted objects that turn points into latents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentpad.engine.expanders.anchor_index import anchor_index, batch, ellipsoid
from latentpad.engine.expanders.anchor_weights import AnchorWeights, near
from latentpad.engine.plane import Float64, Plane


@dataclass(frozen=True, slots=True)
class ExpanderSettings:
    """How an expander is to be fitted: the arguments of `registry.fit` besides the plane."""

    metric: str
    guard: bool
    focus: int
    scale: float
    base: int
    weights: Mapping[int, float] | None


class Expander:
    """A fitted expander. Immutable; any thread may call."""

    def __init__(self, plane: Plane, guard: bool) -> None:
        self.plane = plane
        mean, axes, radius = ellipsoid(plane)
        self._body = (mean, axes, radius if guard else np.inf)
        centre = plane.known.mean(axis=0)
        self._frame = (centre, plane.from_known, plane.from_unknown, plane.centre)

    def expand(self, points: ArrayLike) -> NDArray[np.float32]:
        """Points on the plane (n, D1) -> latents (n, D) float32; one point is a batch of one."""
        return self.expand64(points).astype(np.float32)

    def expand64(self, points: ArrayLike) -> Float64:
        """`expand` before it is rounded: (n, D) float64."""
        return self._latents(batch(points, self.plane))

    def spread(self, points: ArrayLike) -> Float64:
        """How different the sounds are that are averaged at each point: (n,), in the latents' unit.

        The weighted standard deviation of z̃ (root mean square over its dimensions) among the
        averaged anchors. 0 for the paper's expanders.
        """
        return np.zeros(len(batch(points, self.plane)))

    def anchor_weights(self, points: ArrayLike) -> AnchorWeights:
        """The anchors that are blended at points (n, D1), and their weights.

        An expander that blends all anchors, or none by a weight of its own, has those of its
        nearest ones by Euclidean distance, as the levels of the recordings. Where the expander is
        exact at an anchor, the anchor's weight is 1 there; where it is continuous, so are they.
        """
        return near(anchor_index(self.plane), batch(points, self.plane))

    def _latents(self, points: Float64) -> Float64:
        raise NotImplementedError
