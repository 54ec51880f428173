"""What became of each command that a controller heard: nothing is refused in silence.

Every controller says here what was carried out and what was not; whoever tells of it (the
terminal, the sender, those who watch) listens. What was carried out as it came costs next to
nothing, and what was refused little more: a flood is told of by those who listen, at their pace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from latentpad.controllers.no_effect import why_no_effect
from latentpad.controllers.osc.packet import OscArgument
from latentpad.engine import error_log
from latentpad.engine.arguments import Argument, CommandError, UnknownAddress
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.parameters import FINGER, FINGERS, GLOBAL, ROW, Parameter
from latentpad.models.text import printable

SLACK = 0.05
"""Of its range: what a control may overshoot and mean it."""

MOST_SHOWN = 120
"""Characters of an address, and of a reason, that go back."""

OWN = ("/heard", "/refused", "/meter/")
"""What the instrument itself sends. Where it comes back, as between two instruments, an answer
would be answered for ever."""


class OutcomeKind(Enum):
    """What became of a command."""

    DONE = auto()
    IDLE = auto()  # carried out, and not heard as things are
    OVERSHOT = auto()  # carried out, clamped by a little
    CLAMPED = auto()  # carried out, clamped by more than a control overshoots
    REFUSED = auto()
    UNKNOWN = auto()  # refused: there is no such address
    MALFORMED = auto()  # bytes that are no OSC


class Outcome(NamedTuple):
    """One command and what became of it. `reason` is one line for a person, nothing if `DONE`.

    Of a malformed packet the address is empty, and its bytes are the only argument; of a part of a
    bundle there is none.
    """

    kind: OutcomeKind
    address: str
    args: tuple[OscArgument, ...]
    sender: Sender
    reason: str = ""


def reply(outcome: Outcome, instrument: Instrument) -> Iterator[tuple[str, tuple[Argument, ...]]]:
    """What goes back to the sender, as commands: the value that holds, and why it was refused.

    A fader that was turned too far springs to what is heard.
    """
    if outcome.kind in (OutcomeKind.IDLE, OutcomeKind.MALFORMED):
        return
    if outcome.kind is not OutcomeKind.UNKNOWN and (held := instrument.args_of(outcome.address)):
        yield outcome.address, held
    if outcome.kind in (OutcomeKind.REFUSED, OutcomeKind.UNKNOWN):
        shown = printable(outcome.address, MOST_SHOWN), printable(outcome.reason, MOST_SHOWN)
        yield "/refused", shown


Listener = Callable[[Outcome], None]


class Outcomes:
    """Where controllers say what became of what they heard. Any thread; listeners must not wait.

    `listeners` are called with all but what was carried out as it came, `watchers` with that too.
    `refused` counts what had no effect.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.listeners: list[Listener] = []
        self.watchers: list[Listener] = []
        self.refused = 0
        self._rows = _clamping()

    def report(
        self, address: str, args: Sequence[Argument], sender: Sender, error: Exception | None
    ) -> None:
        """What `Instrument.carry_out` says of a command: its `OutcomeCallback`. An error that is
        no `CommandError` goes to the log of faults too."""
        if error is None:
            self.done(address, args, sender)
        else:
            self.refuse(address, args, sender, error)

    def done(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        """A command was carried out."""
        kind, reason = self._changed(address, args)
        if kind is OutcomeKind.DONE and (
            reason := why_no_effect(address, args, self.instrument.value)
        ):
            kind = OutcomeKind.IDLE
        if kind is not OutcomeKind.DONE or self.watchers:
            self._tell(Outcome(kind, address, tuple(args), sender, reason))

    def refuse(
        self, address: str, args: Sequence[OscArgument], sender: Sender, error: Exception
    ) -> None:
        """A command was not carried out. What is no `CommandError` is a fault of ours: it goes to
        the log."""
        mendable = isinstance(error, CommandError)
        if not mendable:
            error_log.report(error)
        self.refused += 1
        if address.startswith(OWN):
            return
        kind = OutcomeKind.UNKNOWN if isinstance(error, UnknownAddress) else OutcomeKind.REFUSED
        reason = _reason(str(error)) if mendable else "a fault of latentpad; it is in its log"
        self._tell(Outcome(kind, address, tuple(args), sender, reason))

    def malformed(self, data: bytes | None, sender: Sender, reason: str) -> None:
        """A packet was none, or (without its data) a part of a bundle."""
        self.refused += 1
        args = () if data is None else (data,)
        self._tell(Outcome(OutcomeKind.MALFORMED, "", args, sender, reason))

    def _tell(self, outcome: Outcome) -> None:
        if outcome.kind is not OutcomeKind.DONE:
            for listener in self.listeners:
                listener(outcome)
        for watcher in self.watchers:
            watcher(outcome)

    def _changed(self, address: str, args: Sequence[Argument]) -> tuple[OutcomeKind, str]:
        """Whether what was asked for is what holds now."""
        row = self._rows.get(address)
        if row is not None:
            excess = max((_excess(row, argument) for argument in args), default=0.0)
            if excess <= 0:
                return OutcomeKind.DONE, ""
            kind = (
                OutcomeKind.OVERSHOT
                if excess <= SLACK * (row.high - row.low)
                else OutcomeKind.CLAMPED
            )
            held = _shown(self.instrument.args_of(address))
            span = f"{row.low:g}...{row.high:g} {row.unit}".rstrip()
            return kind, f"clamped to {held}; it takes {span}"
        if address.startswith(("/latent", "/lattice/")):
            held_args = self.instrument.args_of(address)
            if held_args and held_args != tuple(args):
                return OutcomeKind.CLAMPED, f"clamped to {_shown(held_args)}, as far as it goes"
        return OutcomeKind.DONE, ""


def _excess(row: Parameter, argument: Argument) -> float:
    """How far a number lies outside the row's range; below 0 within."""
    if isinstance(argument, str):
        return 0.0
    return max(row.low - argument, argument - row.high)


def _clamping() -> dict[str, Parameter]:
    """The rows whose numbers are clamped, by every address that sets them. A switch takes any
    number for a yes or no."""
    rows = {row.address: row for row in GLOBAL if row.kind != "switch"}
    point = ROW["/pad/{n}/xy"]
    for n in range(1, FINGERS + 1):
        rows |= {row.address.format(n=n): row for row in FINGER if row.kind != "switch"}
        rows |= {f"/pad/{n}/{axis}": point for axis in "xy"}
    return rows | {f"/pad/{name}": point for name in ("xy", "x", "y")}


def _reason(error: str) -> str:
    """An error without the address it begins with, which is told beside it."""
    first, _, rest = error.partition(" ")
    if not first.startswith("/") or not rest:
        return error
    return rest if first.endswith(":") else f"it {rest}"


def _shown(args: Sequence[Argument]) -> str:
    return " ".join(f"{a:g}" if isinstance(a, float) else str(a) for a in args)
