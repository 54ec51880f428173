"""The stages of a gesture's way, as `benchmarks.path` finds them."""

from __future__ import annotations

import numpy as np
import pytest

from latentpad.benchmarks.jack_server import jack_server
from latentpad.benchmarks.path import JUMP, NAMES, NEW, SHOT, measure
from latentpad.benchmarks.stamps import HOP
from tests.alone import alone

pytestmark = pytest.mark.listens

TRIES = 3  # where the machine stalls, few jumps are found


def test_every_stage_of_a_gesture_takes_time_and_the_last_one_ends_with_its_sound() -> None:
    with alone(), jack_server("path-test", HOP) as server:
        for _ in range(TRIES):
            measured, _ = measure(server, "footsteps", 12, print)
            if all(len(stages) >= 9 for _, stages in measured):
                break
    assert [recording.kind for recording, _ in measured] == [JUMP, SHOT, NEW]
    for recording, stages in measured:
        assert stages.shape[1] == len(NAMES)
        assert len(stages) >= 9, recording.kind
        assert (np.median(stages, axis=0) > 0).all(), (recording.kind, stages)
        assert (stages[:, -1] < 1000 * 2 * HOP / server.rate).all(), (recording.kind, stages)
