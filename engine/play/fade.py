"""The fade of the output: in when sound begins, out before it ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FADE_S = 0.02


class Fade:
    """A linear fade between silence and full level, over several hops. Render thread only."""

    def __init__(self, size: int, rate: int, level: float = 0.0) -> None:
        """For hops of `size` samples at `rate` Hz; `level` is the initial level, 0...1."""
        self._level = level
        self._step = size / (FADE_S * rate)
        self._ramp = np.linspace(0, 1, size, dtype=np.float32)[:, None]

    def toward(self, target: float, out: NDArray[np.float32]) -> bool:
        """Fade a hop (size, 2) in place towards `target`, 0 or 1. False if the output is silent
        and stays so."""
        if self._level != target:
            step = max(-self._step, min(self._step, target - self._level))
            out *= self._level + step * self._ramp
            self._level += step
            return True
        return target != 0.0
