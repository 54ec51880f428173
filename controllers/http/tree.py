"""The instrument as an OSCQuery tree: one node for each part of an address.

It is made from the tables of parameters and commands whenever it is asked for, so it fits the pack
that is played. Source: OSCQuery proposal (github.com/Vidvox/OSCQueryProposal).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from latentpad.controllers.osc.dispatch import numbers
from latentpad.engine.arguments import Argument
from latentpad.engine.control.command_table import PARAMETERS, RECEIVED, SENT, Arg, Command
from latentpad.engine.control.instrument import Instrument

Node = dict[str, Any]

READ, WRITE = 1, 2
ATTRIBUTES = (
    "FULL_PATH", "CONTENTS", "TYPE", "ACCESS", "VALUE", "RANGE", "DESCRIPTION", "UNIT", "CLIPMODE",
    "OVERLOADS",
)  # fmt: skip
EXTENSIONS = ("ACCESS", "VALUE", "RANGE", "DESCRIPTION", "UNIT", "CLIPMODE", "OVERLOADS")
"""The optional attributes that nodes have."""

_TAGS = {"float": "f", "int": "i", "switch": "T"}  # others are strings
_UNITS = {"dB": "gain.db", "s": "time.second", "Hz": "time.hz"}


@dataclass
class Method:
    """An address that takes or gives values."""

    command: Command
    access: int = 0


class Tree:
    """The tree of an instrument. One thread."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._space: tuple[int, ...] = ()
        self._known: dict[str, Method] = {}

    def node(self, path: str) -> Node | None:
        """The node at a path with all below it; None if there is none."""
        root: Node = {"FULL_PATH": "/", "ACCESS": 0, "CONTENTS": {}}
        values = self._values()
        for address, method in self._methods().items():
            node = root
            for name in address[1:].split("/"):
                contents = node.setdefault("CONTENTS", {})
                full_path = f"{node['FULL_PATH'].rstrip('/')}/{name}"
                node = contents.setdefault(name, {"FULL_PATH": full_path, "ACCESS": 0})
            node |= self._attributes(method, values.get(address))
        for name in path.strip("/").split("/") if path.strip("/") else ():
            if name not in root.get("CONTENTS", {}):
                return None
            root = root["CONTENTS"][name]
        return root

    def addresses(self, path: str) -> list[str]:
        """The addresses at a path and below it."""
        stem = path.rstrip("/") + "/"
        return [a for a in self._methods() if a == path or a.startswith(stem)]

    def typed(self, address: str, args: Sequence[Argument]) -> tuple[Argument, ...]:
        """A message's arguments in the types that the node of the address names."""
        method = self._methods().get(address)
        return tuple(args) if method is None else _typed(method.command, args)

    def values_of(self, addresses: Sequence[str]) -> dict[str, tuple[Argument, ...]]:
        """The present values of those addresses that have one."""
        values = self._values()
        return {address: values[address] for address in addresses if address in values}

    def _values(self) -> dict[str, tuple[Argument, ...]]:
        with self._instrument.frozen():
            return dict(self._instrument.sync_messages())

    def _methods(self) -> dict[str, Method]:
        """The methods by their addresses."""
        space = (self._instrument.latent_dim, self._instrument.anchors)
        if space != self._space:
            self._space, self._known = space, self._all_methods()
        return self._known

    def _all_methods(self) -> dict[str, Method]:
        methods: dict[str, Method] = {}
        for commands, access in ((RECEIVED, WRITE), (SENT, READ)):
            for command in commands:
                if access == READ and any(arg.kind == "any" for arg in command.args):
                    continue  # it has no type
                for address in self._addresses(command):
                    methods.setdefault(address, Method(command)).access |= access
        return methods

    def _addresses(self, command: Command) -> Iterator[str]:
        for form in command.addresses():
            for number in numbers(self._instrument, form) if "*" in form else (0,):
                yield form.replace("*", str(number))

    def _attributes(self, method: Method, value: Sequence[Argument] | None) -> Node:
        command = method.command
        typed_args = [arg for arg in command.args if arg.kind != "any"]
        required = [arg for arg in typed_args if not arg.optional]
        node: Node = {"ACCESS": method.access, "DESCRIPTION": command.help}
        node["TYPE"] = self._type(required) or "I"
        if value is not None:
            typed = _typed(command, value)
            node["VALUE"] = list(typed)
            if any(arg.kind == "switch" for arg in required):
                node["TYPE"] = "".join("T" if each else "F" for each in typed)
        ranges = [self._range(arg) for arg in self._each(required)]
        if any(ranges):
            node["RANGE"] = ranges
        units = [_UNITS.get(arg.unit, arg.unit) or None for arg in self._each(required)]
        if any(units):
            node["UNIT"] = units
        if command in PARAMETERS and all(arg.kind in ("float", "int") for arg in required):
            node["CLIPMODE"] = ["both"] * len(required)
        if len(required) < len(typed_args):
            node["OVERLOADS"] = [
                {"TYPE": self._type(typed_args), "RANGE": [*map(self._range, typed_args)]}
            ]
        return node

    def _type(self, args: Sequence[Arg]) -> str:
        return "".join(_TAGS.get(arg.kind, "s") for arg in self._each(args))

    def _each(self, args: Sequence[Arg]) -> list[Arg]:
        """The arguments, one for each latent of the pack where there are many."""
        dim = self._instrument.latent_dim
        return [arg for arg in args for _ in range(dim if arg.many else 1)]

    def _range(self, arg: Arg) -> Node | None:
        if arg.kind == "axis":
            return {"VALS": [*arg.choices, *map(str, range(self._instrument.latent_dim))]}
        if arg.kind == "choice":
            return {"VALS": [*arg.choices]}
        ends = {"MIN": arg.low, "MAX": arg.high} if arg.kind in ("float", "int") else {}
        return {name: end for name, end in ends.items() if math.isfinite(end)} or None


def _typed(command: Command, args: Sequence[Argument]) -> tuple[Argument, ...]:
    if len(args) != len(command.args):
        return tuple(args)
    return tuple(_as(arg.kind, value) for arg, value in zip(command.args, args, strict=True))


def _as(kind: str, value: Argument) -> Argument:
    if kind == "switch":
        return bool(value)
    if kind == "axis":
        return str(value)
    return float(value) if kind == "float" and not isinstance(value, str) else value
