"""A binding: a control, the address that it steers, and how."""

from __future__ import annotations

from dataclasses import dataclass

from latentpad.controllers.learning.midi_control import MidiControl
from latentpad.controllers.learning.shape import Shape
from latentpad.controllers.learning.targets import Target, canonical, target


@dataclass(frozen=True, slots=True)
class OscControl:
    """The messages of one OSC address that have one form."""

    address: str
    shape: Shape

    def __str__(self) -> str:
        return self.address

    @property
    def key(self) -> tuple[object, ...]:
        """What distinguishes it from other controls: not how its arguments move."""
        constants = tuple(part for part in self.shape.parts if part not in self.shape.moving)
        return self.address, len(self.shape.parts), constants


@dataclass(frozen=True, slots=True)
class Binding:
    """A control, and the address that it steers.

    `curve` is "linear" or "exponential"; empty is the parameter's own. With `pickup`, the control
    steers only after it has met the present value.
    """

    control: OscControl | MidiControl
    target: Target
    curve: str = ""
    pickup: bool = False

    @classmethod
    def make(
        cls, control: OscControl | MidiControl, address: str, curve: str = "", pickup: bool = False
    ) -> Binding:
        """Raises `CommandError` for an address that no control can steer."""
        return cls(control, target(address, curve), curve, pickup)

    @property
    def key(self) -> tuple[object, ...]:
        """What only one binding can have."""
        if isinstance(self.control, OscControl):
            return self.control.key
        is_pair = self.control.kind == "cc14"
        return self.control._replace(kind="cc") if is_pair else self.control

    def concerns(self, address: str) -> bool:
        """Whether `address` is the one that it steers, or that of the control."""
        if isinstance(self.control, OscControl) and self.control.address == address:
            return True
        steered = self.target.address
        whole = address.endswith("xy") and canonical(address) == canonical(steered)
        return steered == address or whole or _one_finger(steered) == _one_finger(address)

    def __str__(self) -> str:
        control = self.control
        shape = str(control.shape) if isinstance(control, OscControl) else ""
        details = [f"({shape})"] if shape else []
        details += [self.curve] if self.curve else []
        details += ["pickup"] if self.pickup else []
        return " ".join((str(control), "steers", self.target.address, *details))


def _one_finger(address: str) -> str:
    """The address with finger 1 left out: `/pad/x` is `/pad/1/x`."""
    return "/pad/" + address.removeprefix("/pad/1/") if address.startswith("/pad/1/") else address
