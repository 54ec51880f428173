"""Pedals, bends, pressures and MPE: what the notes of a port become on the board."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.input import MidiInput
from latentpad.controllers.midi.zones import LOWER, UPPER, Zones
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.instrument import Instrument
from tests.controllers.midi.cable import Cable
from tests.controllers.midi.test_input import bend, cc
from tests.limits import limits

ON, OFF = 0x90, 0x80


class Played:
    """A keyboard and an instrument without processes."""

    def __init__(self, *, mpe: bool = False) -> None:
        board = Board(BoardShape(frames=8, bins=9, samples=256, sample_rate=48000))
        self.board = board
        self.instrument = Instrument(board, limits(4), clock=lambda: 100.0)
        learning = Learning(self.instrument, Path("no/such/file"))
        outcomes = Outcomes(self.instrument)
        self.cable = Cable(MidiInput(self.instrument, "keys", learning, outcomes, mpe=mpe))

    def send(self, *chunks: list[int]) -> None:
        self.cable.send(*chunks)

    def voice(self, key: int, channel: int = 1) -> int:
        """The voice that holds a note."""
        group = f"midi keys {channel}"
        (found,) = (
            loop.voice
            for loop in self.instrument.state().held
            if loop.sender.group == group and loop.args[0] == key
        )
        return found

    def held(self) -> set[tuple[int, int]]:
        """Channel and key of every held note."""
        return {
            (int(loop.sender.group.split()[-1]), int(loop.args[0]))
            for loop in self.instrument.state().held
        }

    def point(self, key: int, channel: int) -> tuple[float, float]:
        x, y = self.board.points[self.voice(key, channel)].tolist()
        return x, y


@pytest.fixture
def keys() -> Played:
    return Played()


@pytest.fixture
def mpe() -> Played:
    return Played(mpe=True)


# -- pedals ----------------------------------------------------------------------------------


def test_the_sustain_pedal_holds_notes_until_it_comes_up(keys: Played) -> None:
    keys.send([ON, 60, 99], cc(64, 64), [OFF, 60, 0], [ON, 62, 99])
    assert keys.held() == {(1, 60), (1, 62)}
    keys.send(cc(64, 63))
    assert keys.held() == {(1, 62)}
    keys.send([OFF, 62, 0])
    assert keys.held() == set()


def test_the_sostenuto_pedal_holds_only_the_keys_that_were_down(keys: Played) -> None:
    keys.send([ON, 60, 99], cc(66, 127), [ON, 62, 99], [OFF, 60, 0], [OFF, 62, 0])
    assert keys.held() == {(1, 60)}
    keys.send(cc(66, 0))
    assert keys.held() == set()


def test_each_pedal_holds_what_the_other_lets_go(keys: Played) -> None:
    keys.send([ON, 60, 99], cc(66, 127), cc(64, 127), [OFF, 60, 0], cc(64, 0))
    assert keys.held() == {(1, 60)}
    keys.send(cc(64, 127), cc(66, 0))
    assert keys.held() == {(1, 60)}
    keys.send(cc(64, 0))
    assert keys.held() == set()


def test_a_pedal_is_its_channel_s(keys: Played) -> None:
    keys.send(cc(64, 127), [0x91, 60, 99], [0x81, 60, 0])
    assert keys.held() == set()


def test_reset_all_controllers_lifts_the_pedals_and_the_bend(keys: Played) -> None:
    keys.send([ON, 60, 99], cc(64, 127), cc(66, 127), bend(16383), [0xD0, 127], cc(121, 0))
    voice = keys.voice(60)
    assert (keys.board.pitches[voice], keys.board.levels[voice]) == (0.0, 0.0)
    keys.send([OFF, 60, 0])
    assert keys.held() == set()


key = st.integers(60, 63)
gestures = st.one_of(
    st.builds(lambda k, v: [ON, k, v], key, st.sampled_from((0, 99))),
    st.builds(lambda n, v: cc(n, v), st.sampled_from((64, 66)), st.sampled_from((0, 127))),
)


@given(st.lists(gestures, max_size=40))
def test_with_all_keys_and_pedals_up_nothing_hangs(played: list[list[int]]) -> None:
    keys = Played()
    keys.send(*played)
    keys.send(*([OFF, k, 0] for k in range(60, 64)), cc(64, 0), cc(66, 0))
    assert keys.held() == set()


@given(st.lists(gestures, max_size=40))
def test_a_key_that_is_down_sounds(played: list[list[int]]) -> None:
    keys = Played()
    down: set[tuple[int, int]] = set()
    for data in played:
        keys.send(data)
        if data[0] == ON:
            (down.add if data[2] else down.discard)((1, data[1]))
        assert down <= keys.held()


# -- bends and pressures ---------------------------------------------------------------------


@pytest.mark.parametrize(("value", "semitones"), [(0, -2), (8192, 0), (16383, 2), (4096, -1)])
def test_the_bend_is_two_semitones_each_way(keys: Played, value: int, semitones: float) -> None:
    keys.send([ON, 64, 99], bend(value))
    assert keys.board.pitches[keys.voice(64)] == pytest.approx(4 + semitones)


def test_a_note_begins_bent_as_the_channel_is(keys: Played) -> None:
    keys.send(bend(16383), [ON, 60, 99], [0x91, 60, 99])
    assert keys.board.pitches[keys.voice(60)] == 2
    assert keys.board.pitches[keys.voice(60, 2)] == 0


def test_rpn_0_sets_the_range_of_the_bend_in_semitones_and_cents(keys: Played) -> None:
    keys.send([ON, 60, 99], bend(16383), [*cc(101, 0), *cc(100, 0), *cc(6, 12)])
    assert keys.board.pitches[keys.voice(60)] == 12
    keys.send([*cc(6, 1), *cc(38, 50)])
    assert keys.board.pitches[keys.voice(60)] == pytest.approx(1.5)


def test_the_pressure_of_a_channel_and_of_a_key_raise_the_level(keys: Played) -> None:
    keys.send([ON, 60, 99], [ON, 62, 99], [0xD0, 127])
    levels = keys.board.levels
    assert levels[keys.voice(60)] == levels[keys.voice(62)] == pytest.approx(12)
    keys.send([0xD0, 0], [0xA0, 62, 127])
    assert (levels[keys.voice(60)], levels[keys.voice(62)]) == (0, pytest.approx(12))
    keys.send([OFF, 62, 0], [ON, 62, 99])  # a key that is struck again has no pressure yet
    assert levels[keys.voice(62)] == 0


# -- MPE -------------------------------------------------------------------------------------


def test_a_member_s_bend_and_slide_move_its_own_point(mpe: Played) -> None:
    mpe.send([0x91, 60, 99], [0x92, 64, 99], bend(8192 + 2048, channel=2), cc(74, 127, channel=3))
    assert mpe.point(60, 2) == pytest.approx((0.75, 0.5), abs=1e-3)
    assert mpe.point(64, 3) == (0.5, 1.0)
    assert mpe.board.pitches[mpe.voice(60, 2)] == 0  # the bend is x, and no pitch


def test_x_begins_at_the_pad_s_point_and_stays_on_the_pad(mpe: Played) -> None:
    mpe.instrument.apply("/pad/xy", (0.25, 0.75))
    mpe.send([0x91, 60, 99])
    assert mpe.point(60, 2) == (0.25, 0.75)
    mpe.instrument.apply("/pad/xy", (0.9, 0.1))
    assert mpe.point(60, 2) == (0.25, 0.75)
    mpe.send(bend(0, channel=2))
    assert mpe.point(60, 2) == (0.0, 0.75)


def test_the_bend_leads_as_far_as_its_range(mpe: Played) -> None:
    mpe.send([0x91, 60, 99], [*cc(101, 0, 5), *cc(100, 0, 5), *cc(6, 12, 5)], bend(16383, 2))
    assert mpe.point(60, 2) == pytest.approx((0.75, 0.5))


def test_what_comes_before_a_note_is_its_start(mpe: Played) -> None:
    events = mpe.board.received
    mpe.send(bend(8192 + 2048, 2), cc(74, 127, 2), [0xD1, 64], [0x91, 60, 99])
    (start,) = [*events()]
    assert mpe.point(60, 2) == pytest.approx((0.75, 1.0), abs=1e-3)
    assert mpe.board.requests[start.voice] >= start.request


def test_pressure_is_the_level_and_velocity_that_of_the_attack(mpe: Played) -> None:
    mpe.send([0x91, 60, 127], [0x92, 62, 32])
    loud, soft = mpe.voice(60, 2), mpe.voice(62, 3)
    assert mpe.board.start_level[loud] == 0 and mpe.board.start_level[soft] < -20
    mpe.send([0xD1, 64], [0xD2, 64])
    level = mpe.board.start_level + mpe.board.levels + mpe.board.pressures
    assert level[loud] == pytest.approx(level[soft]) and -13 < level[loud] < -11
    mpe.send([0xD1, 0])
    assert (mpe.board.start_level + mpe.board.pressures)[loud] < -100


def test_the_master_s_bend_pressure_and_pedal_act_on_all(mpe: Played) -> None:
    mpe.send(bend(16383), [0x91, 60, 99], [0x92, 62, 99], [0xD0, 127], cc(64, 127))
    for channel, note in ((2, 60), (3, 62)):
        voice = mpe.voice(note, channel)
        assert mpe.board.pitches[voice] == note - 60 + 2
        assert mpe.board.levels[voice] == pytest.approx(12)
        mpe.send([0x80 + channel - 1, note, 0])
    assert len(mpe.held()) == 2
    mpe.send(cc(64, 0))
    assert mpe.held() == set()


def test_fifteen_notes_have_fifteen_points(mpe: Played) -> None:
    for k in range(15):
        channel = k + 2
        mpe.send([0x8F + channel, 60, 99], bend(1000 * k, channel), cc(74, 8 * k, channel))
    points = {mpe.point(60, channel) for channel in range(2, 17)}
    assert len(points) == 15


def mcm(master: int, members: int) -> list[int]:
    return [*cc(101, 0, master), *cc(100, 6, master), *cc(6, members, master)]


def test_the_configuration_message_opens_and_closes_a_zone(keys: Played) -> None:
    keys.send(mcm(1, 3), [0x91, 60, 99], bend(16383, 2), [0x94, 60, 99], bend(16383, 5))
    assert keys.point(60, 2)[0] == 1.0
    assert keys.board.pitches[keys.voice(60, 5)] == 2  # outside the zone a bend bends
    keys.send(mcm(1, 0))
    assert keys.held() == {(5, 60)}
    keys.send([0x91, 60, 99], bend(16383, 2))
    assert keys.board.pitches[keys.voice(60, 2)] == 2


def test_the_upper_zone_counts_from_channel_15_down(keys: Played) -> None:
    keys.send(mcm(16, 2), [0x9E, 60, 99], bend(0, 15), [0x9C, 60, 99], bend(0, 13))
    assert keys.point(60, 15)[0] == 0.0
    assert keys.board.pitches[keys.voice(60, 13)] == -2
    keys.send(bend(0, 16))
    assert keys.board.pitches[keys.voice(60, 15)] == -2


zone_messages = st.lists(st.tuples(st.integers(1, 16), st.integers(0, 127)), max_size=8)


@given(zone_messages)
def test_zones_never_overlap_and_the_newest_has_what_it_asked_for(
    sent: list[tuple[int, int]],
) -> None:
    zones = Zones()
    for master, members in sent:
        zones.configure(master, members)
        lower, upper = zones.channels(LOWER), zones.channels(UPPER)
        assert not lower & upper and lower | upper <= {*range(1, 17)}
        if master in (LOWER, UPPER):
            assert len(zones.members(master)) == min(members, 15)


def test_a_forced_zone_stays() -> None:
    zones = Zones(forced=True)
    zones.configure(LOWER, 0)
    assert zones.members(LOWER) == range(2, 17)


def test_a_device_that_has_gone_leaves_no_pedal_down(keys: Played) -> None:
    keys.send(cc(64, 127), [ON, 60, 99], [OFF, 60, 0])
    keys.cable.plug.release()
    assert keys.held() == set()
    keys.send([ON, 62, 99], [OFF, 62, 0])
    assert keys.held() == set()
