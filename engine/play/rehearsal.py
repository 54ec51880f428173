"""Compiles the voices' kernels, so that a process that is ready never waits for them."""

from __future__ import annotations

import numpy as np

from latentpad.engine import board as b
from latentpad.engine.board import Board, BoardShape, Event
from latentpad.engine.pack_order import sound_shape
from latentpad.engine.parameters import MODES, OFFSET
from latentpad.engine.phase_methods import STREAMED
from latentpad.engine.play.voice import RTPGHI
from latentpad.engine.play.voices import Voices
from latentpad.engine.sound_memory import SoundMemory
from latentpad.models.representation import Representation


def rehearse(representation: Representation) -> None:
    """Play every kind of voice for a few hops on a separate board.

    Numba stores what it compiles (engine.kernel_cache); later calls take a fraction of a second.
    """
    r = representation
    shape = BoardShape(r.frames, r.bins, r.samples, r.sample_rate)
    board = Board(shape, sound_memory=SoundMemory(sound_shape(r)))
    board.sounds[:] = board.frame_levels[:] = -r.range_db / 2
    board.sound_filled[:] = True
    board.sound_end[:] = r.frames
    board.sound_wave[2] = b.MONO
    voices = Voices(board, r)
    out = np.zeros((voices.hop_size, 2), np.float32)
    loop, shot = MODES.index("loop"), MODES.index("shot")
    for voice, mode in enumerate((loop, shot, shot, loop)):
        board.send(Event(b.START, voice, mode, 0, 0.0, voice + 1))
    others = sorted(set(STREAMED) - {RTPGHI})
    for lookahead, phase in (*((k, RTPGHI) for k in range(3)), *((1, k) for k in others)):
        with board.writing():
            board.values[OFFSET["/lookahead"]] = lookahead
            board.values[OFFSET["/phase"]] = phase
            board.values[OFFSET["/pitch"]] = lookahead
            board.values[OFFSET["/morph"]] = 0.1 * (lookahead == 1)
        for voice in range(4):
            board.publish(voice)
        voices.hop(out)
    board.send(Event(b.START, 0, shot, 0, 0.0, 9))
    voices.hop(out)
    voices.hop(out)
