"""What one MIDI channel has been told of its notes."""

from __future__ import annotations

from dataclasses import dataclass, field

from latentpad.controllers.midi.keys import Keys
from latentpad.controllers.midi.zones import MASTER_RANGE


@dataclass(slots=True)
class Channel:
    """The state of a channel. `bend` is -1...1, pressures and `slide` (CC 74) are 0...1."""

    keys: Keys = field(default_factory=Keys)
    sustains: bool = False
    bend: float = 0.0
    bend_range: float = MASTER_RANGE  # semitones
    pressure: float = 0.0
    key_pressures: dict[int, float] = field(default_factory=dict)
    slide: float | None = None  # None: not told
    begins: dict[int, tuple[float, float]] = field(default_factory=dict)  # of an MPE member's notes

    @property
    def semitones(self) -> float:
        """How far the channel is bent."""
        return self.bend * self.bend_range

    def reset(self) -> None:
        """As CC 121 has it: everything but the keys, and the range of the bend."""
        self.bend, self.pressure, self.slide = 0.0, 0.0, None
        self.key_pressures.clear()
