"""How often something that costs may be asked for."""

from __future__ import annotations

from collections.abc import Callable


class Allowance:
    """`most` at once, and one more each `seconds`. One thread at a time."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._left = float(most)
        self._at = clock()

    def take(self) -> bool:
        """Whether one more may be had now."""
        now = self._clock()
        self._left = min(self._left + (now - self._at) / self._seconds, self._most)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
