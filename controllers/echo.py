"""Which controls a device is touching: it is not sent their values meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Container

ECHO_S = 0.3
"""Seconds after a device's last touch of a control in which it is not sent that control's value. A
second control of the same device follows then, and the one under the finger was not moved."""


class Touched:
    """The controls that one device has touched. One thread at a time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at: dict[str, float] = {}

    def touch(self, address: str) -> None:
        """Note that the device has sent this control's value."""
        self._at[address] = self._clock()

    def held(self) -> Container[str]:
        """The controls whose values are not to be sent now."""
        if self._at:
            now = self._clock()
            self._at = {address: at for address, at in self._at.items() if now - at < ECHO_S}
        return self._at
