"""Where the rounds of a loop end and begin: the cross-fade, chance, and the least length."""

from __future__ import annotations

import numpy as np
import pytest

from latentpad.benchmarks.signals import noise, tone
from tests.engine.stage import FINE, Stage, clicks, rms_db


def rounds(stage: Stage, hops: int) -> list[float]:
    """The playheads at which the voice's rounds began."""
    began, before = [], -np.inf
    for _ in range(hops):
        stage.hops(1)
        at = float(stage.voices.memory.playhead[0])
        if at < before:
            began.append(at)
        before = at
    return began


@pytest.mark.parametrize("speed", [1.0, -1.0, 0.3, 3.0])
@pytest.mark.parametrize("fade", [0.1, 0.5])
@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_a_loop_fades_into_itself_without_a_click(speed: float, fade: float, jitter: float) -> None:
    """The region holds the tone, and what lies outside it is silence that must not be heard."""
    sound = np.zeros(FINE.samples, np.float32)
    inside = slice(20 * FINE.hop, 160 * FINE.hop)
    sound[inside] = tone(440, seconds=0.6)[inside]
    stage = Stage()
    for row, value in (("speed", speed), ("fade", fade), ("jitter", jitter)):
        stage.set(f"/loop/{row}", value)
    stage.play(0.3)
    stage.put(0, sound, onset=26, end=154)
    stage.start(0)
    made = stage.mono(2.0)[9600:]
    assert clicks(made).max() < 0.05
    levels = [rms_db(part) for part in np.array_split(made, 40)]
    assert np.ptp(levels) < 1.5


def test_a_loop_that_fades_begins_its_rounds_after_the_fade() -> None:
    stage = Stage()
    stage.set("/loop/fade", 0.25)
    stage.put(0, noise(), onset=20, end=120)
    stage.start(0)
    assert rounds(stage, 400) == pytest.approx([46] * 5, abs=1)


def test_chance_begins_each_round_elsewhere_and_the_same_again() -> None:
    heard, began = [], []
    for _ in range(2):
        stage = Stage()
        stage.set("/loop/jitter", 1)
        stage.put(0, noise(), onset=20, end=120)
        stage.start(0)
        began.append(rounds(stage, 600))
        heard.append(stage.play(0.2))
    assert began[0] == began[1]
    np.testing.assert_array_equal(heard[0], heard[1])
    assert len(began[0]) > 6 and np.std(began[0]) > 10
    assert all(20 <= at <= 121 for at in began[0])


def test_two_voices_begin_their_rounds_at_different_places() -> None:
    stage = Stage()
    stage.set("/loop/jitter", 1)
    for v in (0, 1):
        stage.put(v, noise(), onset=20, end=120)
        stage.start(v)
    stage.hops(160)
    playheads = stage.voices.memory.playhead
    assert abs(playheads[0] - playheads[1]) > 1


def test_a_loop_is_as_long_as_its_least_length() -> None:
    stage = Stage()
    stage.set("/loop/start", 0.5)
    stage.set("/loop/end", 0.5)
    stage.set("/loop/shortest", 40 * FINE.hop / FINE.sample_rate)
    stage.put(0, noise(), onset=20, end=120)
    stage.start(0)
    visited = []
    for _ in range(200):
        stage.hops(1)
        visited.append(float(stage.voices.memory.playhead[0]))
    assert np.ptp(visited[10:]) == pytest.approx(39, abs=1.5)
