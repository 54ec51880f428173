"""`lattice`: an anchor, and a fader for each of the others.

Source: Cámara & Blanco, "Acercando los autocodificadores variacionales al gran público", eq. 8.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from latentpad.engine.expander_declarations import Declaration
from latentpad.engine.expanders import kernels
from latentpad.engine.expanders.anchor_index import DEAD, batch, view
from latentpad.engine.expanders.expander import Expander, Settings
from latentpad.engine.expanders.lattice_weights import farthest_points, least_norm_faders
from latentpad.engine.plane import Float64, Plane


class FaderMix(Expander):
    """Eq. 8 with the faders in someone's hands: one latent, whatever the point."""

    def __init__(self, plane: Plane, guard: bool, base: int, faders: Mapping[int, float]) -> None:
        super().__init__(plane, guard)
        chosen = np.array([base, *faders], np.intp)
        alpha = np.array([1.0 - sum(faders.values()), *faders.values()])
        self._known, self._unknown = alpha @ plane.known[chosen], alpha @ plane.unknown[chosen]

    def _latents(self, points: Float64) -> Float64:
        known, unknown = (np.tile(row, (len(points), 1)) for row in (self._known, self._unknown))
        return kernels.to_latents(known, unknown, self._body, self._frame)


class Lattice(Expander):
    """Eq. 8 solved: the faders of least norm, >= 0 where possible, that bring the base to p.

    The anchors with a fader are chosen one by one, each the farthest by the metric from all
    before it: the first ones are the plane's corners (under the cosine metric anchors on all
    sides of the centroid, near or far), so that faders >= 0 reach everywhere.

    Of the faders that reach p the least are the same however the plane is stretched or turned.
    So the metric matters only where faders >= 0 do not reach it: mahalanobis then says how near
    they go, cosine leaves that to plain distance.
    """

    def __init__(self, plane: Plane, guard: bool, metric: str, base: int, focus: int) -> None:
        super().__init__(plane, guard)
        seen = view(plane, metric)
        self.chosen = farthest_points(kernels.to_metric(plane.known, seen), base, focus)
        """(F,) the anchors that have a fader."""
        # Directions from the centroid do not add up to a point: faders that mix them would bring
        # the base to p's direction at best. Mahalanobis's coordinates add up as the plane's do.
        self._view = view(plane, "euclidean") if metric == "cosine" else seen
        ends = kernels.to_metric(plane.known[[base, *self.chosen]], self._view)
        steps = ends[1:] - ends[0]
        start = plane.unknown[base].astype(np.float64)
        # Anchors in a line but for rounding are in a line: no faders of millions lead off it.
        self._solve = (ends[0], steps, np.linalg.pinv(steps, rcond=math.sqrt(DEAD)))
        self._lead = (start, plane.unknown[self.chosen] - start)

    def faders(self, points: ArrayLike) -> Float64:
        """The faders (n, F) of the chosen anchors at points (n, D1)."""
        return least_norm_faders(
            kernels.to_metric(batch(points, self.plane), self._view), *self._solve
        )

    def _latents(self, points: Float64) -> Float64:
        return kernels.mix_faders(points, self.faders(points), *self._lead, self._body, self._frame)


@Declaration(
    "lattice",
    3,
    "an anchor mixed with `/focus` corners of the plane, by faders",
    uses=("metric", "focus", "base", "faders"),
)
def lattice(plane: Plane, settings: Settings) -> Expander:
    """The point sets the faders, unless they are given.

    Raises:
        ValueError: an anchor that is not there.
    """
    base, faders = settings.base, settings.faders
    for anchor in (base, *(faders or ())):
        if not 0 <= anchor < len(plane.known):
            raise ValueError(f"lattice: anchor {anchor} of {len(plane.known)} is not there")
    if faders is not None:
        return FaderMix(plane, settings.guard, base, faders)
    return Lattice(plane, settings.guard, settings.metric, base, settings.focus)
