"""The phase methods: how a sound is made of magnitudes. One entry of `METHODS` each.

A streamed method is a branch of `engine.play.voice.play_frame`, which is compiled; a whole-sound
method is a function from all magnitudes of a sound to its samples, and serves shots only. This
module is imported for the names, so what it refers to is imported when it runs.
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
    """What makes the whole sound; None for a method that is streamed, a hop at a time."""


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
"""The place of a method is its number on the board, in presets and in bindings: it keeps it for
good, and a new one is added at the end."""

NAMES = tuple(method.name for method in METHODS)

STREAMED = tuple(
    k if method.waveform is None else NAMES.index("rtpghi") for k, method in enumerate(METHODS)
)
"""The streamed method, by its number, that plays what each method does not make as a whole."""
