"""What describes a message: its address, its arguments, and what it is for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from latentpad.engine.parameters import FINGERS, LATENT_MAX, Parameter


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument of a message.

    `kind` is "float", "int", "switch" (0 or 1), "choice" (one of `choices`, or its index), "axis"
    (a number, or one of `choices`), "text", "name" (a text, or its number in a list) or "any".
    Numbers are within `low`...`high`. An `optional` argument may be left out. If `many`, there is
    one for each latent of the pack. "any" is any number of arguments of any kind.
    """

    name: str
    kind: str = "float"
    low: float = -math.inf
    high: float = math.inf
    unit: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False
    many: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A message that an instrument receives or sends. `help` says what it does or reports.

    In `address`, `{n}` is a finger, 1...FINGERS, and `{k}` any whole number. A `trigger` happens
    when a button is pressed: without arguments, or if the first one is above 0.
    """

    address: str
    help: str
    args: tuple[Arg, ...] = ()
    trigger: bool = False

    def addresses(self) -> Iterator[str]:
        """Its addresses in the form of `Instrument.addresses`: `*` stands for `{k}`."""
        for n in range(1, FINGERS + 1 if "{n}" in self.address else 2):
            yield self.address.replace("{n}", str(n)).replace("{k}", "*")


def parameter_command(row: Parameter) -> Command:
    """The message that sets a parameter, and that reports its value."""
    names = ("x", "y") if row.size == 2 else (row.address.rpartition("/")[2],)
    # On the board a descriptor is a number too; in a message only a latent is one.
    low, high = (0, LATENT_MAX - 1) if row.kind == "axis" else (row.low, row.high)
    args = (Arg(name, row.kind, low, high, row.unit, row.choices) for name in names)
    return Command(row.address, row.help, tuple(args))


def index(row: Parameter, help: str) -> Command:
    """The message with a choice's number."""
    return Command(row.address + "/index", help, (Arg("number", "int", 0, row.high),))


def share(name: str) -> Arg:
    return Arg(name, low=0, high=1)


def switch(name: str) -> Arg:
    return Arg(name, "switch", 0, 1)


def count(name: str) -> Arg:
    return Arg(name, "int", low=0)


def trigger(address: str, help: str, *args: Arg) -> Command:
    """A command of a button; `args` follow the press."""
    press = Arg("press", "switch", 0, 1, optional=True)
    return Command(address, help, (press, *args), trigger=True)
