"""The form of a learned OSC message: which arguments move, within what range, and which are
constant."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from latentpad.engine.arguments import Argument

SLACK = 0.02
"""How far a control that sends 0...1 may overshoot."""


@dataclass(frozen=True, slots=True)
class Moving:
    """An argument that moves within `low`...`high`. `role` is "value", or the coordinate of a
    point: "x" and "y", of further points in the same message "x2", "y2" and so on."""

    role: str
    low: float = 0.0
    high: float = 1.0

    def position(self, value: float) -> float:
        """The position 0...1 of a value, clamped."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def value(self, position: float) -> float:
        """The value at a position: the inverse of `position`."""
        return self.low + position * (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Constant:
    """An argument that is always the same: it tells this control from others of its address."""

    argument: Argument

    def matches(self, argument: Argument) -> bool:
        """Whether a message's argument is this one. `3` and `3.0` are the same."""
        mine = self.argument
        if isinstance(mine, str) or isinstance(argument, str):
            return mine == argument
        return math.isclose(mine, argument, rel_tol=1e-6, abs_tol=1e-6)


@dataclass(frozen=True, slots=True)
class Free:
    """An argument that changes, and steers nothing."""


Part = Moving | Constant | Free


@dataclass(frozen=True, slots=True)
class Shape:
    """The arguments of a learned message, in their order."""

    parts: tuple[Part, ...]

    @property
    def moving(self) -> tuple[Moving, ...]:
        return tuple(part for part in self.parts if isinstance(part, Moving))

    @property
    def points(self) -> int:
        """How many points a message has."""
        return sum(part.role.startswith("x") for part in self.moving)

    def read(self, args: Sequence[Argument]) -> dict[str, float] | None:
        """The values of the moving arguments by their roles; None if a message is of another
        form."""
        if len(args) != len(self.parts):
            return None
        values: dict[str, float] = {}
        for part, argument in zip(self.parts, args, strict=True):
            match part:
                case Constant():
                    if not part.matches(argument):
                        return None
                case Moving():
                    if isinstance(argument, str) or not math.isfinite(argument):
                        return None
                    values[part.role] = float(argument)
        return values

    def positions(self, values: Mapping[str, float]) -> dict[str, float]:
        """The positions 0...1 of what `read` gave."""
        return {part.role: part.position(values[part.role]) for part in self.moving}

    def write(self, positions: Mapping[str, float]) -> tuple[Argument, ...]:
        """The arguments of a message with its moving arguments at `positions`."""
        args: list[Argument] = []
        for part in self.parts:
            match part:
                case Constant():
                    args.append(part.argument)
                case Moving():
                    args.append(part.value(positions[part.role]))
                case Free():
                    args.append(0.0)
        return tuple(args)

    def swapped(self) -> Shape:
        """The same with x and y exchanged."""
        names = {"x": "y", "y": "x"}
        return Shape(
            tuple(
                replace(part, role=names.get(part.role[0], part.role[0]) + part.role[1:])
                if isinstance(part, Moving)
                else part
                for part in self.parts
            )
        )

    def __str__(self) -> str:
        return " ".join(map(_word, self.parts))


def _word(part: Part) -> str:
    match part:
        case Moving():
            return f"{part.role} {part.low:g}…{part.high:g}"
        case Constant():
            return f"{part.argument:g}" if isinstance(part.argument, float) else str(part.argument)
    return "*"


def reach(low: float, high: float) -> tuple[float, float]:
    """The range of a control that was seen between `low` and `high`: that, where it leaves 0...1.

    A control that was seen at one value only outside 0...1 reaches from 0...1 to there.
    """
    if low >= -SLACK and high <= 1 + SLACK:
        return 0.0, 1.0
    return (low, high) if low < high else (min(low, 0.0), max(high, 1.0))
