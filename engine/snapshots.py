"""Snapshots: the whole state under a number, and the glide back to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from engine.allocation import Sender
from engine.pad import Changed, Numbered
from engine.parameters import ROW, Argument, CommandError, finite

Values = tuple[float, ...]
State = dict[str, Values]

PAD = "/pad/1/xy"  # the one finger whose point belongs to a snapshot
MOST = 1000  # snapshots kept
LONGEST_S = 3600.0  # of a glide


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

    def __init__(
        self,
        state: Callable[[], State],
        put: Callable[[str, Values], None],
        changed: Changed,
        clock: Callable[[], float],
    ) -> None:
        self._state = state
        self._put = put
        self._changed = changed
        self._clock = clock
        self._stored: dict[int, State] = {}
        self._glide: Glide | None = None
        self._stepping = False

    def numbered(self) -> dict[str, Numbered]:
        """The commands, by what surrounds their number."""
        return {"/snapshot/*/store": self._store, "/snapshot/*/recall": self._recall}

    def _store(self, n: int, args: Sequence[Argument], sender: Sender) -> None:
        self.store(n)
        self._changed(f"/snapshot/{n}/store", (), sender)

    def _recall(self, n: int, args: Sequence[Argument], sender: Sender) -> None:
        self.recall(n, max(finite(f"/snapshot/{n}/recall", args[0]), 0.0) if args else 0.0)

    def store(self, n: int) -> None:
        """Keep the present state as `n`. Raises `CommandError` when `MOST` are kept already."""
        if n not in self._stored and len(self._stored) >= MOST:
            raise CommandError(
                f"/snapshot/{n}/store: {MOST} are kept already; store over one of them"
            )
        self._stored[n] = self._state()

    def recall(self, n: int, seconds: float) -> None:
        """Begin to glide to state `n` for 0...`LONGEST_S`; longer is shortened.

        Raises `CommandError` if nothing was stored there.
        """
        if n not in self._stored:
            raise CommandError(f"/snapshot/{n}/recall: nothing was stored in {n}")
        end, now = dict(self._stored[n]), self._clock()
        self._glide = Glide(self._state(), end, now, min(seconds, LONGEST_S))
        self.step()

    def touched(self, address: str) -> None:
        """Something was changed: what was not by the glide is no longer the glide's."""
        if self._glide is not None and not self._stepping:
            self._glide.end.pop(address, None)

    def step(self) -> None:
        """Go on with the glide."""
        if self._glide is None:
            return
        now = self._clock()
        self._stepping = True
        try:
            for address, values in self._glide.at(now):
                self._put(address, values)
        finally:
            self._stepping = False
        if self._glide.done(now):
            self._glide = None
