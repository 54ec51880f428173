"""Snapshots: settings and the pad's target, stored under a number, and the glide back to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from latentpad.engine.arguments import Argument, CommandError, finite
from latentpad.engine.control.allocation import Command, Sender
from latentpad.engine.control.pad import Changed, Numbered
from latentpad.engine.control.state import PAD, PadTarget, Values
from latentpad.engine.parameters import ROW

MAX_SNAPSHOTS = 1000  # snapshots that can be stored
MAX_GLIDE_S = 3600.0  # of a glide
GLIDE = "/snapshot/glide"
PAD_ADDRESSES = (PAD, "/latent", "/lattice/")  # changes of these end the glide of the pad's target


@dataclass(frozen=True)
class Snapshot:
    """The values of the global rows by their addresses, and what the pad points at."""

    values: Mapping[str, Values]
    pad: PadTarget
    pack: str = ""  # on which it was stored


@dataclass
class Glide:
    """A glide from one snapshot to another: numbers glide, everything else switches at the end."""

    start: Snapshot
    end: Snapshot
    began: float
    seconds: float
    untouched: set[str]  # the rows that were not changed since
    pad_untouched: bool = True  # whether the pad's target was not changed since

    def share(self, now: float) -> float:
        """The part of the glide that is done, 0...1."""
        return min((now - self.began) / self.seconds, 1.0) if self.seconds > 0 else 1.0

    def values(self, share: float) -> Iterator[tuple[str, Values]]:
        """The present values of the rows that change."""
        for address, end in self.end.values.items():
            start = self.start.values[address]
            number = ROW[address].kind == "float"
            if address in self.untouched and start != end and (number or share >= 1):
                yield address, tuple(s + share * (e - s) for s, e in zip(start, end, strict=True))


class Snapshots:
    """Stored snapshots, and the glide in progress. Under the instrument's lock.

    `current` gives the present state, `put` sets a row, `point` carries out a command of the pad.
    `playable` gives a snapshot as the pack that is played can recall it. `default_s` gives the
    length of a glide that is recalled without one.
    """

    def __init__(
        self,
        current: Callable[[], Snapshot],
        put: Callable[[str, Values], None],
        point: Callable[[Command], None],
        playable: Callable[[Snapshot], Snapshot],
        changed: Changed,
        clock: Callable[[], float],
        default_s: Callable[[], float],
    ) -> None:
        self._current = current
        self._put = put
        self._point = point
        self._playable = playable
        self._changed = changed
        self._clock = clock
        self._default_s = default_s
        self._stored: dict[int, Snapshot] = {}
        self._glide: Glide | None = None
        self._stepping = False

    def numbered(self) -> dict[str, Numbered]:
        """The commands by their addresses, with `*` for a number."""
        return {"/snapshot/*/store": self._store, "/snapshot/*/recall": self._recall}

    def _store(self, n: int, args: Sequence[Argument], sender: Sender) -> None:
        self.store(n)
        self._changed(f"/snapshot/{n}/store", (), sender)

    def _recall(self, n: int, args: Sequence[Argument], sender: Sender) -> None:
        """A press may be followed by the seconds of the glide. A lone number other than 1 is the
        seconds, too."""
        seconds = args[1:2] or [argument for argument in args if argument != 1]
        if seconds:
            self.recall(n, max(finite(f"/snapshot/{n}/recall", seconds[0]), 0.0))
        else:
            self.recall(n, self._default_s())

    def store(self, n: int) -> None:
        """Store the present state as `n`. Raises `CommandError` if `MAX_SNAPSHOTS` are stored
        already."""
        if n not in self._stored and len(self._stored) >= MAX_SNAPSHOTS:
            raise CommandError(
                f"/snapshot/{n}/store: {MAX_SNAPSHOTS} are kept already; store over one of them"
            )
        self._stored[n] = self._current()

    def recall(self, n: int, seconds: float) -> None:
        """Begin to glide to snapshot `n` in 0...`MAX_GLIDE_S` seconds; a longer time is shortened.

        Raises `CommandError` if nothing was stored there.
        """
        if n not in self._stored:
            raise CommandError(f"/snapshot/{n}/recall: nothing was stored in {n}")
        start, end = self._current(), self._playable(self._stored[n])
        seconds = min(seconds, MAX_GLIDE_S)
        self._glide = Glide(start, end, self._clock(), seconds, set(end.values))
        self.step()

    def touched(self, address: str) -> None:
        """Something was changed. If not by the glide, the glide no longer changes it."""
        if self._glide is None or self._stepping:
            return
        self._glide.untouched.discard(address)
        if address.startswith(PAD_ADDRESSES):
            self._glide.pad_untouched = False

    def change_pack(self) -> None:
        """End the glide of what belongs to the old pack."""
        if self._glide is not None:
            self._glide.untouched -= {"/plane", *(row for row, kind in ROW.items() if kind.of_pack)}
            self._glide.pad_untouched = False

    @property
    def gliding(self) -> bool:
        """Whether a glide is in progress."""
        return self._glide is not None

    def step(self) -> None:
        """Continue the glide."""
        glide = self._glide
        if glide is None:
            return
        share = glide.share(self._clock())
        self._stepping = True
        try:
            for address, values in glide.values(share):
                self._put(address, values)
            if glide.pad_untouched:  # after the mode, which decides what the point means
                pad = glide.start.pad.toward(glide.end.pad, share)
                for command in pad.commands(self._current().pad):
                    self._point(command)
        finally:
            self._stepping = False
        if share >= 1:
            self._glide = None
