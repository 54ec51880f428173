"""The part of the state that only one pack gives a meaning: plane, axes, anchors and latents.

When another pack is played, everything else is kept. What the new pack does not have is put away,
and comes back with the old pack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from latentpad.engine import board as b
from latentpad.engine.control.allocation import Command
from latentpad.engine.control.pack_limits import AXES, PLANE, PackLimits
from latentpad.engine.control.pad import Pad
from latentpad.engine.control.plane_commands import PlaneCommands
from latentpad.engine.control.snapshots import Snapshot
from latentpad.engine.control.state import PadTarget, Values
from latentpad.engine.parameters import LATENT_MAX, PLANES, ROW
from latentpad.models.packs.pack import DESCRIBED

BASE = "/lattice/base"


@dataclass
class _PutAway:
    """What other packs do not have."""

    values: dict[str, Values] = field(default_factory=dict)
    pad: PadTarget | None = None  # if latents or lattice weights were used


class PackValues:
    """The part of the state that belongs to the pack that is played. Under the instrument's lock.

    `value` reads a row, `put` sets one, and `point` carries out a command of the pad.
    """

    def __init__(
        self,
        limits: PackLimits,
        pad: Pad,
        planes: PlaneCommands,
        value: Callable[[str], Values],
        put: Callable[[str, Values], None],
        point: Callable[[Command], None],
    ) -> None:
        self.limits = limits
        self._pad, self._planes = pad, planes
        self._value, self._put, self._point = value, put, point
        self._put_away: dict[str, _PutAway] = {}  # by the pack's name

    def change(self, limits: PackLimits) -> list[str]:
        """Go on with the pack of `limits`. Returns the commands for what was put away, as text."""
        old, plane, axes = self.limits, self._value(PLANE), self._value(AXES)
        target = self._pad.target()
        put_away = _PutAway({BASE: self._value(BASE)})
        if not limits.has_plane(plane):
            put_away.values[PLANE] = plane
        if not _described(axes) or limits.axes_on(_DESCRIBED, axes) != axes:
            put_away.values[AXES] = axes
        if target.origin != b.POINT:
            put_away.pad = target
        own_axes = old.axes_on(plane)
        self._put_away[old.name] = put_away
        self.limits = limits
        self._pad.change_pack(limits)
        self._planes.change_pack(limits)
        back = self._put_away.pop(limits.name, _PutAway())
        self._bring_back(back, plane, axes)
        return [*_texts(put_away, own_axes)]

    def _bring_back(self, back: _PutAway, plane: Values, axes: Values) -> None:
        """Set the rows to what was put away of this pack, else keep `plane` and `axes` if it has
        them."""
        if PLANE in back.values or not self.limits.has_plane(plane):
            plane = back.values.get(PLANE, self.limits.default_plane)
        candidates = [back.values[AXES]] if AXES in back.values else []
        candidates += [axes] if _described(axes) else []
        values = {
            PLANE: plane,
            AXES: self.limits.axes_on(plane, *candidates),
            BASE: back.values.get(BASE, ROW[BASE].default),
        }
        for address, wanted in values.items():
            if wanted != self._value(address):
                self._put(address, wanted)
        if back.pad is not None:
            now = self._pad.target()
            for command in replace(back.pad, point=now.point).commands(now):
                self._point(command)

    def playable(self, snapshot: Snapshot) -> Snapshot:
        """A snapshot as the pack that is played can recall it: without what belongs to another."""
        if snapshot.pack == self.limits.name:
            return snapshot
        values = {**snapshot.values, BASE: self._value(BASE)}
        if not self.limits.has_plane(values[PLANE]):
            values[PLANE] = self._value(PLANE)
        axes = values[AXES]
        values[AXES] = self.limits.axes_on(
            values[PLANE], *([axes] if _described(axes) else []), self._value(AXES)
        )
        pad = replace(self._pad.target(), point=snapshot.pad.point, origin=b.POINT)
        return Snapshot(values, pad, self.limits.name)


_DESCRIBED: Values = (float(PLANES.index(DESCRIBED)),)


def _described(axes: Values) -> bool:
    """Whether the axes are descriptors: those mean the same in every pack."""
    return min(axes) >= LATENT_MAX


def _texts(put_away: _PutAway, own_axes: Values) -> Iterator[str]:
    """The commands for what was put away; `own_axes` are those of the plane."""
    for address, values in put_away.values.items():
        if values not in (ROW[address].default, own_axes):
            yield f"{address} {' '.join(map(str, ROW[address].show(values)))}"
    if put_away.pad is not None:
        yield "/latent" if put_away.pad.origin == b.LATENT else "/lattice"
