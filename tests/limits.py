"""What commands may ask of a pack that is not there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentpad.engine.control.pack_limits import AnchorLookup, PackLimits
from latentpad.engine.latent_bounds import LatentBounds


def limits(
    dim: int, planes: Sequence[str] = ("raw",), look_up_anchor: AnchorLookup | None = None
) -> PackLimits:
    """Of a pack of `dim` latents; without `look_up_anchor` every anchor is in its middle."""
    middle: AnchorLookup = lambda anchor: ((0.5, 0.5), (0.0,) * dim)  # noqa: E731
    return PackLimits(LatentBounds.of(np.zeros((1, dim))), planes, look_up_anchor or middle, None)
