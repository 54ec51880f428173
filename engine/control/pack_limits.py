"""What commands may ask of a pack: its planes and axes, anchors and latents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from latentpad.engine.board import Board
from latentpad.engine.latent_bounds import LatentBounds
from latentpad.engine.parameters import AUTO, AUTO_PLANE, ROW

if TYPE_CHECKING:
    from latentpad.engine.planes import Planes
    from latentpad.models.packs.pack import Pack

AnchorLookup = Callable[[int], tuple[Sequence[float], Sequence[float]]]
NearLookup = Callable[[Sequence[float], Sequence[float]], tuple[int, str, str]]
Values = tuple[float, ...]

AXES, PLANE = "/axes", "/plane"
AUTO_AXES: Values = (float(AUTO), float(AUTO))


@dataclass(frozen=True)
class PackLimits:
    """What commands may ask of a pack. Under the instrument's lock.

    `look_up_anchor` returns an anchor's position on the pad and its latent vector; it raises
    `CommandError` if there is no such anchor. `near` gives the number, the name and the label of
    the anchor that is nearest to a point of the pad, on the plane of the given board's values; any
    thread may call it, and the first call may take long. Without `axes` any two axes are accepted.
    `anchors` is how many there are, `name` the one by which `/pack` plays the pack.
    """

    bounds: LatentBounds
    planes: Sequence[str]
    look_up_anchor: AnchorLookup
    near: NearLookup
    axes: Planes | None
    anchors: int
    name: str = ""

    @classmethod
    def of(cls, pack: Pack, planes: Planes, board: Board, name: str = "") -> PackLimits:
        """Those of a pack with these planes. Anchors are looked up on the plane that `board`
        names."""
        return cls(
            LatentBounds.of(pack.anchors.latents),
            planes.names,
            lambda anchor: planes.look_up_anchor(board, anchor),
            planes.near,
            planes,
            len(pack.anchors),
            name,
        )

    @property
    def latent_dim(self) -> int:
        """The number of latents."""
        return len(self.bounds.low)

    @property
    def default_plane(self) -> Values:
        """The plane that the pack begins on."""
        name = self.axes.default if self.axes is not None else self.planes[0]
        return (float(ROW[PLANE].choices.index(name)),)

    def has_plane(self, values: Values) -> bool:
        """Whether this is one of the pack's planes."""
        return ROW[PLANE].choices[int(values[0])] in (AUTO_PLANE, *self.planes)

    def axes_on(self, plane: Values, *requested: Values) -> Values:
        """The first of these axes that the plane has, else the plane's own."""
        if self.axes is None:
            return requested[0] if requested else AUTO_AXES
        name = ROW[PLANE].choices[int(plane[0])]
        for values in requested:
            if self.axes.axes_on(name, values) == values:
                return values
        first, second = self.axes.axes_on(name, AUTO_AXES)
        return float(first), float(second)
