"""A loop that is evened: a drone of a short sound, as loud as the loop was, and without a click."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from latentpad.benchmarks.signals import noise, tone
from latentpad.engine import board as b
from latentpad.engine.play.even import MOST_RAISED_DB
from latentpad.models.representation import frame_levels
from tests.engine.stage import FINE, Stage, clicks, rms_db

Floats = NDArray[np.float32]

TONES = (310.0, 700.0, 1370.0, 2930.0)
WINDOW = 2400  # samples, 50 ms


def decaying(decibels: float = 38.0) -> Floats:
    """A chord that decays all through the representation's length."""
    time = np.arange(FINE.samples) / FINE.sample_rate
    chord = sum(np.sin(2 * np.pi * f * time + f) for f in TONES)
    return np.asarray(0.1 * chord * 10 ** (-decibels * time / FINE.seconds / 20), np.float32)


def levels(samples: Floats) -> Floats:
    count = len(samples) // WINDOW
    return np.array([rms_db(part) for part in samples[: count * WINDOW].reshape(count, WINDOW)])


def looped(even: float, sound: Floats | None = None, *, seconds: float = 1.6) -> Floats:
    """What a loop of the sound, all but its edges, is heard as after its beginning."""
    stage = Stage()
    stage.set("/loop/even", even)
    stage.play(0.5)
    stage.put(0, decaying() if sound is None else sound, onset=4, end=180)
    stage.start(0)
    stage.play(0.1)
    return stage.mono(seconds)


def test_an_even_loop_of_a_decaying_sound_keeps_its_level() -> None:
    assert np.ptp(levels(looped(0))) > 30
    assert np.ptp(levels(looped(1))) < 1


@pytest.mark.parametrize("pitch", [-12, 0, 12])
def test_an_even_loop_is_as_loud_as_the_loop_was(pitch: float) -> None:
    heard = []
    for even in (0, 1):
        stage = Stage()
        stage.set("/loop/even", even)
        stage.set("/pitch", pitch)
        stage.play(0.5)
        stage.put(0, decaying(), onset=4, end=180)
        stage.start(0)
        heard.append(rms_db(stage.mono(4 * 176 * FINE.hop / FINE.sample_rate)))
    assert heard[1] == pytest.approx(heard[0], abs=1)


def test_the_share_counts_in_decibels() -> None:
    swing = [np.ptp(levels(looped(even))) for even in (0, 0.5, 1)]
    assert swing[1] == pytest.approx(swing[0] / 2, abs=2)


def test_silence_stays_silent() -> None:
    """Between two sounds of a loop there may be nothing, and a model's floor is next to nothing."""
    sound = decaying(0)
    sound[len(sound) // 2 :] = 0
    loud, gap = np.sort(levels(looped(1, sound)))[[-1, 0]]
    assert gap < loud - 60
    stage = Stage()
    stage.set("/loop/even", 1)
    stage.play(0.5)
    stage.put_frames(0, np.full((FINE.frames, FINE.bins), -FINE.range_db, np.float32))
    stage.start(0)
    assert not stage.play(0.3).any()


def test_what_is_nearly_silent_is_raised_no_further_than_the_rest() -> None:
    sound = decaying(0)
    sound[len(sound) // 2 :] *= 1e-3  # 60 dB
    swing = np.ptp(levels(looped(1, sound)))
    assert swing == pytest.approx(60 - MOST_RAISED_DB - 3, abs=3)


def test_without_evening_the_levels_of_the_frames_are_not_looked_at() -> None:
    heard = []
    for wrong in (0.0, 77.0):
        stage = Stage()
        stage.put(0, decaying(), onset=4, end=180)
        stage.board.frame_levels[:] += wrong
        stage.start(0)
        heard.append(stage.play(0.8))
    np.testing.assert_array_equal(heard[0], heard[1])


def test_shots_are_not_evened() -> None:
    heard = []
    for even in (0, 1):
        stage = Stage()
        for address in ("/loop/even", "/loop/fade", "/loop/jitter", "/loop/shortest"):
            stage.set(address, even)
        stage.play(0.5)
        stage.put(0, decaying(), onset=4, end=180)
        stage.start(0, "shot")
        heard.append(stage.play(0.6))
    np.testing.assert_array_equal(heard[0], heard[1])


@pytest.mark.parametrize("morph", [0.0, 0.3])
def test_frames_that_arrive_while_the_loop_is_played_make_no_step(morph: float) -> None:
    """The common level is known from the loud frames only at first. It then follows gently."""
    heard = []
    for late in (False, True):
        stage = Stage()
        stage.set("/loop/even", 1)
        stage.set("/morph", morph)
        stage.play(0.5)
        stage.put(0, decaying(0), end=180)
        stage.start(0)
        stage.play(0.3)
        stage.put(0, decaying(), end=180)
        board, buffer = stage.board, stage.board.published[0] % b.BUFFERS
        if late:
            at = int(stage.voices.memory.playhead[0])
            board.sound_filled[0, buffer] = False
            board.sound_filled[0, buffer, at : at + 40] = True
        first = stage.mono(0.06)
        board.sound_filled[0, buffer] = True
        board.fills[0] += 1
        heard.append(np.concatenate([first, stage.mono(1.0)]))
    whole, arriving = heard
    assert clicks(arriving).max() < 1.5 * clicks(whole).max()
    steps = np.abs(np.diff([rms_db(part) for part in arriving[: 100 * 480].reshape(100, 480)]))
    assert steps.max() < 3
    assert rms_db(arriving[-9600:]) == pytest.approx(rms_db(whole[-9600:]), abs=0.5)


def test_a_morph_between_loops_of_different_levels_goes_from_one_to_the_other() -> None:
    stage = Stage()
    stage.set("/loop/even", 1)
    stage.set("/morph", 0.4)
    stage.play(0.5)
    stage.put(0, decaying(), end=180)
    stage.start(0)
    one = rms_db(stage.mono(0.5)[9600:])
    stage.put(0, 0.1 * decaying(), end=180)
    between = levels(stage.mono(0.6))
    other = rms_db(stage.mono(0.5))
    assert other == pytest.approx(one - 20, abs=1)
    assert (np.diff(between[1:-4]) < 1).all()


@pytest.mark.parametrize("sound", ["noise", "tone"])
def test_the_published_levels_are_those_of_the_frames_that_are_played(sound: str) -> None:
    """Evening brings a steady sound to the level that it has: there is nothing to even."""
    made = noise() if sound == "noise" else tone(440, seconds=0.6)
    frames = FINE.decibels(FINE.magnitudes(0.2 * made))
    heard = []
    for even in (0, 1):
        stage = Stage()
        stage.set("/loop/even", even)
        stage.play(0.5)
        stage.put_frames(0, frames, onset=8, end=170, gain=-20)
        stage.start(0)
        heard.append(rms_db(stage.mono(0.6)))
    assert np.ptp(frame_levels(frames)[8:170]) < 6
    assert heard[1] == pytest.approx(heard[0], abs=0.5)
