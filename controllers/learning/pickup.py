"""Soft takeover: a control steers only after it has met the present value."""

from __future__ import annotations

NEAR = 0.02
"""Share of the way at which a control has met the value: two and a half steps of 7 bits."""


class Pickup:
    """The state of one control. One thread at a time."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._set: float | None = None  # where its own last command has left the value

    def takes(self, position: float, present: float) -> bool:
        """Whether a control at `position` may set a value that is at `present`."""
        last, self._last = self._last, position
        own = self._set is not None and abs(present - self._set) < 1e-6
        crossed = last is not None and min(last, position) <= present <= max(last, position)
        return own or crossed or abs(position - present) <= NEAR

    def has_set(self, present: float) -> None:
        """Note the position of the value after its command was carried out."""
        self._set = present
