"""Copies decoded sounds from the board to a voice's memory, as far as they are decoded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from latentpad.engine import board as b
from latentpad.engine import history
from latentpad.engine.atomic import fence
from latentpad.engine.board import Board
from latentpad.engine.play.memory import VoiceMemory
from latentpad.engine.play.mix import Instruction
from latentpad.engine.play.morph import add_frames, begin_in_silence, begin_morph
from latentpad.engine.region import Region


class SoundInfo(NamedTuple):
    """The properties of a decoded sound, besides its frames."""

    gain: float  # dB that brings it to the common level
    onset: float  # frames
    end: float
    entry: history.SoundEntry


def sound_info(board: Board, voice: int, buffer: int) -> SoundInfo:
    """The properties of a sound on the board: a `read` function for `Board.newest`."""
    return SoundInfo(
        float(board.sound_gain[voice, buffer]),
        float(board.sound_onset[voice, buffer]),
        float(board.sound_end[voice, buffer]),
        history.sound_entry(board, voice, buffer),
    )


def is_ready(board: Board, voice: int, request: int) -> bool:
    """Whether a sound that answers this request has been decoded."""
    published = board.published[voice]
    return published > 0 and bool(board.sound_request[voice, published % b.BUFFERS] >= request)


@dataclass
class CopiedSound:
    """Which of its newest sound a voice has."""

    published: int = 0  # the board's `published` of it
    fills: int = 0  # the board's `fills` when frames were last copied
    complete: bool = True  # all frames were copied, or a waveform is played instead
    late: bool = False  # it was played before it was decoded there
    wave: bool = False  # a waveform is played


class SoundReader:
    """Copies sounds to the memory of the voices. Render thread only."""

    def __init__(self, board: Board, memory: VoiceMemory) -> None:
        self._board, self._memory = board, memory

    def begin(self, v: int, copied: CopiedSound, *, shot: bool) -> SoundInfo | None:
        """Copy the newest sound for a silent voice. None if it is overwritten meanwhile."""
        fills = self._board.fills[v]
        result = self._board.newest(v, lambda buffer: self._begin(v, shot, buffer))
        if result is None:
            return None
        copied.published, (sound, copied.wave) = result
        self._note(v, copied, fills)
        return sound

    def _begin(self, v: int, shot: bool, buffer: int) -> tuple[SoundInfo, bool]:
        board, memory = self._board, self._memory
        begin_in_silence(memory, v)
        self._copy_frames(v, buffer)
        kind = int(board.sound_wave[v, buffer]) if shot else b.NO_WAVE
        if kind != b.NO_WAVE:
            memory.waves[v] = board.waves[v, buffer]
            memory.stereo[v] = kind == b.STEREO
            if kind == b.STEREO:
                memory.sides[v] = board.sides[v, buffer]
        return sound_info(board, v, buffer), kind != b.NO_WAVE

    def merge(self, v: int, copied: CopiedSound) -> SoundInfo | None:
        """Make what the voice plays the source of a morph, and the newest sound its target. None
        if that is overwritten meanwhile: then the source is played."""
        fills = self._board.fills[v]
        result = self._board.newest(v, lambda buffer: self._merge(v, buffer))
        if result is None:
            self._memory.filled[v] = False
            return None
        copied.published, sound = result
        self._note(v, copied, fills)
        return sound

    def _merge(self, v: int, buffer: int) -> SoundInfo:
        # If `newest` calls this again, only the target changes, because the mix is 0 by then.
        begin_morph(self._memory, v)
        self._copy_frames(v, buffer)
        return sound_info(self._board, v, buffer)

    def update(self, v: int, copied: CopiedSound) -> SoundInfo | None:
        """Copy what was decoded of the voice's sound since the last hop. Returns what is known of
        the sound by now, None if nothing is new."""
        board, memory = self._board, self._memory
        fills, buffer = board.fills[v], copied.published % b.BUFFERS
        if fills == copied.fills or not self._intact(v, copied):
            return None
        had = memory.filled[v].copy()
        self._copy_frames(v, buffer)
        sound = sound_info(board, v, buffer)
        fence()
        if not self._intact(v, copied):
            memory.filled[v] = had
            return None
        copied.fills = fills
        copied.complete = copied.wave or bool(memory.filled[v].all())
        return sound

    def is_late(self, v: int, copied: CopiedSound, instruction: Instruction) -> bool:
        """Whether the voice plays its sound before it was decoded there, for the first time."""
        playhead, filled = float(self._memory.playhead[v]), self._memory.filled[v]
        if instruction.loops and not instruction.burst:
            low, high = instruction.low, instruction.high
            playhead = Region(low, high, instruction.inner, instruction.skip).wrap(playhead)
        frame = math.floor(playhead)
        if copied.late or not 0 <= frame < len(filled) or filled[frame]:
            return False
        copied.late = True
        return True

    def _intact(self, v: int, copied: CopiedSound) -> bool:
        """Whether the buffer of the voice's sound is not used for another one."""
        return self._board.published[v] - copied.published < b.BUFFERS - 1

    def _copy_frames(self, v: int, buffer: int) -> None:
        """Copy the frames of a sound that are decoded by now and were not copied yet."""
        decoded = self._board.sound_filled[v, buffer].copy()
        fence()
        board = self._board
        add_frames(self._memory, v, board.sounds[v, buffer], board.frame_levels[v, buffer], decoded)

    def _note(self, v: int, copied: CopiedSound, fills: int) -> None:
        """Note which frames of a new sound the voice has."""
        copied.fills = fills
        copied.complete = copied.wave or bool(self._memory.filled[v].all())
        copied.late = False
