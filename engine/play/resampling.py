"""Resampling from the model's rate to the host's, hop by hop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import samplerate
from numpy.typing import NDArray

Floats = NDArray[np.float32]

QUALITY = "sinc_medium"  # 120 dB of signal to noise, 90 % of the band


def resampler(rate: int, target: int, channels: int) -> Callable[[Floats], Floats] | None:
    """A function from (m, channels) float32 at `rate` Hz to (n, channels) at `target` Hz; None if
    the rates are equal.

    Band-limited interpolation (Smith & Gossett 1984) by libsamplerate, which returns the frames of
    every block at once. soxr is as good, but at 44.1 kHz it keeps 737 frames back and then returns
    them together.
    """
    if rate == target:
        return None
    converter = samplerate.Resampler(QUALITY, channels)
    ratio = target / rate
    return lambda block: converter.process(block, ratio)


def delay(rate: int, target: int) -> float:
    """The resampler's delay in seconds: half of its filter's length."""
    if rate == target:
        return 0.0
    converter = samplerate.Resampler(QUALITY, 1)
    impulse = np.zeros(rate // 4, np.float32)
    return len(impulse) / rate - len(converter.process(impulse, target / rate)) / target
