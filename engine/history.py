"""What the voices did, and at which frame of the tape, so that a take can tell it.

A command says what is wanted; when its sound was there depends on the machine. The playing process
notes which sound each voice took up in which hop, and takes write it down: a rendering then does
the same at the same hops, on any machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from engine.board import Board

SOUND, QUALITY, FADE = 1, 2, 3
"""Kinds: a voice took up a decoded sound; the phase is made with less or more effort; the output
fades to its end."""


class Happened(NamedTuple):
    """One thing that the voices did."""

    at: int  # frame of the tape at which its hop begins
    kind: int
    number: int  # of a SOUND its voice's serial, of a QUALITY which
    level: float  # dB of the recordings' own level, as the others a SOUND's
    original: int  # anchor whose own recording it is; -1: it is decoded
    latent: NDArray[np.float64]  # (LATENT_MAX,)


def note(board: Board, kind: int, number: int = 0, sound: tuple[int, int] | None = None) -> None:
    """Keep what is done in the hop that comes next on the tape. Render thread only.

    `sound` says which of the board's decoded sounds: the voice, and which of its buffers.
    """
    head = int(board.history_head[0])
    row = board.history[head % len(board.history)]
    row[0], row[1], row[2] = board.tape_head[0], kind, number
    if sound is not None:
        row[3], row[4] = board.sound_level[sound], board.sound_original[sound]
        row[5:] = board.sound_latent[sound]
    board.fence()
    board.history_head[0] = head + 1


class History:
    """Reads what is noted from now on. One thread of the control process."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._next = int(board.history_head[0])
        self.lost = 0  # that the board no longer kept when they were to be read

    def read(self, until: int) -> list[Happened]:
        """What was done in hops that begin before frame `until` of the tape, which must have been
        played, and was not read before. What is older than the board keeps is lost."""
        board = self._board
        kept = len(board.history)
        head = int(board.history_head[0])
        oldest = max(self._next, head - kept * 3 // 4)
        self.lost += oldest - self._next
        self._next = oldest
        found = []
        while self._next < head:
            row = board.history[self._next % kept].copy()
            if row[0] >= until:
                break
            at, kind, number, original = (int(row[k]) for k in (0, 1, 2, 4))
            found.append(Happened(at, kind, number, float(row[3]), original, row[5:]))
            self._next += 1
        return found


def states(board: Board, since: int, until: int) -> tuple[int, NDArray[np.int64]]:
    """Which state of the board (`version`) each hop of the tape was made from, from frame `since`
    to `until`: the frame where the first of them begins, and (hops,) versions, rising."""
    hop = hop_of(board)
    rows = len(board.tape_version)
    last = until // hop
    first = max(since // hop, last - rows * 3 // 4)
    return first * hop, board.tape_version[np.arange(first, last) % rows]


def made_from(board: Board, version: int) -> None:
    """Keep from which state the hop that comes next on the tape was made. Render thread only."""
    rows = len(board.tape_version)
    board.tape_version[int(board.tape_head[0]) // hop_of(board) % rows] = version


def hop_of(board: Board) -> int:
    """Samples in a hop."""
    return len(board.tape) // len(board.tape_version)
