"""The short form of `benchmarks/kills.py`: whatever is killed or stopped comes back as it was."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator

import numpy as np
import pytest

from latentpad.benchmarks.strikes import GIVEN_UP_S, HeldInstrument, StruckProcess, strike
from latentpad.engine import board as b
from latentpad.engine.control.instrument import Sender

pytestmark = pytest.mark.early

SEED = 5


@pytest.fixture(scope="module")
def stage() -> Iterator[HeldInstrument]:
    stage = HeldInstrument(SEED)
    yield stage
    stage.close()
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("k", range(3), ids=("playing", "decoding", "MIDI"))
def test_a_process_that_is_killed_or_stopped_comes_back_and_the_state_with_it(
    stage: HeldInstrument, k: int
) -> None:
    victim: StruckProcess = stage.victims()[k]
    table = strike(stage, victim, 2, SEED, 1.0)
    assert {how for _, how in table} == {
        "killed, ready", "killed, starting", "stopped, ready", "stopped, starting"
    }  # fmt: skip
    for result in table.values():
        assert max(result.took) < GIVEN_UP_S
        assert result.changed == 0


def test_a_dead_decoder_holds_the_sound_and_is_replaced(stage: HeldInstrument) -> None:
    session = stage.session
    board = session.board
    os.kill(session.processes()["decoding"], signal.SIGKILL)
    time.sleep(0.3)
    session.instrument.apply("/pad/xy", (0.9, 0.4), Sender("osc finger"))
    began = board.played_s
    time.sleep(1.0)
    assert board.played_s - began > 0.5, "the sound stopped with the decoder"
    head = board.tape_head[0]
    assert np.abs(board.tape.take(range(head - 4800, head), axis=0, mode="wrap")).max() > 0

    def decoded() -> bool:
        return bool(board.sound_request[0, board.published[0] % b.BUFFERS] == board.requests[0])

    end = time.monotonic() + 60
    while not decoded() and time.monotonic() < end:
        time.sleep(0.1)
    assert decoded(), "the point that was asked for meanwhile has no sound"
