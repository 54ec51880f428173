"""What the voices did, and at which frame of the tape, so that a take can tell it.

A command says what is wanted; when its sound was there depends on the machine. The playing process
notes which sound each voice took up in which hop, and takes write it down: a rendering then does
the same at the same hops, on any machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentpad.engine.atomic import fence

if TYPE_CHECKING:
    from latentpad.engine.board import Board

SOUND, QUALITY, FADE = 1, 2, 3
"""Kinds: a voice took up a decoded sound; the phase is made with less or more effort; the output
fades to its end."""


class SoundEntry(NamedTuple):
    """A decoded sound as a take tells it."""

    level: float  # dB of the recordings' own level
    original: int  # anchor whose own recording it is; -1: it is decoded
    latent: NDArray[np.float64]  # (LATENT_MAX,)


class HistoryEntry(NamedTuple):
    """One thing that the voices did."""

    at: int  # frame of the tape at which its hop begins
    kind: int
    number: int  # of a SOUND its voice's serial, of a QUALITY which
    sound: SoundEntry  # which a SOUND took up


def sound_entry(board: Board, voice: int, buffer: int) -> SoundEntry:
    """Of one of the board's: a reading for `Board.newest`."""
    return SoundEntry(
        float(board.sound_level[voice, buffer]),
        int(board.sound_original[voice, buffer]),
        board.sound_latent[voice, buffer].copy(),
    )


def record(board: Board, kind: int, number: int = 0, sound: SoundEntry | None = None) -> None:
    """Keep what is done in the hop that comes next on the tape. Render thread only."""
    head = board.history_head[0]
    row = board.history[head % len(board.history)]
    fence()
    row[0], row[1], row[2] = board.tape_head[0], kind, number
    if sound is not None:
        row[3], row[4], row[5:] = sound
    board.history_head[0] = head + 1


class History:
    """Reads what is noted from now on. One thread of the control process."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._next = board.history_head[0]
        self.lost = 0  # that the board no longer kept when they were to be read

    def read(self, until: int) -> list[HistoryEntry]:
        """What was done in hops that begin before frame `until` of the tape, which must have been
        played, and was not read before. What is older than the board keeps is lost."""
        board = self._board
        kept = len(board.history)
        found = []
        head = board.history_head[0]
        while self._next < head:
            row = board.history[self._next % kept].copy()
            fence()
            newest = board.history_head[0]
            if newest - self._next >= kept:  # it may have been written over meanwhile
                oldest = newest - kept * 3 // 4
                self.lost += min(oldest, head) - self._next
                self._next = min(oldest, head)
                continue
            if row[0] >= until:
                break
            at, kind, number, original = (int(row[k]) for k in (0, 1, 2, 4))
            found.append(
                HistoryEntry(at, kind, number, SoundEntry(float(row[3]), original, row[5:]))
            )
            self._next += 1
        return found
