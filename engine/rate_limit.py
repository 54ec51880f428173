"""Limits how often something is done: a token bucket."""

from __future__ import annotations

from collections.abc import Callable


class RateLimit:
    """Allows `capacity` at once, and one more every `interval_s`. One thread at a time."""

    def __init__(self, capacity: int, interval_s: float, clock: Callable[[], float]) -> None:
        self._capacity = capacity
        self._interval_s = interval_s
        self._clock = clock
        self._available = float(capacity)
        self._updated_at = clock()

    def left(self) -> float:
        """The amount available now; negative if too much was spent."""
        now = self._clock()
        self._available = min(
            self._available + (now - self._updated_at) / self._interval_s, self._capacity
        )
        self._updated_at = now
        return self._available

    def spend(self, amount: float) -> None:
        """Take this amount, whether it is available or not."""
        self._available = self.left() - amount

    def take(self) -> bool:
        """Take one if it is available. Returns whether it was."""
        if self.left() < 1:
            return False
        self._available -= 1
        return True
