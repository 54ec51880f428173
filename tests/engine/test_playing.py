"""The render loop, with an output that takes hops as fast as they come."""

from __future__ import annotations

import threading

import numpy as np

from engine import board as b
from engine.board import Board, Shape
from engine.playing import METER_FALL_DB_S, Renderer
from engine.stream import NullOutput, Settings
from tests.conftest import SMALL


class Looked(NullOutput):
    """Notes what the meters showed after each hop."""

    def __init__(self, board: Board, hops: int) -> None:
        super().__init__(Settings(), SMALL.sample_rate, SMALL.n_fft // 8)
        self.shown: list[float] = []
        self.played: list[float] = []
        self.renderer: Renderer | None = None
        self._board = board
        self._hops = hops

    def room(self) -> bool:
        if self.played:
            self.shown.append(float(self._board.player[b.PEAK_LEFT]))
        if len(self.played) == self._hops and self.renderer is not None:
            self.renderer.stopping.set()
        return True

    def write(self, frames: np.ndarray) -> None:
        """What came, but for a click in the middle."""
        if len(self.played) == self._hops // 2:
            frames[3] = 0.5
        self.played.append(float(np.abs(frames).max()))


def test_a_click_of_one_hop_stays_on_the_meter_for_who_looks_twenty_times_a_second() -> None:
    r = SMALL
    board = Board(Shape(r.frames, r.bins, r.samples, r.sample_rate))
    output = Looked(board, 400)
    output.renderer = renderer = Renderer(board, r, output)
    thread = threading.Thread(target=renderer.run)
    thread.start()
    thread.join(60)
    click = output.played.index(0.5)
    hop_s = r.n_fft // 8 / r.sample_rate
    after = output.shown[click : click + 200]
    fall = METER_FALL_DB_S * hop_s * np.arange(200)
    assert np.allclose(after, 0.5 * 10 ** (-fall / 20))
    assert output.shown[click + int(0.05 / hop_s)] > 0.35
