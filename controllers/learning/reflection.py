"""What goes back to learned OSC controls: the value under their own address, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from latentpad.controllers.learning.binding import Binding, OscControl
from latentpad.controllers.learning.steering import ValueOf, finger, roles
from latentpad.engine.arguments import Argument


def message(
    binding: Binding, value_of: ValueOf, args: Sequence[Argument]
) -> tuple[Argument, ...] | None:
    """The arguments that bring a control to the present value; None for one that has no value.

    `args` is the value as it was sent back, for an address of which `value_of` has none.
    """
    control, target = binding.control, binding.target
    assert isinstance(control, OscControl)
    if target.kind == "trigger":
        return None
    positions: dict[str, float] = {}
    if target.kind == "point":
        for k in range(1, control.shape.points + 1):
            point = value_of(finger(target, k))
            positions |= zip(roles(k), target.positions(point), strict=True)
    else:
        value = value_of(target.address) or args
        if len(value) != 1:
            return None
        (positions["value"],) = target.positions(value)
    return control.shape.write(positions)
