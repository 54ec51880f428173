"""What commands may ask of a pack that is not there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentpad.engine.control.pack_limits import AnchorLookup, NearLookup, PackLimits
from latentpad.engine.latent_bounds import LatentBounds


def limits(
    dim: int,
    planes: Sequence[str] = ("raw",),
    look_up_anchor: AnchorLookup | None = None,
    near: NearLookup = lambda values, point: (0, "sound", "label"),
    anchors: int = 1000,
) -> PackLimits:
    """Of a pack of `dim` latents; without `look_up_anchor` every anchor is in its middle."""
    middle: AnchorLookup = lambda anchor: ((0.5, 0.5), (0.0,) * dim)  # noqa: E731
    bounds = LatentBounds.of(np.zeros((1, dim)))
    return PackLimits(bounds, planes, look_up_anchor or middle, near, None, anchors)
