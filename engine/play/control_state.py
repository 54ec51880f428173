"""The values of the control process that the voices use."""

from __future__ import annotations

from typing import NamedTuple

from latentpad.engine.board import Board


class ControlState(NamedTuple):
    """What the control process wants of the voices, all of one moment."""

    version: int
    events: int  # `event_head` at that moment
    values: list[float]
    levels: list[float]
    pans: list[float]
    pitches: list[float]
    pressures: list[float]
    pack: int

    @classmethod
    def of(cls, board: Board) -> ControlState:
        """Read it from the board: a `read` function for `Board.consistent`."""
        return cls(
            board.version[0],
            board.event_head[0],
            board.values.tolist(),
            board.levels.tolist(),
            board.pans.tolist(),
            board.pitches.tolist(),
            board.pressures.tolist(),
            int(board.pack[0]),
        )
