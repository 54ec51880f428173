"""One parameter: its type, its range, and the effect of a change."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypedDict, Unpack

from latentpad.engine.arguments import Argument, CommandError, finite
from latentpad.models.packs.limits import MOST_LATENTS

LATENT_MAX = MOST_LATENTS
"""Largest latent vector that fits on the board."""

AUTO = -1
"""An axis that the plane chooses."""

LINEAR, EXPONENTIAL = 0.0, 6.0
"""Curves. At the middle of an exponential control the value is at a twentieth of the range."""

DETENT = 0.015
"""Half of the travel, 0...1, on which a normalised control keeps the value of a detent."""


class Affects(IntEnum):
    """What a change of a parameter makes the decoding process do. Each level includes those
    before."""

    PLAYBACK = 0  # nothing: other processes read the value when they need it
    DECODE = 1  # decode the sounds of held voices again
    FIT = 2  # fit the expander again
    ABORT_FIT = 3  # also abandon a fit in progress


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the parameter table. Immutable.

    `address` is the OSC address; rows with `{n}` exist once for every finger. `size` is how many
    numbers one message has. `smoothing` is the time constant (s) with which the sound follows a
    change of the value, so that no control can click; 0 means at once. `curve` shapes how a
    normalised control passes through the range: its steps are e**curve times as large at the top as
    at the bottom, 0 is linear. `detents` are values, rising, that such a control keeps for a part
    of its travel, so that they can be found. `affects` is what a change makes the decoding process
    do.

    A preset saves and resets a row unless `in_presets` is false: such a row belongs to the
    performer or the room, and is kept unless a preset names it. With `of_pack`, numbers count the
    latents or anchors of one pack; a preset for another pack leaves them out. With `at_note`, a
    note keeps the value with which it was started.
    """

    address: str
    kind: str  # "float", "int", "switch", "choice" or "axis"
    default: tuple[float, ...]
    low: float
    high: float
    unit: str
    help: str
    smoothing: float = 0.0
    choices: tuple[str, ...] = ()
    curve: float = LINEAR
    detents: tuple[float, ...] = ()
    affects: Affects = Affects.PLAYBACK
    in_presets: bool = True
    of_pack: bool = False
    at_note: bool = False

    @property
    def size(self) -> int:
        return len(self.default)

    @property
    def per_finger(self) -> bool:
        return "{n}" in self.address

    def parse(self, args: Sequence[Argument]) -> tuple[float, ...]:
        """The message's arguments as board values: converted, finite, clamped to the range.

        Integers and floats are interchangeable. A choice is given by name or index. Names are taken
        in any case. An axis is a
        latent's number, a descriptor's name (on the board its number follows the latents), or auto.
        Raises `CommandError` for a wrong count or type, NaN, infinity or an unknown name.
        """
        if len(args) != self.size:
            raise CommandError(f"{self.address} takes {self.size} argument(s), got {len(args)}")
        return tuple(self._parse_one(argument) for argument in args)

    def _parse_one(self, argument: Argument) -> float:
        if self.kind == "axis" and isinstance(argument, str) and argument.isdecimal():
            argument = float(argument)
        if self.choices and isinstance(argument, str):
            try:
                index = self.choices.index(argument.lower())
                if self.kind == "axis":
                    index = LATENT_MAX + index - 1 if index else AUTO
                return float(index)
            except ValueError:
                names = ", ".join(self.choices)
                raise CommandError(f"{self.address}: {argument!r} is none of {names}") from None
        value = min(max(finite(self.address, argument), self.low), self.high)
        if self.kind == "switch":
            return 1.0 if value >= 0.5 else 0.0
        return value if self.kind == "float" else float(round(value))

    def show(self, values: Sequence[float]) -> tuple[Argument, ...]:
        """Board values as the arguments of a message: the inverse of `parse`."""
        if self.kind == "choice":
            return tuple(self.choices[int(v)] for v in values)
        if self.kind == "axis":
            return tuple(self._axis(int(v)) for v in values)
        if self.kind == "float":
            return tuple(float(v) for v in values)
        return tuple(int(v) for v in values)

    def from_unit(self, x: float) -> float:
        """The board value for a normalised control at `x`, which is clamped to 0...1.

        Rises with `x` from `low` at 0 to `high` at 1, shaped by `curve` and `detents`. Integers are
        rounded, a switch is on from 0.5, and choices have equal shares.
        """
        x = min(max(x, 0.0), 1.0)
        if self.kind == "choice":
            return float(min(int(x * len(self.choices)), len(self.choices) - 1))
        if self.detents:
            x = _interpolate(x, *self._travel())
        share = math.expm1(self.curve * x) / math.expm1(self.curve) if self.curve else x
        value = min(self.low + share * (self.high - self.low), self.high) if x < 1 else self.high
        if self.kind == "switch":
            return 1.0 if value >= 0.5 else 0.0
        return value if self.kind == "float" else float(round(value))

    def to_unit(self, value: float) -> float:
        """The position 0...1 of a normalised control for a board value: the inverse of
        `from_unit`; of a detent its middle."""
        x = self._position(value)
        if self.detents and value not in self.detents:
            positions, curved = self._travel()
            return _interpolate(x, curved, positions)
        return x

    def _position(self, value: float) -> float:
        """The position for a value without detents."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        if self.curve and share < 1:
            return min(math.log1p(share * math.expm1(self.curve)) / self.curve, 1.0)
        return share

    def _travel(self) -> tuple[list[float], list[float]]:
        """Positions of a control, and the positions without detents that stand for them."""
        flats = [(x - DETENT, x + DETENT, x) for x in map(self._position, self.detents)]
        positions = [0.0, *(x for left, right, _ in flats for x in (left, right)), 1.0]
        return positions, [0.0, *(x for *_, x in flats for _ in range(2)), 1.0]

    def _axis(self, value: int) -> Argument:
        return value if 0 <= value < LATENT_MAX else self.choices[max(value - LATENT_MAX, -1) + 1]


def _interpolate(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """Linear interpolation at `x`, within rising `xs`. `xs` may repeat; then the later holds."""
    k = min(bisect_right(xs, x), len(xs) - 1)
    share = (x - xs[k - 1]) / (xs[k] - xs[k - 1])
    return ys[k - 1] + share * (ys[k] - ys[k - 1])


class Traits(TypedDict, total=False):
    """The fields of `Parameter` that most rows leave at their defaults."""

    smoothing: float
    curve: float
    detents: tuple[float, ...]
    affects: Affects
    in_presets: bool
    of_pack: bool
    at_note: bool


def number(
    address: str,
    default: float | tuple[float, ...],
    low: float,
    high: float,
    unit: str,
    help: str,
    *,
    kind: str = "float",
    **traits: Unpack[Traits],
) -> Parameter:
    """A row with one number, or with as many as `default` has."""
    values = default if isinstance(default, tuple) else (float(default),)
    return Parameter(address, kind, values, low, high, unit, help, **traits)


def seconds(
    address: str, default: float, low: float, high: float, help: str, **traits: Unpack[Traits]
) -> Parameter:
    """A row with a time, which a control moves in fine steps where it is short."""
    traits.setdefault("curve", EXPONENTIAL)
    return number(address, default, low, high, "s", help, **traits)


def switch(address: str, default: bool, help: str, **traits: Unpack[Traits]) -> Parameter:
    """A row with a switch."""
    return Parameter(address, "switch", (float(default),), 0, 1, "", help, **traits)


def choice(
    address: str, choices: tuple[str, ...], default: str, help: str, **traits: Unpack[Traits]
) -> Parameter:
    """A row with one of `choices`."""
    values, high = (float(choices.index(default)),), len(choices) - 1
    return Parameter(address, "choice", values, 0, high, "", help, choices=choices, **traits)
