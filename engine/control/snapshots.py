"""Snapshots: the settings and what the pad points at under a number, and the glide back to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from latentpad.engine.arguments import Argument, CommandError, finite
from latentpad.engine.control.allocation import Command, Sender
from latentpad.engine.control.pad import Changed, Numbered
from latentpad.engine.control.state import PAD, PadTarget, Values
from latentpad.engine.parameters import ROW

MOST = 1000  # snapshots kept
LONGEST_S = 3600.0  # of a glide
POINTS = (PAD, "/latent", "/lattice/")  # what is changed where the pad points elsewhere


@dataclass(frozen=True)
class Snapshot:
    """The global rows' values, by their addresses, and what the pad points at."""

    values: Mapping[str, Values]
    pad: PadTarget


@dataclass
class Glide:
    """From one snapshot to another: numbers glide, everything else switches at the end."""

    start: Snapshot
    end: Snapshot
    began: float
    seconds: float
    gliding: set[str]  # the rows that were not touched since
    points: bool = True  # and whether the pad was not

    def share(self, now: float) -> float:
        """The part of the way that is done, 0...1."""
        return min((now - self.began) / self.seconds, 1.0) if self.seconds > 0 else 1.0

    def values(self, share: float) -> Iterator[tuple[str, Values]]:
        """What the rows are by then, of those that change."""
        for address, end in self.end.values.items():
            start = self.start.values[address]
            number = ROW[address].kind == "float"
            if address in self.gliding and start != end and (number or share >= 1):
                yield address, tuple(s + share * (e - s) for s, e in zip(start, end, strict=True))


class Snapshots:
    """Stored snapshots, and the glide under way. Under the instrument's lock.

    `present` gives what there is now, `put` sets a row, `point` carries out a command of the pad's.
    """

    def __init__(
        self,
        present: Callable[[], Snapshot],
        put: Callable[[str, Values], None],
        point: Callable[[Command], None],
        changed: Changed,
        clock: Callable[[], float],
    ) -> None:
        self._present = present
        self._put = put
        self._point = point
        self._changed = changed
        self._clock = clock
        self._stored: dict[int, Snapshot] = {}
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
        """Keep what there is now as `n`. Raises `CommandError` when `MOST` are kept already."""
        if n not in self._stored and len(self._stored) >= MOST:
            raise CommandError(
                f"/snapshot/{n}/store: {MOST} are kept already; store over one of them"
            )
        self._stored[n] = self._present()

    def recall(self, n: int, seconds: float) -> None:
        """Begin to glide to snapshot `n` for 0...`LONGEST_S`; longer is shortened.

        Raises `CommandError` if nothing was stored there.
        """
        if n not in self._stored:
            raise CommandError(f"/snapshot/{n}/recall: nothing was stored in {n}")
        start, end = self._present(), self._stored[n]
        seconds = min(seconds, LONGEST_S)
        self._glide = Glide(start, end, self._clock(), seconds, set(end.values))
        self.step()

    def touched(self, address: str) -> None:
        """Something was changed: what was not by the glide is no longer the glide's."""
        if self._glide is None or self._stepping:
            return
        self._glide.gliding.discard(address)
        if address.startswith(POINTS):
            self._glide.points = False

    def step(self) -> None:
        """Go on with the glide."""
        glide = self._glide
        if glide is None:
            return
        share = glide.share(self._clock())
        self._stepping = True
        try:
            for address, values in glide.values(share):
                self._put(address, values)
            if glide.points:  # after the mode, which says what the point is
                pad = glide.start.pad.toward(glide.end.pad, share)
                for command in pad.commands(self._present().pad):
                    self._point(command)
        finally:
            self._stepping = False
        if share >= 1:
            self._glide = None
