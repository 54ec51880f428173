"""Voices of one pack go on for those of another, of any rate and shape, without a click."""

from __future__ import annotations

import numpy as np
import pytest

from latentpad.engine import board as b
from latentpad.engine.board import Event
from latentpad.engine.pack_order import sound_shape
from latentpad.engine.play.stream import PackStream, Stream
from latentpad.engine.play.voices import Voices
from latentpad.engine.sound_memory import SoundMemory
from latentpad.models.representation import Representation
from tests.engine.stage import Floats, Stage, clicks, pitch, rms_db

OTHERS = [
    Representation(hop=128, frames=188),  # the same shape
    Representation(sample_rate=44_100, n_fft=2048, hop=512, frames=60),
    Representation(sample_rate=16_000, n_fft=256, hop=64, frames=200),
    Representation(sample_rate=96_000, n_fft=4096, hop=1024, frames=90),
    Representation(sample_rate=48_000, n_fft=512, hop=128, frames=99, window="hann"),
]


def tone(hz: float, r: Representation) -> Floats:
    time = np.arange(r.samples) / r.sample_rate
    return np.asarray(np.sin(2 * np.pi * hz * time) / 4, np.float32)


class Changing:
    """A stage whose voices are heard as a stream, so that other packs' voices can follow them."""

    def __init__(self) -> None:
        self.stage = Stage()
        r = self.stage.r
        self.rate, self.hop = r.sample_rate, self.stage.hop
        self.stream = Stream(
            PackStream(self.stage.voices, r.sample_rate, self.rate, self.hop), self.hop
        )
        self.board = self.stage.board

    def play(self, seconds: float) -> Floats:
        """(samples,) of a voice in the middle, at its own level."""
        out = np.zeros((round(seconds * self.rate) // self.hop, self.hop, 2), np.float32)
        for hop in out:
            self.stream.hop(hop)
        return out.reshape(-1, 2)[:, 0] * np.float32(np.sqrt(2))

    def change(self, r: Representation) -> Stage:
        """The stage of another pack, whose voices play from the next hop on."""
        other = Stage.__new__(Stage)
        other.r, other._serial = r, 100
        other.board = self.board.showing(SoundMemory(sound_shape(r)))
        other.voices = Voices(other.board, r)
        self.stream.change(PackStream(other.voices, r.sample_rate, self.rate, self.hop))
        return other

    def hold(self, v: int, hz: float) -> int:
        self.stage.put(v, tone(hz, self.stage.r))
        return self.stage.start(v)


@pytest.fixture
def changing() -> Changing:
    return Changing()


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_a_held_loop_goes_on_until_the_new_packs_sound_is_there_and_then_with_that(
    changing: Changing, other: Representation
) -> None:
    changing.hold(0, 440)
    changing.play(0.3)
    new = changing.change(other)
    waiting = changing.play(0.5)
    assert abs(pitch(waiting, changing.rate) - 440) < 2
    assert abs(rms_db(waiting[:9600]) - rms_db(waiting[-9600:])) < 1
    new.put(0, tone(880, other))
    turning, after = changing.play(0.3), changing.play(0.5)
    assert abs(pitch(after, changing.rate) - 880) < 3
    assert abs(rms_db(after) - rms_db(waiting)) < 2
    assert rms_db(turning[: changing.rate // 10]) > rms_db(waiting) - 6
    assert int(changing.board.voice_state[0]) == b.SOUNDING


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_the_change_does_not_click(changing: Changing, other: Representation) -> None:
    changing.hold(0, 440)
    changing.play(0.2)
    heard = [changing.play(0.05)]
    new = changing.change(other)
    heard.append(changing.play(0.05))
    new.put(0, tone(440, other))
    heard.append(changing.play(0.1))
    # As a loop that begins in the same pack: a ramp of a hop's length.
    alone = Changing()
    alone.play(0.1)
    alone.hold(0, 440)
    assert clicks(np.concatenate(heard)).max() < 1.2 * clicks(alone.play(0.2)).max()


def test_a_shot_of_the_old_pack_rings_out_and_one_that_waits_plays_the_new_pack(
    changing: Changing,
) -> None:
    changing.stage.put(0, tone(440, changing.stage.r), request=1)
    changing.stage.start(0, "shot", request=1)
    changing.play(0.1)
    changing.stage.start(1, "shot", request=1)  # whose sound is not there yet
    changing.play(0.05)
    new = changing.change(OTHERS[1])
    ringing = changing.play(0.2)
    assert abs(pitch(ringing, changing.rate) - 440) < 3
    changing.play(0.5)
    assert rms_db(changing.play(0.2)) < -100
    new.put(1, tone(880, OTHERS[1]), request=1)
    assert abs(pitch(changing.play(0.3), changing.rate) - 880) < 5


def test_a_shot_whose_sound_is_there_is_not_lost_in_the_change(changing: Changing) -> None:
    changing.stage.put(0, tone(440, changing.stage.r), request=1)
    changing.stage.start(0, "shot", request=1)
    # More begin than may begin in a hop: the last ones wait.
    for v in (1, 2, 3):
        changing.stage.put(v, tone(440, changing.stage.r), request=1)
        changing.stage.start(v, "shot", request=1)
    changing.play(changing.hop / changing.rate)
    assert int((changing.board.voice_state == b.WAITING).sum()) == 2
    alone = rms_db(changing.play(0.05)[-1000:])
    changing.change(OTHERS[0])
    assert rms_db(changing.play(0.1)) > alone - 3


def test_what_is_released_while_it_waits_is_released(changing: Changing) -> None:
    serial = changing.hold(0, 440)
    changing.play(0.3)
    changing.change(OTHERS[2])
    changing.play(0.05)
    changing.stage.release(0, serial)
    changing.play(0.5)
    assert rms_db(changing.play(0.1)) < -100


def test_panic_silences_both_packs(changing: Changing) -> None:
    changing.hold(0, 440)
    changing.hold(1, 550)
    changing.play(0.3)
    new = changing.change(OTHERS[2])
    new.put(0, tone(880, OTHERS[2]))
    changing.play(0.05)
    changing.stage.panic()
    changing.play(0.1)
    assert rms_db(changing.play(0.1)) < -100


def test_a_voice_that_is_given_away_meanwhile_does_not_hang(changing: Changing) -> None:
    changing.hold(0, 440)
    changing.play(0.3)
    new = changing.change(OTHERS[4])
    assert changing.board.send(Event(b.START, 0, 1, 5, 0.0, 77))  # a shot takes the voice
    changing.play(0.1)
    assert rms_db(changing.play(0.1)) < -100
    new.put(0, tone(880, OTHERS[4]), request=5)
    assert abs(pitch(changing.play(0.2), changing.rate) - 880) < 5


def test_packs_that_follow_each_other_quickly_leave_only_the_last(changing: Changing) -> None:
    changing.hold(0, 440)
    changing.play(0.3)
    for other in OTHERS:
        new = changing.change(other)
        changing.play(0.02)
    new.put(0, tone(880, OTHERS[-1]))
    changing.play(0.5)
    assert abs(pitch(changing.play(0.3), changing.rate) - 880) < 3
    assert len(changing.stream.ended) == len(OTHERS)


def test_the_sum_of_two_packs_stays_within_the_ceiling(changing: Changing) -> None:
    changing.stage.set("/ceiling", -12)
    for v in range(4):
        changing.hold(v, 300 + 100 * v)
    changing.play(0.2)
    new = changing.change(OTHERS[0])
    for v in range(4):
        new.put(v, tone(301 + 100 * v, OTHERS[0]))
    out = np.zeros((400, changing.hop, 2), np.float32)
    for hop in out:
        changing.stream.hop(hop)
    assert np.abs(out).max() <= 10 ** (-12 / 20) + 1e-6
