"""A control that was just bound: what it still sends tells its range and its order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latentpad.controllers.learning.binding import Binding, OscControl
from latentpad.controllers.learning.movement import Movement
from latentpad.controllers.learning.shape import Shape
from latentpad.controllers.learning.targets import target
from latentpad.engine.arguments import Argument

PAUSE_S = 5.0
"""A sweep ends when the control has rested for so long."""

MOST_S = 60.0
"""Or after so long."""


@dataclass
class Sweep:
    """The first messages of a bound OSC control. One thread at a time.

    `movement` is None before its first message: the other half of a pair.
    """

    binding: Binding
    movement: Movement | None
    axis: bool  # it is one coordinate of a pair
    curve: str  # that was asked for
    began_s: float
    heard_s: float
    swapped: bool = False
    moved_since_swap: bool = True

    def goes_on(self, now: float) -> bool:
        """Whether what the control sends still tells something."""
        return now - self.heard_s <= PAUSE_S and now - self.began_s <= MOST_S

    def hear(self, args: Sequence[Argument], now: float) -> Binding | None:
        """The binding with what a message adds; None if the message is none of this control."""
        control = self.binding.control
        assert isinstance(control, OscControl)
        if not self.goes_on(now) or len(args) != len(control.shape.parts):
            return None
        if self.movement is None:
            self.movement = Movement(args)
        if not self.movement.continues(args, control.shape):
            return None
        self.movement.add(args)
        self.heard_s, self.moved_since_swap = now, True
        return self._seen(self.movement)

    def look(self) -> None:
        """Take into the binding what was seen of the control before it was bound."""
        if self.movement is not None:
            self.binding = self._seen(self.movement)

    def _seen(self, movement: Movement) -> Binding:
        control = self.binding.control
        assert isinstance(control, OscControl)
        shape = movement.shape(self.binding.target, axis=self.axis)
        if shape is None:
            return self.binding
        return self._with(shape.swapped() if self.swapped else shape)

    def swap(self, swapped: bool) -> Binding:
        """The binding with x and y in this order."""
        control = self.binding.control
        assert isinstance(control, OscControl)
        change = swapped != self.swapped
        self.swapped, self.moved_since_swap = swapped, False
        return self._with(control.shape.swapped() if change else control.shape)

    def _with(self, shape: Shape) -> Binding:
        control = self.binding.control
        assert isinstance(control, OscControl)
        curve = self.curve or linear_curve(self.binding.target.address, shape)
        control = OscControl(control.address, shape)
        return Binding.make(control, self.binding.target.address, curve, self.binding.pickup)


def linear_curve(address: str, shape: Shape) -> str:
    """ "linear" for a control that sends the values of its parameter: the range is the same."""
    row = target(address).row
    if row is None or not row.curve or len(shape.moving) != 1:
        return ""
    (moving,) = shape.moving
    width = row.high - row.low
    same = abs(moving.low - row.low) + abs(moving.high - row.high) < 0.02 * width
    return "linear" if same and (row.low, row.high) != (0, 1) else ""
