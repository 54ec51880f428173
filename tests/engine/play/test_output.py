"""The output without a device: a clock that takes hops."""

from __future__ import annotations

import numpy as np
import pytest

from latentpad.engine.output_settings import OutputSettings
from latentpad.engine.play import output as stream
from latentpad.engine.play.output import NullOutput

HOP = 128


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stream, "time", clock)
    return clock


def taken(output: NullOutput) -> int:
    """The number of hops that it takes now."""
    hops = 0
    while output.hop_due():
        output.write(np.zeros((HOP, 2), np.float32))
        hops += 1
    return hops


def test_the_null_output_takes_its_ring_and_then_a_hop_when_one_has_been_played(
    clock: Clock,
) -> None:
    output = NullOutput(OutputSettings(block=128, ring=3), 48000, HOP)
    assert taken(output) == 3
    clock.now += 0.9 * HOP / 48000
    assert taken(output) == 0
    clock.now += 0.2 * HOP / 48000
    assert taken(output) == 1


def test_the_null_output_keeps_the_rate_whatever_the_steps_of_the_clock(clock: Clock) -> None:
    output = NullOutput(OutputSettings(), 44100, HOP)
    rng = np.random.default_rng(0)
    hops = taken(output)
    for step in rng.uniform(0, 0.02, 500):
        clock.now += step
        hops += taken(output)
    assert hops * HOP == pytest.approx((clock.now - 100) * 44100, abs=2 * HOP + 256)


def test_after_a_machine_slept_the_null_output_does_not_run_after_lost_time(clock: Clock) -> None:
    output = NullOutput(OutputSettings(), 48000, HOP)
    taken(output)
    clock.now += 3600
    assert taken(output) <= 2
    clock.now += 0.1
    assert taken(output) == pytest.approx(0.1 * 48000 / HOP, abs=1)


def test_the_null_output_says_what_it_is(clock: Clock) -> None:
    output = NullOutput(OutputSettings(block=64, ring=4), 44100, HOP)
    assert (output.rate, output.block, output.latency_frames) == (44100, 64, 4 * 64)
    assert output.starved == 0 and 0 < output.pause() < HOP / 44100
    output.close()
