"""Snapshots: the whole state under a number, and the glide back to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engine.parameters import ROW

Values = tuple[float, ...]
State = dict[str, Values]

PAD = "/pad/1/xy"  # the one finger whose point belongs to a snapshot


@dataclass(frozen=True)
class Glide:
    """From one state to another: numbers glide, everything else switches at the end."""

    start: State
    end: State
    began: float
    seconds: float

    def done(self, now: float) -> bool:
        return now - self.began >= self.seconds

    def at(self, now: float) -> Iterator[tuple[str, Values]]:
        """What has changed by `now`."""
        share = min((now - self.began) / self.seconds, 1.0) if self.seconds > 0 else 1.0
        for address, end in self.end.items():
            start = self.start[address]
            row = ROW.get(address, ROW["/pad/{n}/xy"])
            if start == end or (row.kind != "float" and share < 1):
                continue
            yield address, tuple(s + share * (e - s) for s, e in zip(start, end, strict=True))


class Snapshots:
    """Stored states, and the glide under way. Under the instrument's lock."""

    def __init__(self, state: Callable[[], State], put: Callable[[str, Values], None]) -> None:
        self._state = state
        self._put = put
        self._stored: dict[int, State] = {}
        self._glide: Glide | None = None

    def store(self, n: int) -> None:
        self._stored[n] = self._state()

    def recall(self, n: int, seconds: float, now: float) -> None:
        """Begin to glide to state `n`. Raises KeyError if nothing was stored there."""
        self._glide = Glide(self._state(), self._stored[n], now, seconds)
        self.step(now)

    def step(self, now: float) -> None:
        """Go on with the glide."""
        if self._glide is None:
            return
        for address, values in self._glide.at(now):
            self._put(address, values)
        if self._glide.done(now):
            self._glide = None
