"""Finger 1 for controllers that have no fingers: the terminal's keys and the demo.

Both send touches, as a good pad does, so that a take of them can be rendered the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.parameters import MODES

NUMBER = 1
POINT, TOUCH = f"/pad/{NUMBER}/xy", f"/pad/{NUMBER}/touch"
LOOP = MODES.index("loop")

Point = tuple[float, float]
Command = tuple[str, Sequence[Argument]]


class Finger:
    """Finger 1, moved by `sender`. Any thread; each call is one change."""

    def __init__(self, instrument: Instrument, sender: Sender) -> None:
        self._instrument = instrument
        self._sender = sender
        instrument.expect_touches(
            sender, [NUMBER]
        )  # so that its moves start no voice by themselves

    @property
    def loops(self) -> bool:
        """Whether a touch starts a loop that is held, not a shot."""
        return self._instrument.value("/mode")[0] == LOOP

    @property
    def down(self) -> bool:
        """Whether the finger holds a loop, whoever started it."""
        return self._instrument.down(NUMBER)

    @property
    def point(self) -> Point:
        """The position, x and y in 0...1."""
        x, y = self._instrument.args_of(POINT)
        return float(x), float(y)

    def move(self, point: Point) -> None:
        """Move to a point, without a touch."""
        self._apply((POINT, point))

    def touch(self) -> None:
        """Start a voice at the position. A shot is released at once, as it ends by itself."""
        self._apply(*self._touch())

    def tap(self, point: Point) -> None:
        """Move to a point and start a voice there."""
        self._apply((POINT, point), *self._touch())

    def lift(self) -> None:
        """Release the voice, if it holds one."""
        with self._instrument.together():
            if self.down:
                self._apply((TOUCH, (0,)))

    def _touch(self) -> list[Command]:
        return [(TOUCH, (1,))] if self.loops else [(TOUCH, (1,)), (TOUCH, (0,))]

    def _apply(self, *commands: Command) -> None:
        with self._instrument.together():
            for address, args in commands:
                self._instrument.apply(address, args, self._sender)
