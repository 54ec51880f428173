"""The outcome of every command: nothing is refused without a report.

Every controller reports here what was carried out and what was not. Whoever shows it (the terminal,
the answers to senders, `/monitor`) listens. A command that was carried out without a remark costs
next to nothing, and a refused one little more: listeners limit their own rates.
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
"""Share of a range by which a control may overshoot without a message."""

MOST_SHOWN = 120
"""Characters of an address, and of a reason, that are sent back."""

OWN = ("/heard", "/refused", "/meter/")
"""Addresses that the instrument itself sends. They get no answer: two instruments would answer each
other for ever."""


class OutcomeKind(Enum):
    """The kinds of outcomes."""

    DONE = auto()
    IDLE = auto()  # carried out, but not heard in the present state
    OVERSHOT = auto()  # carried out, clamped by no more than `SLACK`
    CLAMPED = auto()  # carried out, clamped by more
    REFUSED = auto()
    UNKNOWN = auto()  # refused: no such address
    UNBOUND = auto()  # what a MIDI control sends, and nothing is bound to it
    MALFORMED = auto()  # bytes that are not OSC


class Outcome(NamedTuple):
    """A command and its outcome. `reason` is one line for a person, empty if `DONE`.

    If the kind is `MALFORMED`, the address is empty. The only argument is the packet's bytes, or
    there is none if only one element of a bundle was malformed.
    """

    kind: OutcomeKind
    address: str
    args: tuple[OscArgument, ...]
    sender: Sender
    reason: str = ""


def reply(outcome: Outcome, instrument: Instrument) -> Iterator[tuple[str, tuple[Argument, ...]]]:
    """The commands that go back to the sender: the present value, and why a command was refused.

    A fader that was turned too far returns to the value that is heard.
    """
    if outcome.kind in (OutcomeKind.IDLE, OutcomeKind.UNBOUND, OutcomeKind.MALFORMED):
        return
    if outcome.kind is not OutcomeKind.UNKNOWN and (values := instrument.args_of(outcome.address)):
        yield outcome.address, values
    if outcome.kind in (OutcomeKind.REFUSED, OutcomeKind.UNKNOWN):
        args = printable(outcome.address, MOST_SHOWN), printable(outcome.reason, MOST_SHOWN)
        yield "/refused", args


Listener = Callable[[Outcome], None]


class Outcomes:
    """Receives the outcomes from the controllers. Any thread; listeners must not wait.

    `listeners` are called with all outcomes except `DONE`, `watchers` with all. `refused` counts
    commands without effect.
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
        """Report the outcome of a command: the `OutcomeCallback` of `Instrument.carry_out`.

        An error that is no `CommandError` also goes to the error log.
        """
        if error is None:
            self.done(address, args, sender)
        else:
            self.refuse(address, args, sender, error)

    def done(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        """Report a command that was carried out."""
        kind, reason = self._compare(address, args)
        if kind is OutcomeKind.DONE and (
            reason := why_no_effect(address, args, self.instrument.value)
        ):
            kind = OutcomeKind.IDLE
        if kind is not OutcomeKind.DONE or self.watchers:
            self._publish(Outcome(kind, address, tuple(args), sender, reason))

    def refuse(
        self, address: str, args: Sequence[OscArgument], sender: Sender, error: Exception
    ) -> None:
        """Report a command that was not carried out.

        An error that is no `CommandError` is a fault of the program: it goes to the error log.
        """
        mendable = isinstance(error, CommandError)
        if not mendable:
            error_log.report(error)
        self.refused += 1
        if address.startswith(OWN):
            return
        kind = OutcomeKind.UNKNOWN if isinstance(error, UnknownAddress) else OutcomeKind.REFUSED
        reason = _reason(str(error)) if mendable else "a fault of latentpad; it is in its log"
        self._publish(Outcome(kind, address, tuple(args), sender, reason))

    def unbound(self, control: str, args: Sequence[Argument], sender: Sender) -> None:
        """Report what a MIDI control has sent that nothing is bound to."""
        self.refused += 1
        reason = "bound to nothing; send /learn ADDRESS, and move it, to bind it"
        self._publish(Outcome(OutcomeKind.UNBOUND, control, tuple(args), sender, reason))

    def malformed(self, data: bytes | None, sender: Sender, reason: str) -> None:
        """Report a packet that is not OSC, or, without its data, an element of a bundle."""
        self.refused += 1
        args = () if data is None else (data,)
        self._publish(Outcome(OutcomeKind.MALFORMED, "", args, sender, reason))

    def _publish(self, outcome: Outcome) -> None:
        if outcome.kind is not OutcomeKind.DONE:
            for listener in self.listeners:
                listener(outcome)
        for watcher in self.watchers:
            watcher(outcome)

    def _compare(self, address: str, args: Sequence[Argument]) -> tuple[OutcomeKind, str]:
        """Compare the arguments with the present value: the kind of the outcome, and its reason."""
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
            values = _shown(self.instrument.args_of(address))
            span = f"{row.low:g}...{row.high:g} {row.unit}".rstrip()
            return kind, f"clamped to {values}; it takes {span}"
        if address.startswith(("/latent", "/lattice/")):
            held_args = self.instrument.args_of(address)
            if held_args and held_args != tuple(args):
                return OutcomeKind.CLAMPED, f"clamped to {_shown(held_args)}, as far as it goes"
        return OutcomeKind.DONE, ""


def _excess(row: Parameter, argument: Argument) -> float:
    """How far a number is outside the row's range; negative within it."""
    if isinstance(argument, str):
        return 0.0
    return max(row.low - argument, argument - row.high)


def _clamping() -> dict[str, Parameter]:
    """The rows whose numbers are clamped, by every address that sets them.

    A switch is not among them: it takes any number as a yes or no.
    """
    rows = {row.address: row for row in GLOBAL if row.kind != "switch"}
    point = ROW["/pad/{n}/xy"]
    for n in range(1, FINGERS + 1):
        rows |= {row.address.format(n=n): row for row in FINGER if row.kind != "switch"}
        rows |= {f"/pad/{n}/{axis}": point for axis in "xy"}
    return rows | {f"/pad/{name}": point for name in ("xy", "x", "y")}


def _reason(error: str) -> str:
    """An error without the address that it begins with, which is shown beside it."""
    first, _, rest = error.partition(" ")
    if not first.startswith("/") or not rest:
        return error
    return rest if first.endswith(":") else f"it {rest}"


def _shown(args: Sequence[Argument]) -> str:
    return " ".join(f"{a:g}" if isinstance(a, float) else str(a) for a in args)
