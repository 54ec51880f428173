"""A board's values and requests, written as the control process does."""

from __future__ import annotations

from latentpad.engine.board import Board
from latentpad.engine.parameters import OFFSET


def put(board: Board, address: str, *values: float) -> None:
    with board.writing():
        board.values[OFFSET[address] : OFFSET[address] + len(values)] = values


def ask(board: Board, voice: int, x: float, y: float) -> int:
    """Move the voice's point; returns the request's number."""
    with board.writing():
        board.points[voice] = x, y
        board.requests[voice] += 1
    return int(board.requests[voice])
