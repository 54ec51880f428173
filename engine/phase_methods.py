"""The phase methods: how magnitudes become sound. `METHODS` has one entry for each.

A streamed method is a branch of `engine.play.voice.play_frame`, which is compiled. A whole-sound
method is a function from all magnitudes of a sound to its samples, and serves shots only. This
module is imported for the names, so the methods import what they need when they run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Waveform = Callable[[Floats, int, str], Floats]
"""Linear magnitudes (frames, bins), a full-scale sine 1; hop in samples; the window's name
(`models.representation.window`) -> (frames * hop,) samples, the first of which is the middle of
the first frame. Called in the decoding process, on a thread that may take its time."""


@dataclass(frozen=True, slots=True)
class PhaseMethod:
    """A choice of `/phase`."""

    name: str
    help: str
    """One line for the reference page."""
    waveform: Waveform | None = None
    """The function that makes a whole sound; None for a streamed method."""


def _griffinlim(magnitudes: Floats, hop: int, window: str) -> Floats:
    from latentpad.models.audio.griffinlim import griffinlim

    return griffinlim(magnitudes, hop, window, momentum=0.0)


def _fgla(magnitudes: Floats, hop: int, window: str) -> Floats:
    from latentpad.models.audio.griffinlim import griffinlim

    return griffinlim(magnitudes, hop, window, momentum=0.99)


METHODS: tuple[PhaseMethod, ...] = (
    PhaseMethod("rtpghi", "phase gradient heap integration, refined by RTISI; the live default"),
    PhaseMethod("noise", "noise that is shaped by the magnitudes"),
    PhaseMethod("griffinlim", "Griffin-Lim, for shots; loops are played by rtpghi", _griffinlim),
    PhaseMethod("fgla", "Fast Griffin-Lim, for shots; loops are played by rtpghi", _fgla),
)
"""The index of a method is its number on the board, in presets and in bindings. It never changes: a
new method is added at the end."""

NAMES = tuple(method.name for method in METHODS)

STREAMED = tuple(
    k if method.waveform is None else NAMES.index("rtpghi") for k, method in enumerate(METHODS)
)
"""The number of the streamed method that plays a voice, for each method."""
