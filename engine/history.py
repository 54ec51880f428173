"""A record of what the voices did and at which frame of the tape, for takes.

A command says what is wanted; when its sound is ready depends on the machine. The playing process
records which sound each voice took up in which hop. Takes write this to their files, so a rendering
does the same at the same hops, on any machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentpad.engine.atomic import fence
from latentpad.engine.parameters import BLENDED, LATENT_MAX

if TYPE_CHECKING:
    from latentpad.engine.board import Board

SOUND, QUALITY, FADE = 1, 2, 3
"""Kinds: a voice took up a decoded sound; the quality of the phase changed; the output began to
fade out at the end."""


NO_AMOUNTS = np.full(2 * BLENDED, np.nan)
_LATENT = slice(5, 5 + LATENT_MAX)
_GRAIN = slice(5 + LATENT_MAX, None)


class SoundEntry(NamedTuple):
    """A decoded sound, as takes describe it."""

    level: float  # dB, level of the recordings there
    original: int  # the anchor whose recording it is; -1: a decoded sound
    latent: NDArray[np.float64]  # (LATENT_MAX,)
    grain: NDArray[np.float64] = NO_AMOUNTS  # (2 * BLENDED,), as on the board


class HistoryEntry(NamedTuple):
    """One thing that a voice or the output did."""

    frame: int  # frame of the tape at which its hop begins
    kind: int
    number: int  # SOUND: the voice's serial; QUALITY: the quality
    sound: SoundEntry  # SOUND: the sound


def sound_entry(board: Board, voice: int, buffer: int) -> SoundEntry:
    """The description of a sound on the board: a `read` function for `Board.newest`."""
    return SoundEntry(
        float(board.sound_level[voice, buffer]),
        int(board.sound_original[voice, buffer]),
        board.sound_latent[voice, buffer].copy(),
        board.sound_grain[voice, buffer].copy(),
    )


def record(board: Board, kind: int, number: int = 0, sound: SoundEntry | None = None) -> None:
    """Add an entry for the next hop. Render thread only."""
    head = board.history_head[0]
    row = board.history[head % len(board.history)]
    fence()
    row[0], row[1], row[2] = board.tape_head[0], kind, number
    if sound is not None:
        row[3], row[4], row[_LATENT], row[_GRAIN] = sound
    board.history_head[0] = head + 1


class History:
    """Reads the entries from now on. One thread of the control process."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._next = board.history_head[0]
        self.lost = 0  # entries that were overwritten before they were read

    def read(self, until: int) -> list[HistoryEntry]:
        """The entries that were not read yet, of hops that begin before frame `until` of the
        tape. These hops must have been played. Entries that were overwritten on the board are
        counted in `lost`."""
        board = self._board
        size = len(board.history)
        entries = []
        head = board.history_head[0]
        while self._next < head:
            row = board.history[self._next % size].copy()
            fence()
            newest = board.history_head[0]
            if newest - self._next >= size:  # it may have been overwritten meanwhile
                oldest = newest - size * 3 // 4
                self.lost += min(oldest, head) - self._next
                self._next = min(oldest, head)
                continue
            if row[0] >= until:
                break
            frame, kind, number, original = (int(row[k]) for k in (0, 1, 2, 4))
            sound = SoundEntry(float(row[3]), original, row[_LATENT], row[_GRAIN])
            entries.append(HistoryEntry(frame, kind, number, sound))
            self._next += 1
        return entries
