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
from latentpad.engine.control.session import Session
from latentpad.engine.output_settings import OutputSettings
from latentpad.models.packs.pack import find, load

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
    victim: StruckProcess = stage.victims(GIVEN_UP_S)[k]
    table = strike(stage, victim, 1, SEED, 1.0)
    assert {how for _, how in table} == {
        "killed, ready", "killed, starting", "stopped, ready", "stopped, starting"
    }  # fmt: skip
    for result in table.values():
        assert max(result.took) < GIVEN_UP_S
        assert result.changed == 0


def test_a_dead_decoder_holds_the_sound_and_is_replaced() -> None:
    session = Session(load(find("footsteps")), OutputSettings(null=True))
    session.start()
    try:
        session.wait_ready(90)
        finger = Sender("osc finger")
        session.instrument.apply("/pad/xy", (0.45, 0.85), finger)
        time.sleep(0.5)
        assert session.board.voice_state[0] == b.SOUNDING
        os.kill(session.processes()["decoding"], signal.SIGKILL)
        time.sleep(0.3)
        session.instrument.apply("/pad/xy", (0.9, 0.4), finger)
        began = session.board.played_s
        time.sleep(1.0)
        assert session.board.played_s - began > 0.5, "the sound stopped with the decoder"
        head = session.board.tape_head[0]
        tape = session.board.tape
        assert np.abs(tape.take(range(head - 4800, head), axis=0, mode="wrap")).max() > 0
        before = session.board.published[0]
        end = time.monotonic() + 60
        while session.board.published[0] == before and time.monotonic() < end:
            time.sleep(0.1)
        at = session.board.published[0] % b.BUFFERS
        assert session.board.sound_request[0, at] == session.board.requests[0]
    finally:
        session.close()
