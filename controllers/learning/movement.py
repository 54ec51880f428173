"""What one address has sent while learning waits: which of its arguments move, and how far.

A moving argument takes two different values. An argument that is the same in all messages is a
constant. A whole number that jumps may count or name something.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from latentpad.controllers.learning.shape import Constant, Free, Moving, Part, Shape, reach
from latentpad.controllers.learning.targets import Target
from latentpad.engine.arguments import Argument
from latentpad.engine.parameters import FINGERS

SETTLED = 4
"""Messages after which a leading constant is one."""

_UNTAUGHT = re.compile(r"/accxyz|/ping|/\d+|.*/accxyz")  # sent unasked: tilt, life signs, pages
_AXIS = re.compile(r"(?<![A-Za-z])[xyXY](?![A-Za-z])|(?<=[a-z])[XY](?![A-Za-z])")


def teaches(address: str, target: Target) -> bool:
    """Whether messages of an address may be learned for a target.

    Not what a touch app sends by itself. The touch of a fader, `…/z`, is learned as a switch only.
    """
    is_touch = address.lower().endswith("/z")
    return not _UNTAUGHT.fullmatch(address) and not (is_touch and target.kind in ("point", "value"))


def pair(address: str) -> tuple[str, str] | None:
    """The addresses of x and y if `address` names one of them, in the order x, y."""
    *_, last = (None, *_AXIS.finditer(address))
    if last is None:
        return None
    x, y = ("x", "y") if last[0].islower() else ("X", "Y")
    head, tail = address[: last.start()], address[last.end() :]
    return f"{head}{x}{tail}", f"{head}{y}{tail}"


class Movement:
    """The messages of one address with one number of arguments. One thread at a time."""

    def __init__(self, args: Sequence[Argument]) -> None:
        self.last = tuple(args)
        self._count = 1
        self._numbers = [k for k, a in enumerate(args) if not isinstance(a, str)]
        self._low = {k: float(args[k]) for k in self._numbers}
        self._high = dict(self._low)
        self._fractional = {k for k in self._numbers if not _whole(args[k])}

    def continues(self, args: Sequence[Argument], shape: Shape) -> bool:
        """Whether a message may be of this control: of the same form, and with the same constants
        as `shape`, but for fractions that begin to move.

        A constant before the moving arguments does so only within the first messages.
        """
        if len(args) != len(self.last) or not _finite(args):
            return False
        is_before = self._count >= SETTLED
        for k, (before, now) in enumerate(zip(self.last, args, strict=True)):
            part = shape.parts[k]
            if isinstance(part, Moving):
                is_before = False
            if isinstance(before, str) or isinstance(now, str):
                if before != now:
                    return False
            elif isinstance(part, Constant) and now != before:
                jumps = _whole(now) and _whole(before)
                if is_before or jumps:
                    return False
        return True

    def add(self, args: Sequence[Argument]) -> None:
        """Note a message that `continues`."""
        self.last = tuple(args)
        self._count += 1
        for k in self._numbers:
            value = float(args[k])
            self._low[k], self._high[k] = min(self._low[k], value), max(self._high[k], value)
            if not _whole(value):
                self._fractional.add(k)

    @property
    def moved(self) -> list[int]:
        """The places of the arguments that have taken two different values."""
        return [k for k in self._numbers if self._low[k] < self._high[k]]

    def shape(self, target: Target, *, axis: bool = False) -> Shape | None:
        """The form in which these messages can steer `target`; None while that is not known.

        `axis` says that the address names one coordinate of a pair.
        """
        match target.kind:
            case "point" if not axis:
                return self._pointing(target.finger)
            case "trigger":
                return self._pressing()
            case "switch" if self._is_press():
                return self._with({self._numbers[-1]: "value"})
            case "switch" if len(self._fractional.intersection(self.moved)) > 1:
                return None  # a pad that is played
        moved = [k for k in self.moved if k in self._fractional] or self.moved
        if len(moved) == 2 and target.address.endswith("/y") and not axis:
            moved = moved[1:]  # of a pad, the coordinate that is asked for
        return self._with({moved[0]: "value"}) if moved else None

    def needs(self, target: Target, address: str) -> str:
        """What is missing, for the performer; empty if the control has only to move on."""
        if target.kind == "point" and len(self._numbers) < 2:
            return f"{address} sends one number, {target.address} takes two"
        if not self._numbers and target.kind != "trigger":
            return f"{address} sends no number"
        return ""

    def _pointing(self, finger: int) -> Shape | None:
        moved = self.moved
        by_fractions = [k for k in moved if k in self._fractional]
        if len(moved) % 2 and len(by_fractions) > 1:  # a number that counts touches, perhaps
            moved = by_fractions
        floats = [k for k in self._numbers if isinstance(self.last[k], float)]
        if len(moved) == 1:
            alike = self._numbers if len(floats) in (0, len(self._numbers)) else floats
            two = alike if len(alike) == 2 else []
            moved = two if moved[0] in two else []
        count = min(len(moved) // 2, FINGERS + 1 - finger)
        if not count:
            return None
        names = [f"{axis}{n if n > 1 else ''}" for n in range(1, count + 1) for axis in "xy"]
        return self._with(dict(zip(moved, names, strict=False)))

    def _pressing(self) -> Shape | None:
        """A press: no number, a constant, or a number that has been 0, or moved."""
        if not self._numbers:
            return self._with({})
        moved, k = self.moved, self._numbers[-1]
        if len(moved) > 1 or (k in self._fractional and len(self._fractional) > 1):
            return None  # a pad that is played
        if moved:
            return self._with({moved[0]: "value"})
        value = float(self.last[k])
        if value <= 0 or (not _whole(value) and self._count < 2):
            return None  # released, or a fader on its way
        return self._with({k: "value"} if value == 1 else {})

    def _is_press(self) -> bool:
        """Whether a button has sent its first 1."""
        return bool(self._numbers) and not self.moved and self.last[self._numbers[-1]] == 1

    def _with(self, roles: dict[int, str]) -> Shape:
        moved = set(self.moved)
        parts: list[Part] = []
        for k, argument in enumerate(self.last):
            if k in roles:
                parts.append(Moving(roles[k], *reach(self._low[k], self._high[k])))
            else:
                parts.append(Free() if k in moved else Constant(argument))
        return Shape(tuple(parts))


def _finite(args: Sequence[Argument]) -> bool:
    return all(isinstance(argument, str) or math.isfinite(argument) for argument in args)


def _whole(argument: Argument) -> bool:
    return not isinstance(argument, str) and float(argument).is_integer()
