"""The parameters of all voices, hop by hop: smoothed rows follow the board's values."""

from __future__ import annotations

import math

from latentpad.engine.parameters import GLOBAL, OFFSET
from latentpad.engine.play.voice_control import VoiceSettings

ARRIVED = 1e-6  # in any unit: a smoothed value closer to its target becomes equal


class GlobalSettings:
    """Follows the global rows, each smoothed row with its time constant. Render thread only.

    `present` are the settings of this hop, `master` is its output gain, linear. Once every row has
    arrived, a hop costs nothing until the board has other values.
    """

    def __init__(self, hop_s: float, values: list[float]) -> None:
        """`values` (VALUES,) are the board's, `hop_s` is the length of a hop in seconds."""
        self._rows = [
            (OFFSET[row.address], per_hop(row.smoothing, hop_s))
            for row in GLOBAL
            if row.smoothing > 0
        ]
        self.settle(values)

    def settle(self, values: list[float]) -> None:
        """Take these values without smoothing."""
        self._target = values
        self._arrived = True
        self._take(values)

    def go_on_from(self, other: GlobalSettings) -> None:
        """Take the present values of `other`, on their way to the board's."""
        self._target, self._arrived = other._target, False
        self._take(other._values)

    def follow(self, target: list[float]) -> None:
        """Advance by a hop towards `target` (VALUES,). The list is kept and must not change."""
        if self._arrived and target is self._target:
            return
        self._target = target
        self._arrived = True
        now, values = self._values, target.copy()
        for index, share in self._rows:
            difference = target[index] - now[index]
            # A value that is close enough becomes equal, so that a texture of 0 costs no noise.
            if abs(difference) > ARRIVED:
                values[index] = now[index] + share * difference
                self._arrived = False
        self._take(values)

    def _take(self, values: list[float]) -> None:
        self._values = values
        self.present = present = VoiceSettings.of(values)
        gain = 10 ** ((present.gain + present.level) / 20) if present.gain > -59.9 else 0.0
        self.master = gain * present.expression**2  # as MIDI has it: 40 dB a decade
        self.ceiling = 10 ** (present.ceiling / 20)


def per_hop(seconds: float, hop_s: float) -> float:
    """The coefficient of a one-pole filter with this time constant for one hop."""
    return 1 - math.exp(-hop_s / seconds) if seconds > 0 else 1.0
