"""The outcome of every command: nothing is refused without a report.

Every controller reports here what was carried out and what was not. Whoever shows it (the terminal,
the answers to senders, `/monitor`) listens. A command that was carried out without a remark costs
next to nothing, and a refused one little more: listeners limit their own rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from latentpad.controllers.no_effect import why_no_effect, why_no_note
from latentpad.controllers.osc.packet import OscArgument
from latentpad.engine import error_log
from latentpad.engine.arguments import Argument, CommandError, UnknownAddress
from latentpad.engine.control import aliases
from latentpad.engine.control.command import Arg
from latentpad.engine.control.command_table import RECEIVED
from latentpad.engine.control.instrument import Instrument, Sender
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
        self._limits = _clamping()

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
            or why_no_note(address, args, sender, self.instrument)
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
        limits = self._limits.get(address)
        if limits is None:  # an address with a number
            alias = aliases.find(address)
            limits = () if alias is None else self._limits.get(alias.address, ())
        excess = max(map(_excess, limits, args), default=0.0)
        held = (
            self.instrument.args_of(address) if excess > 0 or address.startswith(_OF_PACK) else ()
        )
        if excess > 0:
            kind = OutcomeKind.OVERSHOT if excess <= SLACK else OutcomeKind.CLAMPED
            arg = max(zip(limits, args, strict=False), key=lambda pair: _excess(*pair))[0]
            span = f"{arg.low:g}...{arg.high:g} {arg.unit}".rstrip()
            return kind, f"{f'clamped to {_shown(held)}; ' if held else 'clamped; '}it takes {span}"
        if held and any(map(_differs, held, args)):
            return OutcomeKind.CLAMPED, f"clamped to {_shown(held)}, as far as it goes"
        return OutcomeKind.DONE, ""


_OF_PACK = ("/latent", "/lattice/")
"""What is clamped further than the tables say, to what the pack has."""


def _excess(arg: Arg, argument: Argument) -> float:
    """How far a number is outside the range, as a share of it; negative within it."""
    if isinstance(argument, str):
        return 0.0
    return max(arg.low - argument, argument - arg.high) / (arg.high - arg.low)


def _differs(held: Argument, argument: Argument) -> bool:
    """Whether a value is another one than was sent. An integer was rounded."""
    if isinstance(held, str) or isinstance(argument, str):
        return held != argument
    return abs(held - argument) > (0.5 if isinstance(held, int) else 0.0)


def _clamping() -> dict[str, tuple[Arg, ...]]:
    """The arguments that are clamped, by the addresses that take them; none for other addresses."""
    return {
        address: command.args if all(map(_is_clamped, command.args)) else ()
        for command in RECEIVED
        for address in command.addresses()
    }


def _is_clamped(arg: Arg) -> bool:
    """Whether a number is clamped. A switch takes any as a yes or no; what is optional, and an
    axis, are refused outside their range."""
    ranged = math.isfinite(arg.low) and math.isfinite(arg.high)
    return ranged and arg.kind in ("float", "int", "choice") and not arg.optional


def _reason(error: str) -> str:
    """An error without the address that it begins with, which is shown beside it."""
    first, _, rest = error.partition(" ")
    if not first.startswith("/") or not rest:
        return error
    return rest if first.endswith(":") else f"it {rest}"


def _shown(args: Sequence[Argument]) -> str:
    return " ".join(f"{a:g}" if isinstance(a, float) else str(a) for a in args)
