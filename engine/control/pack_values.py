"""The part of the state that only one pack gives a meaning: plane, axes, anchors and latents.

When another pack is played, everything else is kept. What the new pack does not have is put away,
and comes back with the old pack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentpad.engine import board as b
from latentpad.engine.board import Board
from latentpad.engine.control.allocation import Command
from latentpad.engine.control.pack_limits import AXES, PLANE, PackLimits
from latentpad.engine.control.pad import Pad
from latentpad.engine.control.plane_commands import PlaneCommands
from latentpad.engine.control.snapshots import Snapshot
from latentpad.engine.control.state import PadTarget, Values
from latentpad.engine.parameters import LATENT_MAX, PLANES, ROW
from latentpad.models.packs.pack import DESCRIBED

BASE = "/lattice/base"


class _Loop(NamedTuple):
    """A held loop that is steered by latents or lattice weights."""

    voice: int
    serial: int
    origin: int
    latent: NDArray[np.float64]


@dataclass
class _PutAway:
    """What other packs do not have."""

    values: dict[str, Values] = field(default_factory=dict)
    pad: PadTarget | None = None
    loops: list[_Loop] = field(default_factory=list)


class PackValues:
    """The part of the state that belongs to the pack that is played. Under the instrument's lock.

    `value` reads a row, `put` sets one, and `point` carries out a command of the pad.
    """

    def __init__(
        self,
        board: Board,
        limits: PackLimits,
        pad: Pad,
        planes: PlaneCommands,
        value: Callable[[str], Values],
        put: Callable[[str, Values], None],
        point: Callable[[Command], None],
    ) -> None:
        self.limits = limits
        self._board, self._pad, self._planes = board, pad, planes
        self._value, self._put, self._point = value, put, point
        self._put_away: dict[str, _PutAway] = {}  # by the pack's name

    def change(self, limits: PackLimits) -> list[str]:
        """Go on with the pack of `limits`. Returns the commands for what was put away, as text."""
        old, plane, axes = self.limits, self._value(PLANE), self._value(AXES)
        put_away = _PutAway({BASE: self._value(BASE)}, self._pad.target(), self._steered_loops())
        if not limits.has_plane(plane):
            put_away.values[PLANE] = plane
        if not _described(axes) or limits.axes_on(_DESCRIBED, axes) != axes:
            put_away.values[AXES] = axes
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
            now, origins = self._pad.target(), self._board.origin.copy()
            for command in replace(back.pad, point=now.point).commands(now):
                self._point(command)
            if back.pad.origin == b.POINT:  # latents that are kept, and steer nothing
                self._board.origin[:] = origins
        for loop in back.loops:
            if self._board.held[loop.voice] and self._board.starts[loop.voice] == loop.serial:
                self._board.origin[loop.voice] = loop.origin
                self._board.latents[loop.voice] = loop.latent

    def _steered_loops(self) -> list[_Loop]:
        board = self._board
        steered = (board.held != 0) & np.isin(board.origin, (b.LATENT, b.LATTICE))
        return [
            _Loop(v, int(board.starts[v]), int(board.origin[v]), board.latents[v].copy())
            for v in np.flatnonzero(steered).tolist()
        ]

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
    if put_away.pad is not None and put_away.pad.origin != b.POINT:
        yield "/latent" if put_away.pad.origin == b.LATENT else "/lattice"
