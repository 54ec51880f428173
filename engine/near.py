"""The anchor that is nearest to a point of the pad, found without SciPy.

The decoding process has a k-d tree of each plane. The control process, which only tells what lies
under the finger, is small and starts soon without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from latentpad.engine.plane import Float64, Plane

PER_CELL = 2  # anchors in a cell on average


class Grid:
    """The anchors of a plane, in square cells. Immutable: any thread may search."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._low = plane.low[:2]
        width = float(max((plane.high - plane.low)[:2].max(), np.finfo(np.float64).tiny))
        self._side = max(int((len(plane.known) / PER_CELL) ** 0.5), 1)
        self._cell = width / self._side
        column, row = self._cells(plane.known)
        cell = row * self._side + column
        self._anchors: NDArray[np.intp] = np.argsort(cell, kind="stable")
        ends = np.cumsum(np.bincount(cell, minlength=self._side**2))
        self._start: list[int] = [0, *ends.tolist()]

    def nearest(self, xy: Sequence[float]) -> int:
        """The anchor nearest to `xy` on the pad, 0...1; of several, the first."""
        point = self._plane.from_pad([xy])
        (column,), (row,) = self._cells(point)
        reach = 1
        while True:
            anchors = self._around(int(column), int(row), reach)
            if len(anchors):
                distance = np.hypot(*(self._plane.known[anchors, :2] - point[0, :2]).T)
                least = distance.min()
                # What is not in these cells is at least `reach` cells away.
                if least <= reach * self._cell or reach >= self._side:
                    return int(anchors[distance == least].min())
            reach *= 2

    def _cells(self, points: Float64) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The columns and rows of the points' cells; of points beside the grid the nearest."""
        cells = np.floor((points[:, :2] - self._low) / self._cell)
        column, row = np.clip(cells, 0, self._side - 1).astype(np.intp).T
        return column, row

    def _around(self, column: int, row: int, reach: int) -> NDArray[np.intp]:
        """The anchors in the cells at most `reach` away."""
        left, right = max(column - reach, 0), min(column + reach, self._side - 1)
        rows = range(max(row - reach, 0), min(row + reach, self._side - 1) + 1)
        side, start = self._side, self._start
        return np.concatenate(
            [self._anchors[start[r * side + left] : start[r * side + right + 1]] for r in rows]
        )


def nearest(plane: Plane, xy: Sequence[float]) -> int:
    """The anchor of the plane that is nearest to `xy`. The first search makes the plane's grid:
    some 0.1 s for a million anchors, then some 20 µs each."""
    if plane not in _GRIDS:
        _GRIDS[plane] = Grid(plane)
    return _GRIDS[plane].nearest(xy)


_GRIDS: WeakKeyDictionary[Plane, Grid] = WeakKeyDictionary()
