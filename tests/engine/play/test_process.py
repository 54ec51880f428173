"""The render loop with an output that takes hops at once, and the whole process."""

from __future__ import annotations

import json
import os
import socket
import threading
import time

import numpy as np
import pytest

from latentpad.engine import board as b
from latentpad.engine import history, pack_order
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.child import Child
from latentpad.engine.output_settings import OutputSettings
from latentpad.engine.play import next_packs, process
from latentpad.engine.play.output import NullOutput
from latentpad.engine.play.process import METER_FALL_DB_S, RenderLoop
from latentpad.engine.play.voices import Voices
from latentpad.engine.process_status import ProcessStatus
from tests.conftest import SMALL

HOPS = 400


class Clicking(Voices):
    """Voices that are silent but for a click in the middle of the run."""

    def hop(self, out: np.ndarray) -> None:
        super().hop(out)
        self.silent = False
        out[3] = 0.5 if self.hops == HOPS // 2 else 0.0


class Looked(NullOutput):
    """Records what the meters showed after each hop."""

    def __init__(self, board: Board) -> None:
        super().__init__(OutputSettings(), SMALL.sample_rate, SMALL.n_fft // 8)
        self.shown: list[float] = []
        self.played: list[float] = []
        self.renderer: RenderLoop | None = None
        self._board = board

    def hop_due(self) -> bool:
        if self.played:
            self.shown.append(float(self._board.player[b.PEAK_LEFT]))
        if len(self.played) == HOPS and self.renderer is not None:
            self.renderer.stopping.set()
        return True

    def write(self, frames: np.ndarray) -> None:
        self.played.append(float(np.abs(frames).max()))


def test_a_click_of_one_hop_stays_on_the_meter_for_who_looks_twenty_times_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(next_packs, "Voices", Clicking)
    r = SMALL
    board = Board(BoardShape(r.frames, r.bins, r.samples, r.sample_rate))
    output = Looked(board)
    output.renderer = renderer = RenderLoop(board, r, output)
    thread = threading.Thread(target=renderer.run)
    thread.start()
    thread.join(60)
    click = output.played.index(0.5)
    hop_s = r.n_fft // 8 / r.sample_rate
    after = output.shown[click : click + 200]
    fall = METER_FALL_DB_S * hop_s * np.arange(200)
    assert np.allclose(after, 0.5 * 10 ** (-fall / 20))
    assert output.shown[click + int(0.05 / hop_s)] > 0.35


def test_what_the_render_thread_raises_is_the_process_s_last_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken(RenderLoop):
        def run(self) -> None:
            raise ZeroDivisionError("in a hop")

    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    r = SMALL
    board = Board(BoardShape(r.frames, r.bins, r.samples, r.sample_rate))
    heard, control_socket = socket.socketpair()
    process._render(
        Broken(board, r, NullOutput(OutputSettings(), r.sample_rate, 32)), control_socket
    )
    message = json.loads(heard.recv(65536))
    assert ended == [1]
    assert (message["kind"], message["reason"]) == ("failed", "ZeroDivisionError: in a hop")


def test_when_the_control_process_is_gone_the_sound_fades_and_the_process_ends() -> None:
    r = SMALL
    board = Board(BoardShape(r.frames, r.bins, r.samples, r.sample_rate))
    rng = np.random.default_rng(0)
    board.sounds[0, 1] = rng.uniform(-10, 0, board.sounds.shape[2:])
    board.sound_filled[0, 1] = True
    board.sound_end[0, 1] = r.frames
    board.published[0] = 1
    board.starts[0], board.held[0] = 1, 1  # what a process that begins finds
    status = ProcessStatus.playing(board)
    _, orders = pack_order.channel()
    child = Child(
        "playing",
        "latentpad.engine.play.process",
        (board, r, OutputSettings(null=True), orders, status.next_generation()),
    )

    def newest(seconds: float) -> np.ndarray:
        head = int(board.tape_head[0])
        indices = np.arange(max(0, head - int(seconds * r.sample_rate)), head) % len(board.tape)
        return board.tape[indices]

    end = time.monotonic() + 120
    while not (status.ready and np.abs(newest(0.1)).max(initial=0.0) > 0.01):
        assert time.monotonic() < end and child.process.is_alive(), child.printed
        time.sleep(0.01)
    child.close()  # the kernel does the same with what a killed process had open
    child.process.join(120)
    assert child.process.exitcode == 0
    noted = board.history[: int(board.history_head[0]), 1].tolist()
    assert noted[-1] == history.FADE
