"""A picture of some sounds: each recording above what is heard of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from latentpad.models import figures
from latentpad.models.representation import Floats, Representation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SOUNDS = 8  # at most


def figure(
    recorded: Sequence[Floats],
    heard: Sequence[Floats],
    names: Sequence[str],
    representation: Representation,
) -> Figure:
    """The spectrograms of the sounds of these names, (frames, bins) dB each, all with the same axes
    and the same scale of dB."""
    rows = ("recording", recorded), ("as heard", heard)
    return figures.spectrograms(rows, names, representation)
