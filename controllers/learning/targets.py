"""The addresses that a control can be bound to, read off the command table."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control import aliases
from latentpad.engine.control.command import Arg, Command
from latentpad.engine.control.command_table import RECEIVED
from latentpad.engine.parameter import EXPONENTIAL, LINEAR
from latentpad.engine.parameters import FINGERS, ROW, Parameter

Kind = Literal["point", "value", "switch", "trigger"]

LATENT_REACH = 3.0
"""A control moves one latent within this many standard deviations of the prior."""

SLACK = 0.05
"""Share of a range by which a control may overshoot."""

PROGRAMS = 127
"""How far a control counts where there is no end."""

CURVES = {"linear": LINEAR, "exponential": EXPONENTIAL}
"""The curves that a binding may name instead of the parameter's own."""

_NO_TARGETS = re.compile(r"/(learn(/.*)?|unlearn|sync|monitor|ping|note)")
_FINGER = re.compile(r"/pad/(\d+)/.*")


@dataclass(frozen=True, slots=True)
class Target:
    """An address that a control can set.

    A "point" takes two positions, a "value" (of `row`, or else within `low`...`high`) and a
    "switch" one. A "trigger" is carried out when the control is pressed.
    """

    address: str
    kind: Kind
    low: float = 0.0
    high: float = 1.0
    row: Parameter | None = None
    whole: bool = False

    @property
    def finger(self) -> int:
        """The finger that the address names; 1 if it names none."""
        finger = _FINGER.fullmatch(self.address)
        return int(finger[1]) if finger else 1

    @property
    def state(self) -> str:
        """The address under which its value is sent back."""
        return canonical(self.address)

    def takes(self, number: float) -> bool:
        """Whether a number is within the range, or nearly."""
        slack = SLACK * (self.high - self.low)
        return self.low - slack <= number <= self.high + slack

    def args(self, *positions: float) -> tuple[Argument, ...]:
        """The command's arguments for a control at `positions`, 0...1."""
        if self.kind == "trigger":
            return ()
        if self.kind == "point":
            return positions
        (position,) = positions
        if self.kind == "switch":
            return (int(position >= 0.5),)
        if self.row is not None:
            return self.row.show((self.row.from_unit(position),))
        value = self.low + position * (self.high - self.low)
        return (round(value) if self.whole else value,)

    def positions(self, args: Sequence[Argument]) -> tuple[float, ...]:
        """The positions, 0...1, of a control for the arguments of a command: the inverse of
        `args`."""
        if self.row is not None:
            return tuple(map(self.row.to_unit, self.row.parse(args)))
        numbers = [float(argument) for argument in args if not isinstance(argument, str)]
        width = self.high - self.low
        return tuple(min(max((number - self.low) / width, 0.0), 1.0) for number in numbers)


def target(address: str, curve: str = "") -> Target:
    """The target of an address, which may be an alias. Raises `CommandError` if no control can set
    it.

    `curve` is one of `CURVES`, or empty for the parameter's own.
    """
    for spelled in (address, address.lower()):  # names are taken in any case
        command = None if _NO_TARGETS.fullmatch(spelled) else _command(spelled)
        is_own = command is not None and (command.trigger or command not in aliases.COMMANDS)
        alias = None if is_own else aliases.find(spelled)
        if command is None and alias is not None and spelled.startswith(aliases.PRESET):
            return Target(spelled, "trigger")
        if alias is not None:
            return target(alias.address, curve)
        if command is not None:
            return _target(spelled, command, curve)
    raise CommandError(f"/learn: no control can steer {address}")


def _target(address: str, command: Command, curve: str) -> Target:
    args = [arg for arg in command.args if not arg.optional]
    if not args:
        return Target(address, "trigger")
    if len(args) == 2 and all((arg.kind, arg.low, arg.high) == ("float", 0, 1) for arg in args):
        return Target(address, "point")
    if len(args) > 1 or args[0].many:
        raise CommandError(f"/learn: {address} takes several values, a control gives one")
    if args[0].kind in ("text", "name", "any"):
        raise CommandError(f"/learn: {address} takes a name, a control gives numbers")
    row = ROW.get(command.address)
    if row is not None and curve:
        row = replace(row, curve=CURVES[curve], detents=())
    low, high = _reach(command, args[0])
    kind: Kind = "switch" if args[0].kind == "switch" else "value"
    return Target(address, kind, low, high, row, whole=args[0].kind == "int")


def canonical(address: str) -> str:
    """The address under which the value of `address` is sent back: `/pad/x` is `/pad/1/xy`."""
    match address.split("/"):
        case ["", "pad", ("x" | "y" | "xy" | "touch") as name]:
            finger = "1"
        case ["", "pad", finger, name]:
            pass
        case ["", "latent", _]:
            return "/latent"
        case _:
            return address
    return f"/pad/{finger}/{'xy' if name in ('x', 'y') else name}"


def _reach(command: Command, arg: Arg) -> tuple[float, float]:
    """The ends of a control's way. The weights of the lattice may leave 0...1, a control does
    not."""
    if command.address == "/lattice/{k}":
        return 0.0, 1.0
    if math.isfinite(arg.low):
        return arg.low, arg.high if math.isfinite(arg.high) else arg.low + PROGRAMS
    return -LATENT_REACH, LATENT_REACH


def _command(address: str) -> Command | None:
    """The entry of the command table for an address."""
    return next((c for pattern, c in _PATTERNS if pattern.fullmatch(address)), None)


def _patterns() -> Iterator[tuple[re.Pattern[str], Command]]:
    fingers = "|".join(str(n) for n in range(1, FINGERS + 1))
    for command in RECEIVED:
        pattern = re.escape(command.address).replace(r"\{n\}", f"({fingers})")
        yield re.compile(pattern.replace(r"\{k\}", r"(0|[1-9]\d{0,8})")), command


_PATTERNS = tuple(_patterns())
