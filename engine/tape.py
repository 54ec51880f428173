"""The tape: the last seconds of output, and the version of the state of each of its hops.

It is a ring on the board. The playing process writes it hop by hop. The control process must read
it before it is overwritten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentpad.engine.atomic import fence

if TYPE_CHECKING:
    from latentpad.engine.board import Board

TRIES = 3


def write(board: Board, hop: NDArray[np.float32], version: int) -> None:
    """Append a hop (n, 2), rendered from that `version` of the board. Render thread only."""
    frame = board.tape_head[0]
    start = frame % len(board.tape)
    fence()
    board.tape[start : start + len(hop)] = hop
    board.tape_version[frame // hop_of(board) % len(board.tape_version)] = version
    board.tape_head[0] = frame + len(hop)


def oldest(board: Board) -> int:
    """The first frame that can be read safely. Older ones will soon be overwritten."""
    return max(board.tape_head[0] - len(board.tape) * 3 // 4, 0)


def read(board: Board, start: int, end: int) -> NDArray[np.float32] | None:
    """(n, 2) frames from `start` to `end`, or to the end of the ring buffer if that comes first.

    The frames must have been played. None if they were overwritten meanwhile. Any thread.
    """
    length = len(board.tape)
    frame = start % length
    frames = board.tape[frame : frame + end - start].copy()
    fence()
    return frames if board.tape_head[0] + hop_of(board) <= start + length else None


def states(board: Board, start: int, end: int) -> tuple[int, NDArray[np.int64]]:
    """The board's `version` that each hop between the frames `start` and `end` was rendered from.

    Returns the frame where the first of these hops begins, and rising versions (hops,). Hops that
    were overwritten are left out at the beginning. Any thread.
    """
    hop = hop_of(board)
    rows = len(board.tape_version)
    last = end // hop
    for _ in range(TRIES):
        first = min(max(start, oldest(board)) // hop, last)
        versions = board.tape_version[np.arange(first, last) % rows]
        fence()
        if board.tape_head[0] // hop < first + rows:
            return first * hop, versions
    return last * hop, np.empty(0, np.int64)


def hop_of(board: Board) -> int:
    """Samples in a hop."""
    return len(board.tape) // len(board.tape_version)
