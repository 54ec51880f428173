"""Controllers of 14 bits: which two halves belong together.

A controller 0...31 may have a finer half, 32 above it. Some devices send the coarse half first,
some the fine one, some only the half that has changed. So once a fine half was seen, each half
waits up to `WAIT_S` for the other. A coarse half whose fine one was never seen does not wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

WAIT_S = 0.003
FINE_FROM = 32  # controller numbers of the fine halves begin here
FINE_TO = 64

Key = tuple[int, int]  # channel and coarse controller
Value = tuple[int, int | None]
"""The coarse half, and the fine one; None if it is unknown."""


@dataclass(slots=True)
class _Pair:
    coarse: int | None = None
    coarse_at: float = 0.0
    unanswered: bool = False  # the coarse half has not got its fine one
    fine: int | None = None  # None: never seen
    waiting_since: float | None = None
    waits_for_coarse: bool = False


class Pairs:
    """The pairs of one cable. One thread. Times are in seconds, of any clock."""

    def __init__(self) -> None:
        self._pairs: dict[Key, _Pair] = {}
        self._waiting: dict[Key, _Pair] = {}  # the oldest first

    @property
    def due_at(self) -> float | None:
        """When the next half has waited long enough; None if none waits."""
        first = next(iter(self._waiting.values()), None)
        return (
            None if first is None or first.waiting_since is None else first.waiting_since + WAIT_S
        )

    def coarse(self, key: Key, value: int, now: float) -> Value | None:
        """A coarse half has come. Returns the value that it completes, None if it waits."""
        pair = self._pairs.setdefault(key, _Pair())
        pair.coarse, pair.coarse_at, pair.unanswered = value, now, True
        if pair.waiting_since is not None and pair.waits_for_coarse:
            return self._complete(key, pair)
        if pair.fine is None:
            return value, None
        self._wait(key, pair, now, for_coarse=False)
        return None

    def fine(self, key: Key, value: int, now: float) -> Value | None:
        """A fine half has come. Returns the value that it completes, None if it waits."""
        pair = self._pairs.setdefault(key, _Pair())
        pair.fine = value
        waits = pair.waiting_since is not None and not pair.waits_for_coarse
        if waits or (pair.unanswered and now - pair.coarse_at <= WAIT_S):
            return self._complete(key, pair)
        self._wait(key, pair, now, for_coarse=True)
        return None

    def restart(self, key: Key) -> None:
        """The next halves are those of something else: what came before is not part of them."""
        pair = self._pairs.get(key)
        if pair is not None:
            pair.coarse, pair.unanswered = None, False

    def due(self, now: float) -> Iterator[tuple[Key, Value]]:
        """The values of the halves that have waited in vain."""
        for key, pair in list(self._waiting.items()):
            if pair.waiting_since is not None and now - pair.waiting_since < WAIT_S:
                return
            yield key, self._alone(key, pair)

    def of_channel(self, channel: int) -> Iterator[tuple[Key, Value]]:
        """The values of the halves of a channel that wait: something must not come before them."""
        for key, pair in [item for item in self._waiting.items() if item[0][0] == channel]:
            yield key, self._alone(key, pair)

    def _complete(self, key: Key, pair: _Pair) -> Value:
        self._waiting.pop(key, None)
        pair.waiting_since, pair.unanswered = None, False
        assert pair.coarse is not None
        return pair.coarse, pair.fine

    def _alone(self, key: Key, pair: _Pair) -> Value:
        """The value of a half whose other one has not come."""
        del self._waiting[key]
        pair.waiting_since = None
        if pair.coarse is None:
            return -1, pair.fine
        return pair.coarse, pair.fine if pair.waits_for_coarse else None

    def _wait(self, key: Key, pair: _Pair, now: float, *, for_coarse: bool) -> None:
        self._waiting.pop(key, None)
        self._waiting[key] = pair
        pair.waiting_since, pair.waits_for_coarse = now, for_coarse
