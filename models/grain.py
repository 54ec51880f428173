"""What a model misses of its anchors: the residual of each recording, which `/grain` adds again.

A model reproduces the level of each band, but little of how it varies from bin to bin and from
frame to frame. The residual is the recording's magnitudes in dB, relative to their peak bin, minus
those that the model decodes of the anchor. In steps of half a decibel it takes a byte a bin.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from latentpad.models.audio import reading
from latentpad.models.representation import Floats, Representation

STEP_DB = 0.5
MOST_STEPS = 127  # 63.5 dB to either side: what is farther away is next to silence in one of both

Steps = NDArray[np.int8]
"""A residual (frames, bins), in steps of `STEP_DB`."""


Decode = Callable[[Floats], Floats]
"""Latents (n, D) to decoded frames (n, frames, columns)."""


class Residuals(Protocol):
    """The residuals of a pack's anchors. One thread."""

    def residual(self, anchor: int) -> Steps | None:
        """An anchor's residual (frames, bins); do not write to it. None if there is none. May wait
        for a disk."""


def recorded_db(path: Path, representation: Representation) -> Floats:
    """(frames, bins) dB of a recording, relative to its peak bin. Raises AudioError."""
    samples = reading.read_samples(path, representation)
    return representation.decibels(representation.magnitudes(samples))


def residual(recorded: Floats, decoded: Floats) -> Steps | None:
    """The residual of (frames, bins) dB, recorded and decoded; None if they are no numbers."""
    steps = (recorded - decoded) / np.float32(STEP_DB)
    if not np.isfinite(steps.min() + steps.max()):
        return None
    return np.clip(np.rint(steps), -MOST_STEPS, MOST_STEPS).astype(np.int8)


def anchor_residual(
    recorded: Floats, latent: Floats, decode: Decode, representation: Representation
) -> Steps | None:
    """The residual of an anchor's recording (frames, bins) dB, with its latent (D,)."""
    frames = decode(np.asarray(latent, np.float32)[None])[0]
    return residual(recorded, representation.spectrum(frames))
