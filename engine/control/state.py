"""The state: everything that affects the sound. A take begins with it; a snapshot keeps a part.

Phases, envelopes and playheads of sounding voices are not part of it: an instrument that is brought
to a state starts its held voices again.
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
SentCommand = tuple[str, tuple[Argument, ...], Sender]

PAD, NOTE = "/pad/1/xy", "/note"
NOTE_ROWS = tuple(row.address for row in GLOBAL if row.at_note)


def is_of_note(address: str) -> bool:
    """Whether a command starts, shapes or releases a note, which belongs to its sender."""
    return address == NOTE or address[len(NOTE) + 1 : len(NOTE) + 2].isdecimal()


@dataclass(frozen=True)
class PadTarget:
    """What the pad points at: finger 1's point, the latent vector, and the lattice weights that are
    not 0.

    `origin` says which of them is used: the board's POINT, LATENT or LATTICE. Whether a POINT is an
    original depends on the mode.
    """

    point: Values
    latent: Values
    weights: Mapping[int, float] = field(default_factory=dict)  # by anchor
    origin: int = b.POINT

    def toward(self, end: PadTarget, share: float) -> PadTarget:
        """The target at the part `share` (0...1) of a glide to `end`. Numbers glide if both have
        the same origin; otherwise the target switches at the end."""
        if share >= 1:
            return end
        if self.origin != end.origin:
            return self
        moved = replace(self, point=_mixed(self.point, end.point, share))
        if self.origin == b.LATENT:
            return replace(moved, latent=_mixed(self.latent, end.latent, share))
        if self.origin == b.LATTICE:
            anchors = dict.fromkeys((*self.weights, *end.weights))
            ends = [(k, (self.weights.get(k, 0.0), end.weights.get(k, 0.0))) for k in anchors]
            mixed = {k: _between(*pair, share) for k, pair in ends}
            return replace(moved, weights={k: part for k, part in mixed.items() if part})
        return moved

    def commands(self, now: PadTarget) -> Iterator[Command]:
        """The commands that lead from `now` to this target. The one for the origin comes last."""
        if self == now:
            return
        weights = [(k, 0.0) for k in now.weights if k not in self.weights]
        weights += [(k, share) for k, share in self.weights.items() if now.weights.get(k) != share]
        commands_by_origin: dict[int, list[Command]] = {
            b.POINT: [(PAD, self.point)] if self.point != now.point else [],
            b.LATENT: [("/latent", self.latent)] if self.latent != now.latent else [],
            b.LATTICE: [(f"/lattice/{k}", (share,)) for k, share in weights],
        }
        for origin, commands in commands_by_origin.items():
            if origin != self.origin:
                yield from commands
        yield from commands_by_origin[self.origin] or [self._restate()]

    def _restate(self) -> Command:
        """The command that selects the origin and changes nothing else."""
        if self.origin == b.LATENT:
            return "/latent", self.latent
        if self.origin == b.LATTICE:
            k, share = next(iter(self.weights.items()), (0, 0.0))
            return f"/lattice/{k}", (share,)
        return PAD, self.point


@dataclass(frozen=True)
class InstrumentState:
    """An instrument's state. Immutable; any thread may read."""

    values: Mapping[str, tuple[Argument, ...]]  # of every row, by address
    pad: PadTarget
    lattice_slots: Sequence[int]  # anchors, up to the last slot in use; -1: a free slot
    held: Sequence[HeldLoop]  # in the order in which they were started

    def commands(self) -> list[SentCommand]:
        """The commands that bring a new instrument to this state, and their senders.

        They start as many sounds as are held, in the same order.
        """
        return [*_Replay(self).commands()]


class _Replay:
    """The order of a state's commands. A loop keeps the mode and the origin with which it was
    started when `/mode` changes later, so the commands change the mode as often as needed."""

    def __init__(self, state: InstrumentState) -> None:
        self._state = state
        self._mode: Argument = "loop"
        self._origin = b.LATTICE if state.lattice_slots else b.POINT

    def commands(self) -> Iterator[SentCommand]:
        state = self._state
        for address, args in state.values.items():
            yield address, args if address != "/mode" else (self._mode,), NOBODY
        yield from self._weights()
        following = [loop.origin for loop in state.held if loop.follows]
        first = following[0] if following else state.pad.origin
        fresh = PadTarget(
            state.pad.point, (0.0,) * len(state.pad.latent), state.pad.weights, self._origin
        )
        pad_origin = b.POINT if first == b.ORIGINAL else first
        for address, args in replace(state.pad, origin=pad_origin).commands(fresh):
            yield address, args, NOBODY
        self._origin = pad_origin
        origin = first
        for loop in state.held:
            if loop.follows and loop.origin != origin:
                yield from self._originals(origin)
                yield from self._with_point_origin("loop")
                origin = loop.origin
            yield from ((address, args, NOBODY) for address, args in loop.settings)
            yield loop.address, loop.args, loop.sender
            yield from ((address, args, loop.sender) for address, args in loop.shaping)
        yield from self._originals(origin)
        for loop in state.held:
            if not loop.follows and loop.origin == b.ORIGINAL:
                yield from self._in_mode("original")
                if loop.address == NOTE:
                    yield from (
                        (address, args, loop.sender)
                        for address, args in loop.shaping
                        if address.endswith("/xy")
                    )
                    continue
                xy = loop.address.replace("touch", "xy")
                yield xy, state.values[xy], NOBODY
        for row in NOTE_ROWS:
            if any(row == address for loop in state.held for address, _ in loop.settings):
                yield row, state.values[row], NOBODY
        (mode,) = state.values["/mode"]
        if state.pad.origin == b.POINT:
            yield from self._with_point_origin(mode)
        else:
            yield from self._in_mode(mode)
            for address, args in state.pad.commands(replace(state.pad, origin=self._origin)):
                yield address, args, NOBODY

    def _weights(self) -> Iterator[SentCommand]:
        """The lattice weights in the order of the board's slots, because that is the order of
        their sum. Slots that are free are filled meanwhile."""
        state = self._state
        spare = (k for k in count() if k not in state.lattice_slots)
        free = []
        for k in state.lattice_slots:
            if k < 0:
                free.append(k := next(spare))
            yield f"/lattice/{k}", (state.pad.weights.get(k, 1.0),), NOBODY
        for k in free:
            yield f"/lattice/{k}", (0.0,), NOBODY

    def _originals(self, origin: int) -> Iterator[SentCommand]:
        """Point the pad's loops again in the mode `original`, if their origin is that."""
        if origin == b.ORIGINAL:
            yield from self._in_mode("original")
            yield PAD, self._state.pad.point, NOBODY

    def _with_point_origin(self, mode: Argument) -> Iterator[SentCommand]:
        """Change to `mode`, with the pad's point as the origin of what is started from now on."""
        if self._origin != b.POINT and mode == self._mode:
            yield from self._in_mode("shot" if mode != "shot" else "loop")
        yield from self._in_mode(mode)

    def _in_mode(self, mode: Argument) -> Iterator[SentCommand]:
        if mode != self._mode:
            self._mode, self._origin = mode, b.POINT
            yield "/mode", (mode,), NOBODY


def _mixed(start: Values, end: Values, share: float) -> Values:
    return tuple(_between(s, e, share) for s, e in zip(start, end, strict=True))


def _between(start: float, end: float, share: float) -> float:
    return start + share * (end - start)
