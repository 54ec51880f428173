"""How often something that costs may be asked for."""

from __future__ import annotations

from collections.abc import Callable


class RateLimit:
    """`most` at once, and one more each `seconds`. One thread at a time."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._left = float(most)
        self._at = clock()

    def left(self) -> float:
        """How much may be had now; below 0 what was had too much."""
        now = self._clock()
        self._left = min(self._left + (now - self._at) / self._seconds, self._most)
        self._at = now
        return self._left

    def spend(self, amount: float) -> None:
        """Have so much, whatever is left."""
        self._left = self.left() - amount

    def take(self) -> bool:
        """Whether one more may be had now; then it is spent."""
        if self.left() < 1:
            return False
        self._left -= 1
        return True
