"""What a MIDI message says: which control has changed, and to what."""

from __future__ import annotations

from typing import NamedTuple

COARSE, FINE = 127, 16383
"""The highest value of 7 and of 14 bits."""


class Change(NamedTuple):
    """A control that was moved, pressed or released.

    | kind | number | value |
    | --- | --- | --- |
    | "note" | key | velocity, 0 for a release |
    | "cc" | controller | of 7 bits, or of both halves |
    | "bend" | 0 | 8192 is the middle |
    | "pressure" | 0 | |
    | "key pressure" | key | |
    | "program" | bank | program |
    | "rpn", "nrpn" | parameter | data entry, of 7 bits or both halves |
    | "start", "continue", "stop" | 0 | 127 |

    `channel` is 1...16, and 0 for start, continue and stop. `top` is the highest value.
    """

    kind: str
    channel: int
    number: int
    value: int
    top: int = COARSE

    @property
    def position(self) -> float:
        """The value as 0...1."""
        return self.value / self.top
