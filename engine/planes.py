"""The planes that a pack can be played on, by their names and their axes."""

from __future__ import annotations

from collections.abc import Container, Sequence

import numpy as np

from latentpad.engine.arguments import CommandError
from latentpad.engine.board import Board
from latentpad.engine.parameters import AUTO, DESCRIPTORS, LATENT_MAX, OFFSET, PLANES, ROW
from latentpad.engine.plane import Plane, default_axes
from latentpad.models.packs.pack import DESCRIBED, Pack, PackError

Axes = tuple[int, int]

KEPT = 8  # planes made; one of a million anchors takes some 20 MB


class Planes:
    """The planes of a pack, made when first asked for. One thread.

    An axis is a number: a latent's, or LATENT_MAX and the place of a descriptor in NAMES.
    """

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._made: dict[tuple[str, Axes], Plane] = {}
        self._latents = range(pack.latent_dim if pack.latent_dim > 1 else 0)
        self._values = {
            LATENT_MAX + k: pack.described[name]
            for k, name in enumerate(DESCRIPTORS)
            if name in pack.described
        }
        there = {*pack.planes, *(("raw", "principal") if self._latents else ())}
        there |= {DESCRIBED} if len(self._values) > 1 else set()
        self.names = tuple(name for name in PLANES if name in there)
        self.default = next(
            (name for name in (pack.default_plane, "map", *self.names) if name in self.names), ""
        )
        if not self.default:
            raise PackError(f"{pack.path}: planes.npz: holds none of {', '.join(PLANES)}")

    def begin(self, board: Board) -> None:
        """Put the pack's own plane and axes on a fresh board."""
        board.values[OFFSET["/plane"]] = PLANES.index(self.default)
        board.values[OFFSET["/axes"] : OFFSET["/axes"] + 2] = self.own_axes(self.default)

    def own_axes(self, name: str) -> Axes:
        """What a plane's axes are by themselves: brightness and hardness of descriptors, the two
        most informative latents of any other."""
        if name == DESCRIBED and name in self.names:
            first, second, *_ = self._values
            return first, second
        return default_axes(self._pack.kl) if self._latents else (AUTO, AUTO)

    def axes_on(self, name: str, asked: Sequence[float]) -> Axes:
        """The axes that a plane has when these are asked for: its own unless they are two of
        its. A plane that has no axes to choose keeps those of another."""
        first, second = (int(axis) for axis in asked)
        kinds: list[Container[int]] = []
        if name != DESCRIBED:
            kinds.append(self._latents)
        if name != "raw":
            kinds.append(self._values)
        fit = first != second and any(first in kind and second in kind for kind in kinds)
        return (first, second) if fit else self.own_axes(name)

    def check(self, asked: Sequence[float]) -> None:
        """Raise CommandError unless some plane of this pack has these two axes."""
        first, second = ROW["/axes"].show(asked)
        named = isinstance(first, str)
        if named != isinstance(second, str):
            raise CommandError(f"/axes: {first} and {second}: give two latents or two descriptors")
        if named and DESCRIBED not in self.names:
            raise CommandError(
                "/axes: this pack has no descriptors; `latentpad plane PACK descriptors` adds them"
            )
        if self.axes_on(DESCRIBED if named else "raw", asked) != tuple(asked):
            known = ROW["/axes"].show([*self._values]) if named else (f"0...{self._latents[-1]}",)
            raise CommandError(
                f"/axes: {first} and {second} are no two of {', '.join(map(str, known))}"
            )

    def get(self, name: str, axes: Sequence[float]) -> Plane:
        """The plane by its name, or the pack's default one if it has none of that name, on the
        axes that `axes_on` gives."""
        if name not in self.names:
            name = self.default
        chosen = self.axes_on(name, axes) if name in ("raw", DESCRIBED) else (AUTO, AUTO)
        if (name, chosen) not in self._made:
            if len(self._made) >= KEPT:
                self._made.pop(next(iter(self._made)))
            self._made[name, chosen] = self._make(name, chosen)
        return self._made[name, chosen]

    def _make(self, name: str, axes: Axes) -> Plane:
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
        """The plane that the board's values (VALUES,), all of one moment, ask for."""
        at = OFFSET["/axes"]
        return self.get(ROW["/plane"].choices[int(values[OFFSET["/plane"]])], values[at : at + 2])

    def place(self, board: Board, anchor: int) -> tuple[Sequence[float], Sequence[float]]:
        """An anchor's point on the present plane's pad, and its latent vector. Control process
        only, under the instrument's lock: the values are its own."""
        latents = self._pack.anchors.latents
        if not 0 <= anchor < len(latents):
            raise CommandError(f"anchor {anchor}: this pack's anchors are 0...{len(latents) - 1}")
        plane = self.of(board.values.tolist())
        point = plane.pad(plane.known[anchor : anchor + 1])[0]
        return point.tolist(), latents[anchor].tolist()
