"""The planes that a pack can be played on, by name and axes."""

from __future__ import annotations

import threading
from collections.abc import Container, Sequence

import numpy as np

from latentpad.engine import near
from latentpad.engine.arguments import CommandError
from latentpad.engine.board import Board
from latentpad.engine.parameters import AUTO, DESCRIPTORS, LATENT_MAX, OFFSET, PLANES, ROW
from latentpad.engine.plane import Plane, default_axes
from latentpad.models.packs.pack import DESCRIBED, Pack, PackError

Axes = tuple[int, int]

MAX_PLANES = 8  # in memory; one of a million anchors takes some 20 MB


class Planes:
    """The planes of a pack. Each is made when it is first asked for. Any thread.

    An axis is a number: that of a latent, or LATENT_MAX plus the index of a descriptor in NAMES.
    """

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._planes: dict[tuple[str, Axes], Plane] = {}
        self._lock = threading.Lock()
        self._latents = range(pack.latent_dim if pack.latent_dim > 1 else 0)
        self._values = {
            LATENT_MAX + k: pack.described[name]
            for k, name in enumerate(DESCRIPTORS)
            if name in pack.described
        }
        available = {*pack.planes, *(("raw", "principal") if self._latents else ())}
        available |= {DESCRIBED} if len(self._values) > 1 else set()
        self.names = tuple(name for name in PLANES if name in available)
        self.default = next(
            (name for name in (pack.default_plane, "map", *self.names) if name in self.names), ""
        )
        if not self.default:
            raise PackError(f"{pack.path}: planes.npz: holds none of {', '.join(PLANES)}")

    def set_defaults(self, board: Board) -> None:
        """Write the pack's default plane and its axes to a fresh board."""
        board.values[OFFSET["/plane"]] = PLANES.index(self.default)
        board.values[OFFSET["/axes"] : OFFSET["/axes"] + 2] = self.default_axes(self.default)

    def default_axes(self, name: str) -> Axes:
        """A plane's default axes: brightness and hardness for descriptors, else the two most
        informative latents."""
        if name == DESCRIBED and name in self.names:
            first, second, *_ = self._values
            return first, second
        return default_axes(self._pack.kl) if self._latents else (AUTO, AUTO)

    def axes_on(self, name: str, requested: Sequence[float]) -> Axes:
        """The axes of a plane when these are requested. Invalid ones are replaced by the plane's
        default axes. A plane without a choice of axes keeps those of another plane."""
        first, second = (int(axis) for axis in requested)
        kinds: list[Container[int]] = []
        if name != DESCRIBED:
            kinds.append(self._latents)
        if name != "raw":
            kinds.append(self._values)
        valid = first != second and any(first in kind and second in kind for kind in kinds)
        return (first, second) if valid else self.default_axes(name)

    def check(self, requested: Sequence[float]) -> None:
        """Raise `CommandError` unless some plane of this pack has these two axes."""
        first, second = ROW["/axes"].show(requested)
        named = isinstance(first, str)
        if named != isinstance(second, str):
            raise CommandError(f"/axes: {first} and {second}: give two latents or two descriptors")
        if named and DESCRIBED not in self.names:
            raise CommandError(
                "/axes: this pack has no descriptors; `latentpad plane PACK descriptors` adds them"
            )
        if self.axes_on(DESCRIBED if named else "raw", requested) != tuple(requested):
            options = ROW["/axes"].show([*self._values]) if named else (f"0...{self._latents[-1]}",)
            raise CommandError(
                f"/axes: {first} and {second} are no two of {', '.join(map(str, options))}"
            )

    def get(self, name: str, axes: Sequence[float]) -> Plane:
        """The plane of this name, or the pack's default plane if it has none of this name, on
        the axes that `axes_on` gives."""
        if name not in self.names:
            name = self.default
        chosen = self.axes_on(name, axes) if name in ("raw", DESCRIBED) else (AUTO, AUTO)
        with self._lock:
            if (name, chosen) not in self._planes:
                if len(self._planes) >= MAX_PLANES:
                    self._planes.pop(next(iter(self._planes)))
                self._planes[name, chosen] = self._build(name, chosen)
            return self._planes[name, chosen]

    def _build(self, name: str, axes: Axes) -> Plane:
        latents = self._pack.anchors.latents
        if name == "raw":
            return Plane.raw(latents, axes)
        if name == "principal":
            return Plane.principal(latents)
        if name == DESCRIBED:
            return Plane.described(
                latents, np.stack([self._values[axis] for axis in axes], axis=1), name
            )
        return Plane.mapped(latents, self._pack.planes[name], name)

    def of(self, values: Sequence[float]) -> Plane:
        """The plane that the board's values (VALUES,) ask for; all values must be of one moment."""
        offset = OFFSET["/axes"]
        return self.get(
            ROW["/plane"].choices[int(values[OFFSET["/plane"]])], values[offset : offset + 2]
        )

    def look_up_anchor(self, board: Board, anchor: int) -> tuple[Sequence[float], Sequence[float]]:
        """An anchor's position on the pad for the present plane, and its latent vector.

        Control process only, under the instrument's lock. Raises `CommandError` if there is no such
        anchor.
        """
        latents = self._pack.anchors.latents
        if not 0 <= anchor < len(latents):
            raise CommandError(f"anchor {anchor}: this pack's anchors are 0...{len(latents) - 1}")
        plane = self.of(board.values.tolist())
        point = plane.to_pad(plane.known[anchor : anchor + 1])[0]
        return point.tolist(), latents[anchor].tolist()

    def near(self, values: Sequence[float], xy: Sequence[float]) -> tuple[int, str, str]:
        """The number, the name and the label of the anchor nearest to a point of the pad, on the
        plane that the board's `values` ask for."""
        anchor = near.nearest(self.of(values), xy)
        anchors = self._pack.anchors
        return anchor, str(anchors.names[anchor]), str(anchors.labels[anchor])
