"""The tape: the last seconds of output, and the state that each of its hops was made from.

The playing process writes it, hop after hop, for ever round; the control process reads what has
been written, and must do so before the tape comes round.
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
    """Append a hop (n, 2), made from that `version` of the board. Render thread only."""
    at = board.tape_head[0]
    start = at % len(board.tape)
    fence()
    board.tape[start : start + len(hop)] = hop
    board.tape_version[at // hop_of(board) % len(board.tape_version)] = version
    board.tape_head[0] = at + len(hop)


def oldest(board: Board) -> int:
    """The first frame that can be read without haste: what is older is written over soon."""
    return max(board.tape_head[0] - len(board.tape) * 3 // 4, 0)


def read(board: Board, start: int, end: int) -> NDArray[np.float32] | None:
    """(n, 2) frames from `start` on, which must have been played: to `end`, or to where the tape
    comes round, whichever is first. None if they were written over meanwhile. Any thread."""
    length = len(board.tape)
    at = start % length
    frames = board.tape[at : at + end - start].copy()
    fence()
    return frames if board.tape_head[0] + hop_of(board) <= start + length else None


def states(board: Board, since: int, until: int) -> tuple[int, NDArray[np.int64]]:
    """Which state of the board (`version`) each hop of the tape was made from, from frame `since`
    to `until`: the frame where the first of them begins, and (hops,) versions, rising. What is no
    longer kept is left out at the beginning. Any thread."""
    hop = hop_of(board)
    rows = len(board.tape_version)
    last = until // hop
    for _ in range(TRIES):
        first = min(max(since, oldest(board)) // hop, last)
        versions = board.tape_version[np.arange(first, last) % rows]
        fence()
        if board.tape_head[0] // hop < first + rows:
            return first * hop, versions
    return last * hop, np.empty(0, np.int64)


def hop_of(board: Board) -> int:
    """Samples in a hop."""
    return len(board.tape) // len(board.tape_version)
