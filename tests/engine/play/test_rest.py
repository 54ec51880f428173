"""While nothing sounds a hop computes nothing, and a start is heard as soon as ever."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from latentpad.benchmarks.signals import tone
from latentpad.benchmarks.simulated_host import Rhythm, SimulatedHost
from latentpad.engine import tape
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.output_settings import OutputSettings
from latentpad.engine.play import global_settings, limiter, voices
from latentpad.engine.play.buffering import Buffering
from latentpad.engine.play.output import NullOutput
from latentpad.engine.play.process import RenderLoop
from latentpad.engine.play.ring import FRAMES, RingOutput
from tests.conftest import SMALL
from tests.engine.stage import Floats, Stage

HOPS_S = 375  # of `Stage`, per second


def rested(seconds: float, stage: Stage | None = None) -> Stage:
    """A stage that has played a short loop, and then rested."""
    stage = stage or Stage()
    stage.put(0, tone(440, level=0.3))
    serial = stage.start(0)
    stage.play(0.2)
    stage.release(0, serial)
    stage.play(seconds)
    return stage


def forbid(monkeypatch: pytest.MonkeyPatch, *calls: tuple[object, str]) -> None:
    def called(*args: object) -> None:
        raise AssertionError("something was computed")

    for owner, name in calls:
        monkeypatch.setattr(owner, name, called)


COMPUTES = (
    (voices, "play_hop"),
    (limiter, "_limit"),
    (global_settings.VoiceSettings, "of"),
    (voices.Voices, "_instruct"),
    (voices.Voices, "_report"),
)


@pytest.mark.parametrize("played", [False, True])
def test_at_rest_a_hop_computes_nothing_and_is_silent(
    played: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = rested(5.0) if played else Stage()
    forbid(monkeypatch, *COMPUTES)
    hops = stage.voices.hops
    assert not stage.play(1.0).any()
    assert stage.voices.silent
    assert stage.voices.hops == hops + HOPS_S


def test_the_end_of_a_sound_is_played_until_it_is_zero() -> None:
    """What the limiter holds back and the DC blocker's decay are not cut off."""
    stage = rested(0.0)
    made = stage.play(6.0)
    last = np.flatnonzero(made.any(axis=1))[-1]
    assert stage.voices.silent
    assert np.abs(made[last]).max() < 1e-44, "the smallest float32"


class Unresting(Stage):
    """A stage whose tail is never over, so each hop is computed."""

    def hops(self, count: int) -> Floats:
        made = []
        for _ in range(count):
            self.voices._tail_hops = 8
            made.append(super().hops(1))
        return np.concatenate(made) if made else super().hops(0)


@pytest.mark.parametrize("seconds", [0.1, 1.0, 3.0, 8.0])
def test_a_sound_after_a_rest_is_the_same_and_at_the_same_hop_as_without_one(
    seconds: float,
) -> None:
    """Values that are moved meanwhile are where they would be."""

    def played(stage: Stage) -> Floats:
        rested(seconds, stage)
        stage.set("/gain", -12)
        stage.set("/pan", 0.7)
        stage.set("/texture", 0.3)
        made = [stage.play(0.01)]
        stage.put(1, tone(700, level=0.3))
        stage.start(1, "shot")
        made.append(stage.play(0.3))
        return np.concatenate(made)

    np.testing.assert_array_equal(played(Stage()), played(Unresting()))


def test_a_half_written_bundle_wakes_nobody_and_its_start_is_heard_in_the_next_hop() -> None:
    stage = rested(5.0)
    stage.put(1, tone(700, level=0.3))
    with stage.board.writing():
        stage.start(1, "shot")
        assert not stage.hops(1).any()
    assert stage.hops(1).any()


# -- the render loop -------------------------------------------------------------------------


class Counted(NullOutput):
    """Without a clock: takes a hop, then none, by turns, and counts."""

    def __init__(self, hops: int) -> None:
        super().__init__(OutputSettings(), SMALL.sample_rate, SMALL.n_fft // 8)
        self.hops, self.due = hops, False
        self.renderer: RenderLoop | None = None

    def hop_due(self) -> bool:
        self.due = not self.due
        if self.frames_read >= self.hops * self._hop and self.renderer is not None:
            self.renderer.stopping.set()
        return self.due

    def pause(self) -> float:
        return 0.0


def test_at_rest_the_tape_runs_on_with_zeros_and_the_version_of_each_hop() -> None:
    r = SMALL
    board = Board(BoardShape(r.frames, r.bins, r.samples, r.sample_rate))
    board.tape[:] = 1.0
    with board.writing():
        board.starts[0] = 1  # a change that is not heard
    output = Counted(50)
    output.renderer = renderer = RenderLoop(board, r, output)
    thread = threading.Thread(target=renderer.run)
    thread.start()
    thread.join(60)
    head = int(board.tape_head[0])
    assert head >= 50 * tape.hop_of(board)
    assert not board.tape[:head].any()
    assert set(tape.states(board, 0, head)[1].tolist()) == {2}


# -- how often it wakes ----------------------------------------------------------------------


@pytest.mark.parametrize(("period", "most"), [(128, 1.15), (64, 4.4), (1024, 1.15)])
def test_the_render_thread_wakes_about_once_a_hop(period: int, most: float) -> None:
    """With a host that takes its periods on time, and never less."""
    host = SimulatedHost(Rhythm(period=period), 0)
    buffering = Buffering(48_000, period, 128, FRAMES, exact=True)
    output = RingOutput(host, host, buffering, clock=host.clock)
    block = np.zeros((128, 2), np.float32)
    hops = sleeps = 0
    while host.now < 10.0:
        if output.hop_due():
            output.write(block)
            hops += host.now > 1.0  # its clock is known by then
        else:
            host.now += output.pause() + 0.00006
            sleeps += host.now > 1.0
    assert output.starved == 0
    assert sleeps <= most * hops


def test_the_null_output_is_slept_for_until_its_hop_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr("latentpad.engine.play.output.time", clock)
    output = NullOutput(OutputSettings(), 48_000, 128)
    hops = sleeps = 0
    while clock.now < 10.0:
        if output.hop_due():
            output.write(np.zeros((128, 2), np.float32))
            hops += 1
        else:
            clock.now += output.pause() + 0.00006
            sleeps += 1
    assert hops == pytest.approx(10 * 375, abs=4)
    assert sleeps <= 1.1 * hops
