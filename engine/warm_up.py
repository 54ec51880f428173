"""Compile the kernels once and keep them: at set-up, so that `ready` never waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latentpad.engine import board as b
from latentpad.engine.board import Board, Event, Shape
from latentpad.engine.kernel_cache import once
from latentpad.engine.parameters import MODES, OFFSET, PHASES
from latentpad.engine.play.voices import Voices
from latentpad.models.representation import Representation

if TYPE_CHECKING:
    from latentpad.models.packs.pack import Pack


def rehearse(representation: Representation) -> None:
    """Play every kind of voice for a few hops on a board of its own.

    Numba keeps what it compiled (engine.kernel_cache); afterwards this takes a fraction of a
    second.
    """
    r = representation
    board = Board(Shape(r.frames, r.bins, r.samples, r.sample_rate))
    board.sounds[:] = -r.range_db / 2
    board.sound_end[:] = r.frames
    board.sound_wave[2] = b.MONO
    voices = Voices(board, r)
    out = np.zeros((voices.hop_size, 2), np.float32)
    loop, shot = MODES.index("loop"), MODES.index("shot")
    for voice, mode in enumerate((loop, shot, shot, loop)):
        board.send(Event(b.START, voice, mode, 0, 0.0, voice + 1))
    for lookahead, phase in ((0, "rtpghi"), (1, "rtpghi"), (2, "rtpghi"), (1, "noise")):
        board.values[OFFSET["/lookahead"]] = lookahead
        board.values[OFFSET["/phase"]] = PHASES.index(phase)
        board.values[OFFSET["/pitch"]] = lookahead
        board.values[OFFSET["/morph"]] = 0.1 * (lookahead == 1)
        for voice in range(4):
            board.publish(voice)
        voices.hop(out)
    board.send(Event(b.START, 0, shot, 0, 0.0, 9))
    voices.hop(out)
    voices.hop(out)


def rehearse_expanders() -> None:
    """Fit every expander and ask it for a point, on every road that it has: two anchors, which lie
    in line, some, and so many that the thin plate is bent anew for each point."""
    from latentpad.engine.expanders import NAMES, fit
    from latentpad.engine.expanders.spline import WHOLE
    from latentpad.engine.plane import Plane

    for count in (2, 8, WHOLE + 1):
        latents = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
        for name in NAMES:
            fit(name, Plane.raw(latents))


def rehearse_pointing(pack: Pack) -> None:
    """All that the decoding process runs for a point, on a board of its own."""
    from latentpad.engine.decode.pointing import Pointing

    rehearse_expanders()
    board = Board(Shape(1, 1, 1, pack.representation.sample_rate))
    Pointing(pack, board).aim(0, 0.0)


def main() -> None:
    """Compile for every shipped pack's representation, and the expanders: at set-up."""
    from latentpad.models.packs import pack as packs

    shipped = [packs.load(packs.find(name)) for name in packs.names()]
    for pack in shipped:
        rehearse(pack.representation)
    once(lambda: rehearse_pointing(shipped[0]))


if __name__ == "__main__":
    main()
