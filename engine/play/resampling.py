"""From the model's sample rate to the host's, a hop at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import samplerate
from numpy.typing import NDArray

Floats = NDArray[np.float32]

QUALITY = "sinc_medium"  # 120 dB of signal to noise, 90 % of the band


def resampler(rate: int, to: int, channels: int) -> Callable[[Floats], Floats] | None:
    """Makes (n, channels) float32 at `to` Hz of (m, channels) at `rate` Hz; None if they are equal.

    Band-limited interpolation (Smith & Gossett 1984) by libsamplerate. It answers every block with
    its share of frames at once: soxr, as good, holds a block's worth of 737 frames back at 44.1 kHz
    and then gives them in one.
    """
    if rate == to:
        return None
    converter = samplerate.Resampler(QUALITY, channels)
    ratio = to / rate
    return lambda block: converter.process(block, ratio)


def delay(rate: int, to: int) -> float:
    """Seconds that a sample spends in the resampler: half of its filter's length."""
    if rate == to:
        return 0.0
    converter = samplerate.Resampler(QUALITY, 1)
    given = np.zeros(rate // 4, np.float32)
    return len(given) / rate - len(converter.process(given, to / rate)) / to
