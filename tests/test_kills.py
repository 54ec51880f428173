"""The short form of `benchmarks/kills.py`: whatever is killed or stopped comes back as it was."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

import pytest

from latentpad.benchmarks.strikes import GIVEN_UP_S, HeldInstrument, StruckProcess, strike

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
    table = strike(stage, victim, 2, SEED, 1.0)
    assert {how for _, how in table} == {
        "killed, ready", "killed, starting", "stopped, ready", "stopped, starting"
    }  # fmt: skip
    for result in table.values():
        assert max(result.took) < GIVEN_UP_S
        assert result.changed == 0
