"""The playing process dies at any moment of a hop: the next one plays what is held and nothing
else.

The instrument and the voices share a board. The voices are made again, as in a new process.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from latentpad.benchmarks.signals import tone
from latentpad.engine import board as b
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.parameters import VOICES
from latentpad.engine.play.handover import resume
from latentpad.engine.play.voices import Voices
from tests.engine.stage import FINE, Floats, Stage, rms_db
from tests.limits import limits

KEYS = Sender("midi Keys 1")
MOMENTS = ("before it takes the events", "before it reports", "after it has reported")


class Killed(Exception):
    """The end of the playing process at one point of a hop."""


class Played:
    """An instrument whose playing process the test kills, and whose decoding process the test
    replaces."""

    def __init__(self, mode: str) -> None:
        self.stage = Stage()
        self.board = self.stage.board
        self.now = 0.0
        self.instrument = Instrument(
            self.board,
            limits(4),
            clock=lambda: self.now,
        )
        self.send("/mode", mode)

    def send(self, address: str, *args: float | str) -> None:
        self.now += 0.001
        self.instrument.apply(address, args, KEYS)

    def note(self, pitch: int, velocity: int = 127) -> None:
        self.send("/note", pitch, velocity)

    def decode(self) -> None:
        """Answer what was asked for, as the decoding process does."""
        for v in range(VOICES):
            request = int(self.board.requests[v])
            if request:
                self.stage.put(v, tone(440, level=0.1), request=request)

    def die(self, moment: str) -> None:
        """In the next hop; the restarted process has begun when this returns."""
        if moment != MOMENTS[0]:
            if moment == MOMENTS[1]:
                self.stage.voices._report = self._killed  # type: ignore[method-assign]
            try:
                self.stage.hops(1)
            except Killed:
                assert int(self.board.event_tail[0]) == int(self.board.event_head[0])
        self.restart()

    def restart(self) -> None:
        self.stage.voices = Voices(self.board, FINE)
        resume(self.stage.voices)

    def heard(self, seconds: float = 0.3) -> Floats:
        self.decode()
        return self.stage.play(seconds)

    @property
    def sounding(self) -> set[int]:
        return set(np.flatnonzero(self.board.voice_state != b.FREE).tolist())

    @property
    def held(self) -> set[int]:
        return set(np.flatnonzero(self.board.held).tolist())

    def _killed(self, changed: Iterable[int]) -> None:
        raise Killed


@pytest.fixture(params=["loop", "shot"])
def played(request: pytest.FixtureRequest) -> Iterator[Played]:
    played = Played(request.param)
    yield played
    # Whatever was before: all that is let go becomes free, for the control process too.
    played.instrument.release_all()
    played.heard(2.0)
    assert not played.sounding and not played.held
    played.note(100)
    played.heard(0.05)
    assert played.sounding == {0}, "a free voice was not taken for one"


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_voice_that_was_just_started_sounds_if_it_is_held(played: Played, moment: str) -> None:
    played.note(60)
    played.die(moment)
    made = played.heard()
    assert played.sounding == played.held
    assert made.any() == bool(played.held)


def test_loops_that_sounded_sound_again_and_shots_do_not(played: Played) -> None:
    played.note(60)
    played.heard()
    played.die(MOMENTS[2])
    made = played.heard()
    assert made.any() == bool(played.held)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_voice_that_was_just_let_go_is_silent(played: Played, moment: str) -> None:
    played.note(60)
    played.note(64)
    played.heard()
    played.note(60, 0)
    played.die(moment)
    played.heard()
    assert played.sounding == played.held <= {1}


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_panic_nothing_sounds(played: Played, moment: str) -> None:
    played.note(60)
    played.heard()
    played.send("/panic")
    played.die(moment)
    made = played.heard()
    assert not played.sounding and not made.any()


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_is_let_go_after_the_restart_dies_away(played: Played, moment: str) -> None:
    """The serial in the release is that of the start that was never reported."""
    played.note(60)
    played.heard()
    played.note(60, 0)
    for pitch in range(61, 61 + VOICES):  # the first voice is given again
        played.note(pitch)
    played.die(moment)
    played.heard()
    assert played.sounding == played.held
    for pitch in range(61, 61 + VOICES):
        played.note(pitch, 0)
    played.heard(2.0)
    assert not played.sounding


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_came_while_no_process_was_there_is_done(played: Played, moment: str) -> None:
    played.note(60)
    played.note(62)
    played.heard()
    if moment == MOMENTS[1]:
        played.stage.voices._report = played._killed  # type: ignore[method-assign]
        with pytest.raises(Killed):
            played.stage.hops(1)
    played.note(60, 0)
    played.note(64)
    played.send("/panic")
    played.note(65)
    played.note(67)
    played.note(67, 0)
    played.restart()
    played.heard()
    assert played.sounding == played.held and len(played.held) <= 1


@pytest.mark.parametrize("before", [True, False])
def test_a_process_may_begin_in_the_midst_of_a_change(
    played: Played, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    send = played.board.send

    def interrupted(event: b.Event) -> bool:
        if before:
            played.restart()
        sent = send(event)
        if not before:
            played.restart()
        return sent

    monkeypatch.setattr(played.board, "send", interrupted)
    for pitch, velocity in ((60, 127), (64, 127), (60, 0), (67, 127), (64, 0)):
        played.note(pitch, velocity)
        played.heard(2.0)  # a shot has ended
        assert played.sounding == played.held
    played.send("/panic")
    played.heard()
    assert not played.sounding


def test_more_events_than_the_ring_holds_lose_nothing_while_no_process_is_there(
    played: Played,
) -> None:
    for k in range(b.EVENTS):
        played.note(40 + k % 8)
    for k in range(7):
        played.note(40 + k, 0)
    played.restart()
    played.heard()
    assert played.sounding == played.held and len(played.held) <= 1


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_held_note_is_as_loud_as_before(moment: str) -> None:
    soft, loud = Played("loop"), Played("loop")
    for played, velocity in ((soft, 40), (loud, 127)):
        played.note(60, velocity)
        played.die(moment)
    difference = rms_db(loud.heard()[4800:]) - rms_db(soft.heard()[4800:])
    assert difference == pytest.approx(40 * math.log10(127 / 40), abs=0.1)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_voice_that_was_just_given_again_does_not_begin_with_its_last_sound(moment: str) -> None:
    played = Played("loop")
    played.note(60)
    played.heard()
    played.note(60, 0)
    played.heard(2.0)
    played.note(72)
    played.die(moment)
    assert played.sounding == {0} and not played.stage.play(0.3).any()
    assert rms_db(played.heard()[4800:]) > -40
