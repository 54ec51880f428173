"""The commands whose values the pack restricts: `/plane`, `/axes` and `/lattice/base`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.allocation import NOBODY, Sender
from latentpad.engine.control.pack_limits import PackLimits
from latentpad.engine.control.pad import Handler
from latentpad.engine.parameters import AUTO_PLANE, ROW, Parameter

SetValue = Callable[[Parameter, tuple[float, ...], Sender], None]


class PlaneCommands:
    """Restricts plane, axes and base anchor to those of the pack. Under the instrument's lock.

    `value` reads a row, `set_` sets one.
    """

    def __init__(
        self, limits: PackLimits, value: Callable[[str], tuple[float, ...]], set_: SetValue
    ) -> None:
        self._limits = limits
        self._value = value
        self._set = set_

    def change_pack(self, limits: PackLimits) -> None:
        """Go on with the planes of another pack."""
        self._limits = limits

    def handlers(self) -> dict[str, Handler]:
        """The commands by their addresses."""
        return {
            "/plane": self._set_plane,
            "/axes": self._set_axes,
            "/lattice/base": self._set_base,
        }

    def _set_plane(self, args: Sequence[Argument], sender: Sender) -> None:
        row = ROW["/plane"]
        values = row.parse(args)
        name = row.choices[int(values[0])]
        if name == AUTO_PLANE and self._limits.axes is not None:
            name, sender = (
                self._limits.axes.default,
                NOBODY,
            )  # so that its sender is sent the name, too
            values = row.parse((name,))
        if name not in (AUTO_PLANE, *self._limits.planes):
            names = ", ".join(self._limits.planes)
            raise CommandError(
                f"/plane: this pack has no {name} plane: {names} (`latentpad plane` adds some)"
            )
        self._set(row, values, sender)
        axes = self._axes_on_plane(self._value("/axes"))
        if axes != self._value("/axes"):
            self._set(ROW["/axes"], axes, NOBODY)

    def _set_axes(self, args: Sequence[Argument], sender: Sender) -> None:
        """Set the axes. Axes of another plane are kept for it, so plane and axes may come in any
        order."""
        row = ROW["/axes"]
        values = row.parse(args)
        if values == row.default:
            self._set(row, self._axes_on_plane(values), NOBODY)
            return
        if self._limits.axes is not None:
            self._limits.axes.check(values)
        self._set(row, values, sender)

    def _set_base(self, args: Sequence[Argument], sender: Sender) -> None:
        row = ROW["/lattice/base"]
        (requested,) = row.parse(args)
        base = min(requested, max(self._limits.anchors - 1.0, 0.0))
        # If the value was clamped, its sender is sent the new one, too.
        self._set(row, (base,), sender if base == requested else NOBODY)

    def _axes_on_plane(self, axes: tuple[float, ...]) -> tuple[float, ...]:
        """The axes of the present plane when these are requested."""
        if self._limits.axes is None:
            return axes
        name = ROW["/plane"].choices[int(self._value("/plane")[0])]
        first, second = self._limits.axes.axes_on(name, axes)
        return float(first), float(second)
