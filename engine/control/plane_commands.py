"""The commands that say what the pad's x and y are: `/plane` and `/axes`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.allocation import NOBODY, Sender
from latentpad.engine.control.pad import Handler
from latentpad.engine.parameters import OWN, ROW, Parameter

if TYPE_CHECKING:
    from latentpad.engine.planes import Planes

SetValue = Callable[[Parameter, tuple[float, ...], Sender], None]


class PlaneCommands:
    """Keeps plane and axes to what the pack has. Under the instrument's lock.

    `planes` are the names of the pack's. Without `axes` any two are taken.
    """

    def __init__(
        self,
        planes: Sequence[str],
        axes: Planes | None,
        value: Callable[[str], tuple[float, ...]],
        set_: SetValue,
    ) -> None:
        self._planes = planes
        self._axes = axes
        self._value = value
        self._set = set_

    def handlers(self) -> dict[str, Handler]:
        """The commands by their addresses."""
        return {"/plane": self._set_plane, "/axes": self._set_axes}

    def _set_plane(self, args: Sequence[Argument], sender: Sender) -> None:
        row = ROW["/plane"]
        values = row.parse(args)
        name = row.choices[int(values[0])]
        if name == OWN and self._axes is not None:
            name, sender = self._axes.default, NOBODY  # its sender too is told which it is
            values = row.parse((name,))
        if name not in (OWN, *self._planes):
            known = ", ".join(self._planes)
            raise CommandError(
                f"/plane: this pack has no {name} plane: {known} (`latentpad plane` adds some)"
            )
        self._set(row, values, sender)
        axes = self._settled(self._value("/axes"))
        if axes != self._value("/axes"):
            self._set(ROW["/axes"], axes, NOBODY)

    def _set_axes(self, args: Sequence[Argument], sender: Sender) -> None:
        """Axes of another plane than the present one are kept for it, whichever comes first."""
        row = ROW["/axes"]
        values = row.parse(args)
        if values == row.default:
            self._set(row, self._settled(values), NOBODY)
            return
        if self._axes is not None:
            self._axes.check(values)
        self._set(row, values, sender)

    def _settled(self, axes: tuple[float, ...]) -> tuple[float, ...]:
        """What the present plane makes of these axes."""
        if self._axes is None:
            return axes
        name = ROW["/plane"].choices[int(self._value("/plane")[0])]
        first, second = self._axes.axes_on(name, axes)
        return float(first), float(second)
