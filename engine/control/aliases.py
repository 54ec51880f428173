"""Other addresses of commands, as real controllers send them: buttons, 0...1 faders, common pads.

| address | stands for |
| --- | --- |
| `/mode/shot`, and so for each name of a choice | `/mode shot`, when it is pressed |
| `/mode/index`, and so for each choice | `/mode`, by number |
| `/n/gain`, and so for each row but `/axes` | `/gain`, from 0...1 over its range, by its curve |
| `/preset/walk`, and so for each preset | `/preset walk`, when it is pressed |
| `/pad/2/xy/x`, `/pad/2/xy/y`, `/pad/2/xy/z` | `/pad/2/x`, `/pad/2/y`, `/pad/2/touch` |
| `/multixy/2`, `/multixy1/2` | `/pad/2/xy` |

They are taken wherever a command is. What is stored and told is the command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from latentpad.engine.arguments import Argument, CommandError, finite, pressed
from latentpad.engine.control.command import (
    Command,
    index,
    parameter_command,
    share,
    switch,
    trigger,
)
from latentpad.engine.parameters import FINGERS, TABLE, Parameter

NORMALISED = "/n"
PRESET = "/preset/"

Args = Sequence[Argument]


def _same(args: Args) -> Args:
    return args


@dataclass(frozen=True, slots=True)
class Alias:
    """Another address of the command `address`. `read` gives the command's arguments, or None for
    the release of a button; `show` gives the alias's arguments for a value of the command."""

    address: str
    read: Callable[[Args], Args | None] = _same
    show: Callable[[Args], Args] = _same


def find(address: str) -> Alias | None:
    """The alias of this address; None if it is none."""
    alias = ALIASES.get(address)
    if alias is None and address.startswith(PRESET):
        return _button(address, "/preset", address.removeprefix(PRESET))
    if alias is None and (match := _MULTIXY.fullmatch(address)):
        return Alias(f"/pad/{int(match[1])}/{_PARTS[match[2]]}")
    return alias


def forms(address: str, args: Args) -> Iterator[tuple[str, Args]]:
    """The other addresses and arguments under which a value is sent to everyone."""
    for other in _TOLD.get(address, ()):
        yield other, ALIASES[other].show(args) if other in ALIASES else args


def _button(alias: str, address: str, name: str) -> Alias:
    return Alias(
        address,
        lambda args: (name,) if pressed(alias, args) else None,
        lambda args: (int(args[0] == name),),
    )


def _index(row: Parameter) -> Alias:
    return Alias(row.address, show=lambda args: tuple(int(v) for v in row.parse(args)))


def _normalised(row: Parameter, address: str) -> Alias:
    alias = NORMALISED + address

    def read(args: Args) -> Args:
        if len(args) != row.size:
            raise CommandError(f"{alias} takes {row.size} argument(s), got {len(args)}")
        return row.show([row.from_unit(finite(alias, argument)) for argument in args])

    def show(args: Args) -> Args:
        return tuple(row.to_unit(value) for value in row.parse(args))

    return Alias(address, read, show)


def _of_choice(row: Parameter) -> Iterator[tuple[Command, Alias]]:
    """A choice's number, and a button for each of its names."""
    yield index(row, f"`{row.address}` by its number"), _index(row)
    for name in row.choices:
        command = trigger(f"{row.address}/{name}", f"`{row.address} {name}`")
        yield command, _button(command.address, row.address, name)


def _normalised_command(row: Parameter) -> Command:
    args = tuple(share(arg.name) for arg in parameter_command(row).args)
    return Command(NORMALISED + row.address, f"`{row.address}`, from 0…1 over its range", args)


_PAD_PARTS = (("xy/x", "x"), ("xy/y", "y"), ("xy/z", "touch"), ("z", "touch"))
_PAD_COMMANDS = tuple(
    Command(
        f"{stem}/{last}", f"`{stem}/{part}`", (switch(part) if part == "touch" else share(part),)
    )
    for stem in ("/pad", "/pad/{n}")
    for last, part in _PAD_PARTS
)
_CHOICES = {row.address: tuple(_of_choice(row)) for row in TABLE if row.kind == "choice"}
_NORMALISED = tuple(row for row in TABLE if row.kind != "axis")

COMMANDS: tuple[Command, ...] = (
    *(command for pairs in _CHOICES.values() for command, _ in pairs),
    *map(_normalised_command, _NORMALISED),
    *_PAD_COMMANDS,
)
"""What describes the aliases, but for those that `find` knows by a pattern."""


def _aliases() -> Iterator[tuple[str, Alias]]:
    for pairs in _CHOICES.values():
        yield from ((command.address, alias) for command, alias in pairs)
    for row in _NORMALISED:
        for n in range(1, FINGERS + 1 if row.per_finger else 2):
            address = row.address.format(n=n)
            yield NORMALISED + address, _normalised(row, address)
    for stem in ("/pad", *(f"/pad/{n}" for n in range(1, FINGERS + 1))):
        for last, part in _PAD_PARTS:
            yield f"{stem}/{last}", Alias(f"{stem}/{part}")


_PARTS = {None: "xy", "x": "x", "y": "y", "z": "touch"}
_MULTIXY = re.compile(r"/multixy\d{0,3}/(\d{1,3})(?:/([xyz]))?", re.ASCII)

ALIASES: dict[str, Alias] = dict(_aliases())
"""The aliases by their addresses, but for those that `find` knows by a pattern."""

_TOLD: dict[str, tuple[str, ...]] = {
    "/pad/1/xy": ("/pad/xy",),
    **{address: (f"{address}/index",) for address in _CHOICES},
}
