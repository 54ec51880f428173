"""All that steers the sound, in one place: what a take begins with; a snapshot keeps a part of it.

The phases, envelopes and playheads of sounding voices are no part of it: a rebuilt instrument
begins its held voices anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument
from latentpad.engine.control.allocation import NOBODY, Command, HeldLoop, Sender
from latentpad.engine.parameters import GLOBAL

Values = tuple[float, ...]
Sent = tuple[str, tuple[Argument, ...], Sender]

PAD = "/pad/1/xy"
STRUCK = tuple(row.address for row in GLOBAL if row.at_note)


@dataclass(frozen=True)
class PadTarget:
    """What the pad points at: finger 1's point, the latent vector, and the faders that are not 0.

    `by` says which of them holds: the board's POINT, LATENT or LATTICE. Of the point the mode says
    whether it is an original's.
    """

    point: Values
    latent: Values
    faders: Mapping[int, float] = field(default_factory=dict)  # shares, by anchor
    by: int = b.POINT

    def toward(self, end: PadTarget, share: float) -> PadTarget:
        """The part `share` (0...1) of the way to `end`. Numbers glide where both are pointed by
        the same; what holds switches at the end."""
        if share >= 1:
            return end
        if self.by != end.by:
            return self
        glides = replace(self, point=_mixed(self.point, end.point, share))
        if self.by == b.LATENT:
            return replace(glides, latent=_mixed(self.latent, end.latent, share))
        if self.by == b.LATTICE:
            anchors = dict.fromkeys((*self.faders, *end.faders))
            ends = [(k, (self.faders.get(k, 0.0), end.faders.get(k, 0.0))) for k in anchors]
            mixed = {k: _between(*pair, share) for k, pair in ends}
            return replace(glides, faders={k: part for k, part in mixed.items() if part})
        return glides

    def commands(self, now: PadTarget) -> Iterator[Command]:
        """The commands that lead here from `now`: what holds comes last."""
        if self == now:
            return
        faders = [(k, 0.0) for k in now.faders if k not in self.faders]
        faders += [(k, share) for k, share in self.faders.items() if now.faders.get(k) != share]
        told: dict[int, list[Command]] = {
            b.POINT: [(PAD, self.point)] if self.point != now.point else [],
            b.LATENT: [("/latent", self.latent)] if self.latent != now.latent else [],
            b.LATTICE: [(f"/lattice/{k}", (share,)) for k, share in faders],
        }
        for by, commands in told.items():
            if by != self.by:
                yield from commands
        yield from told[self.by] or [self._again()]

    def _again(self) -> Command:
        """The command of what holds, which changes nothing else."""
        if self.by == b.LATENT:
            return "/latent", self.latent
        if self.by == b.LATTICE:
            k, share = next(iter(self.faders.items()), (0, 0.0))
            return f"/lattice/{k}", (share,)
        return PAD, self.point


@dataclass(frozen=True)
class InstrumentState:
    """An instrument's state. Immutable; any thread may read."""

    values: Mapping[str, tuple[Argument, ...]]  # of every row, by its address
    pad: PadTarget
    slots: Sequence[int]  # the board's faders until the last in use: anchors, -1 for a free one
    held: Sequence[HeldLoop]  # the loops that are held, in the order in which they were started

    def commands(self) -> list[Sent]:
        """What brings a fresh instrument to this state, and who is to send it.

        It starts as many sounds as are held, in their order.
        """
        return [*_Replay(self).commands()]


class _Replay:
    """The order of a state's commands. Loops keep the mode that they were started in, and what
    they were pointed by, when `/mode` changes: so it is changed here as often as it was there."""

    def __init__(self, state: InstrumentState) -> None:
        self._state = state
        self._mode: Argument = "loop"
        self._by = b.LATTICE if state.slots else b.POINT

    def commands(self) -> Iterator[Sent]:
        state = self._state
        for address, args in state.values.items():
            yield address, args if address != "/mode" else (self._mode,), NOBODY
        yield from self._faders()
        following = [each.origin for each in state.held if each.follows]
        first = following[0] if following else state.pad.by
        fresh = PadTarget(
            state.pad.point, (0.0,) * len(state.pad.latent), state.pad.faders, self._by
        )
        by = b.POINT if first == b.ORIGINAL else first
        for address, args in replace(state.pad, by=by).commands(fresh):
            yield address, args, NOBODY
        self._by = by
        origin = first
        for each in state.held:
            if each.follows and each.origin != origin:
                yield from self._originals(origin)
                yield from self._pointed_by_the_point("loop")
                origin = each.origin
            yield from ((address, args, NOBODY) for address, args in each.settings)
            yield each.address, each.args, each.sender
        yield from self._originals(origin)
        for each in state.held:
            if not each.follows and each.origin == b.ORIGINAL:
                yield from self._in_mode("original")
                xy = each.address.replace("touch", "xy")
                yield xy, state.values[xy], NOBODY
        for row in STRUCK:
            if any(row == address for each in state.held for address, _ in each.settings):
                yield row, state.values[row], NOBODY
        (mode,) = state.values["/mode"]
        if state.pad.by == b.POINT:
            yield from self._pointed_by_the_point(mode)
        else:
            yield from self._in_mode(mode)
            for address, args in state.pad.commands(replace(state.pad, by=self._by)):
                yield address, args, NOBODY

    def _faders(self) -> Iterator[Sent]:
        """The faders in the board's order, which is that of their sum. Where one is free that
        comes before others, another is set meanwhile."""
        state = self._state
        spare = (k for k in count() if k not in state.slots)
        free = []
        for k in state.slots:
            if k < 0:
                free.append(k := next(spare))
            yield f"/lattice/{k}", (state.pad.faders.get(k, 1.0),), NOBODY
        for k in free:
            yield f"/lattice/{k}", (0.0,), NOBODY

    def _originals(self, origin: int) -> Iterator[Sent]:
        """Loops of the pad that were pointed anew in the mode `original`."""
        if origin == b.ORIGINAL:
            yield from self._in_mode("original")
            yield PAD, self._state.pad.point, NOBODY

    def _pointed_by_the_point(self, mode: Argument) -> Iterator[Sent]:
        """To `mode`, with the pad's point for what is started from now on."""
        if self._by != b.POINT and mode == self._mode:
            yield from self._in_mode("shot" if mode != "shot" else "loop")
        yield from self._in_mode(mode)

    def _in_mode(self, mode: Argument) -> Iterator[Sent]:
        if mode != self._mode:
            self._mode, self._by = mode, b.POINT
            yield "/mode", (mode,), NOBODY


def _mixed(start: Values, end: Values, share: float) -> Values:
    return tuple(_between(s, e, share) for s, e in zip(start, end, strict=True))


def _between(start: float, end: float, share: float) -> float:
    return start + share * (end - start)
