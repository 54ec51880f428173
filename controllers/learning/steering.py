"""From what a bound control sends to commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from latentpad.controllers.learning.binding import Binding, OscControl
from latentpad.controllers.learning.midi_control import BUTTONS, MidiControl
from latentpad.controllers.learning.pickup import Pickup
from latentpad.controllers.learning.shape import Shape
from latentpad.controllers.learning.targets import Target
from latentpad.engine.arguments import Argument
from latentpad.engine.parameters import FINGERS

SLACK = 0.05
"""Share of its range by which a control may overshoot without a word."""

Command = tuple[str, tuple[Argument, ...]]
ValueOf = Callable[[str], Sequence[Argument]]
"""The present value of an address; empty if it has none."""


class Steering:
    """One binding, and what its control has sent before. One thread at a time."""

    def __init__(self, binding: Binding, value_of: ValueOf) -> None:
        self.binding = binding
        self._value_of = value_of
        self._pickup = Pickup() if binding.pickup else None
        self._last: dict[str, float] = {}
        self._pressed = False
        self.beyond = ""  # what it has sent from outside its range, for the performer

    def osc(self, args: Sequence[Argument]) -> list[Command] | None:
        """The commands of an OSC message; None if it is none of this control's."""
        control, target = self.binding.control, self.binding.target
        assert isinstance(control, OscControl)
        values = control.shape.read(args)
        if values is None:
            return [] if target.kind == "trigger" and self._is_release(args) else None
        before, self._last = self._last, values
        if not self.beyond:
            self.beyond = _beyond(control.shape, values)
        positions = control.shape.positions(values)
        if target.kind == "point":
            return self._points(values, before, positions)
        if target.kind == "trigger":
            value, last = values.get("value", 1.0), before.get("value", 0.0)
            # The value again is a button without releases, another one a fader on its way.
            return [(target.address, ())] if value > 0 and (last <= 0 or value == last) else []
        return self.steer(positions["value"])

    def midi(self, position: float) -> list[Command]:
        """The commands of a MIDI control at `position`. A key is pressed by any velocity; other
        buttons are never released."""
        control, target = self.binding.control, self.binding.target
        assert isinstance(control, MidiControl)
        key = control.kind == "note"
        was_pressed = self._pressed and (key or control.kind not in BUTTONS)
        self._pressed = position > 0 if key else position >= 0.5
        if target.kind == "trigger":
            return [(target.address, ())] if self._pressed and not was_pressed else []
        if key and target.kind == "value" and not position:
            return []  # the velocity has set the value; the release leaves it
        return self.steer(float(self._pressed) if key and target.kind == "switch" else position)

    def steer(self, position: float) -> list[Command]:
        """The commands that set the value, or none before it is picked up."""
        target = self.binding.target
        if self._pickup is None or target.kind != "value":
            return [(target.address, target.args(position))]
        present = self._position()
        if present is not None and not self._pickup.takes(position, present):
            return []
        args = target.args(position)
        self._pickup.has_set(target.positions(args)[0])
        return [(target.address, args)]

    def _position(self) -> float | None:
        args = self._value_of(self.binding.target.address)
        return self.binding.target.positions(args)[0] if args else None

    def _points(
        self, values: dict[str, float], before: dict[str, float], positions: dict[str, float]
    ) -> list[Command]:
        """A command for each point; of several points in one message for those that have moved."""
        commands: list[Command] = []
        target = self.binding.target
        points = sum(role.startswith("x") for role in values)
        for k in range(1, points + 1):
            x, y = roles(k)
            moved = x in before and (before[x], before[y]) != (values[x], values[y])
            if points == 1 or moved or (k == 1 and not before):
                commands.append((finger(target, k), (positions[x], positions[y])))
        return commands

    @staticmethod
    def _is_release(args: Sequence[Argument]) -> bool:
        """Whether a message that a trigger does not know ends with 0 or F: its button's release."""
        return bool(args) and not isinstance(args[-1], str) and args[-1] <= 0


def roles(k: int) -> tuple[str, str]:
    """The roles of the coordinates of the `k`-th point in a message, from 1."""
    return (f"x{k}", f"y{k}") if k > 1 else ("x", "y")


def finger(target: Target, k: int) -> str:
    """The address of the `k`-th point: the target's, and the fingers after it."""
    return target.address if k == 1 else f"/pad/{min(target.finger + k - 1, FINGERS)}/xy"


def _beyond(shape: Shape, values: dict[str, float]) -> str:
    """The first value that is outside the learned range by more than `SLACK` of it."""
    for part in shape.moving:
        value, slack = values[part.role], SLACK * (part.high - part.low)
        if not part.low - slack <= value <= part.high + slack:
            return f"{part.role} is {value:g}, learned was {part.low:g}…{part.high:g}"
    return ""
