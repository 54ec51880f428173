from __future__ import annotations

import pytest

from latentpad.controllers.learning.midi_control import NEVER, MidiControl
from latentpad.engine.arguments import CommandError
from latentpad.engine.control.instrument import Instrument
from tests.controllers.learning.teaching import Teacher
from tests.controllers.midi.cable import Cable


@pytest.fixture
def keys(teacher: Teacher) -> Cable:
    return teacher.keys()


def turn(keys: Cable, *values: int, cc: int = 74, channel: int = 0) -> None:
    for value in values:
        keys.send([0xB0 | channel, cc, value])


def test_the_next_control_moved_steers_the_address_over_its_range(
    teacher: Teacher, keys: Cable, instrument: Instrument
) -> None:
    teacher.learn("/loop/speed")
    turn(keys, 0, 127, channel=2)
    assert instrument.value("/loop/speed") == (4.0,)
    turn(keys, 0, channel=2)
    assert instrument.value("/loop/speed") == (-4.0,)
    turn(keys, 127, cc=75, channel=2)  # another control, and the same on another channel
    turn(keys, 127, channel=3)
    assert instrument.value("/loop/speed") == (-4.0,)


def test_a_control_that_sends_one_value_only_is_not_bound(teacher: Teacher, keys: Cable) -> None:
    teacher.learn("/texture")
    turn(keys, 5, 5, 5)
    turn(keys, 9, cc=75)
    assert teacher.bound() == []
    turn(keys, 6)
    assert teacher.bound() == [("keys channel 1 cc 74", "/texture")]


@pytest.mark.parametrize("number", sorted(NEVER))
def test_controllers_with_a_meaning_of_their_own_are_never_bound(
    teacher: Teacher, keys: Cable, number: int
) -> None:
    teacher.learn("/texture")
    turn(keys, 0, 64, 127, cc=number)
    assert teacher.bound() == []


def test_a_binding_names_its_port(teacher: Teacher, keys: Cable) -> None:
    teacher.learn("/texture")
    turn(keys, 0, 127)
    other = teacher.keys("strip")
    turn(other, 0)
    assert teacher.instrument.value("/texture") == (1.0,)
    teacher.learn("/pan")
    turn(other, 0, 127)
    assert teacher.bound() == [
        ("keys channel 1 cc 74", "/texture"),
        ("strip channel 1 cc 74", "/pan"),
    ]


def test_a_port_is_the_same_when_it_was_plugged_in_again(teacher: Teacher) -> None:
    teacher.learn("/texture")
    turn(teacher.keys("nano:nano MIDI 1 20:0"), 0, 127)
    turn(teacher.keys("nano:nano MIDI 1 24:0"), 0)
    assert teacher.instrument.value("/texture") == (0.0,)


TEACHERS: dict[str, tuple[list[list[int]], str, list[int]]] = {
    # messages that teach it, its name, and one that brings it to the end of its way
    "pitch bend": ([[0xE0, 0, 0], [0xE0, 0, 64]], "bend", [0xE0, 127, 127]),
    "pressure": ([[0xD1, 3], [0xD1, 9]], "pressure", [0xD1, 127]),
    "key pressure": ([[0xA0, 60, 3], [0xA0, 60, 9]], "key pressure 60", [0xA0, 60, 127]),
    "programs": ([[0xC0, 3], [0xC0, 9]], "programs", [0xC0, 127]),
    "a knob": ([[0xB0, 20, 3], [0xB0, 20, 9]], "cc 20", [0xB0, 20, 127]),
    "NRPN": (
        [[0xB0, 99, 1], [0xB0, 98, 2], [0xB0, 6, 5], [0xB0, 6, 9]],
        "nrpn 130",
        [0xB0, 6, 127],
    ),
    "a pair": (
        [[0xB0, 20, 3], [0xB0, 52, 9], [0xB0, 20, 4], [0xB0, 52, 7]],
        "cc14 20",
        [0xB0, 20, 127],
    ),
    "a pair of which the coarse byte moves first": (
        [[0xB0, 20, 3], [0xB0, 20, 4], [0xB0, 52, 7]],
        "cc14 20",
        [0xB0, 20, 127],
    ),
    "a pair of which only the fine byte moves": (
        [[0xB0, 20, 3], [0xB0, 52, 9], [0xB0, 52, 7]],
        "cc14 20",
        [0xB0, 20, 127],
    ),
}


@pytest.mark.parametrize(("messages", "name", "end"), TEACHERS.values(), ids=TEACHERS)
def test_whatever_moves_can_be_learned(
    teacher: Teacher, keys: Cable, messages: list[list[int]], name: str, end: list[int]
) -> None:
    teacher.learn("/texture")
    for message in messages:
        keys.send(message)
    channel = (messages[0][0] & 15) + 1
    assert teacher.bound() == [(f"keys channel {channel} {name}", "/texture")]
    keys.send(end)
    assert teacher.instrument.value("/texture")[0] == pytest.approx(1)


def test_both_halves_of_14_bits_count(teacher: Teacher, keys: Cable) -> None:
    teacher.learn("/texture")
    for message in TEACHERS["a pair"][0]:
        keys.send(message)
    keys.send([0xB0, 20, 64])
    keys.send([0xB0, 52, 0])
    assert teacher.instrument.value("/texture")[0] == pytest.approx(8192 / 16383)
    teacher.learn("/pan")
    for data in ([0xB1, 99, 0], [0xB1, 98, 5], [0xB1, 6, 1], [0xB1, 38, 0], [0xB1, 6, 64]):
        keys.send(data)
    assert teacher.bound()[-1] == ("keys channel 2 nrpn 5", "/pan")
    keys.send([0xB1, 38, 0])
    assert teacher.instrument.value("/pan")[0] == pytest.approx(2 * 8192 / 16383 - 1, abs=1e-6)


def test_a_number_that_was_sent_once_in_two_halves_has_not_moved(
    teacher: Teacher, keys: Cable
) -> None:
    teacher.learn("/texture")
    for data in ([0xB0, 99, 0], [0xB0, 98, 5], [0xB0, 6, 1], [0xB0, 38, 9]):
        keys.send(data)
    keys.send([0xB0, 20, 1])
    keys.send([0xB0, 52, 9])
    assert teacher.bound() == []


def test_registered_parameters_are_no_controls(teacher: Teacher, keys: Cable) -> None:
    teacher.learn("/texture")
    for data in ([0xB0, 99, 0], [0xB0, 98, 5], [0xB0, 101, 0], [0xB0, 100, 0]):
        keys.send(data)
    turn(keys, 2, 12, cc=6)
    assert teacher.bound() == []


def test_a_program_is_a_button_for_what_acts_once(teacher: Teacher, keys: Cable) -> None:
    teacher.learn("/anchor/2")
    keys.send([0xC0, 7])
    assert teacher.bound() == [("keys channel 1 program 7", "/anchor/2")]
    teacher.fired.clear()
    keys.send([0xC0, 7])
    assert teacher.fired == [("/anchor/2", ())]


def test_a_control_has_one_binding(teacher: Teacher, keys: Cable) -> None:
    for address in ("/texture", "/pan"):
        teacher.learn(address)
        turn(keys, 0, 1)
    assert teacher.bound() == [("keys channel 1 cc 74", "/pan")]


def test_a_bound_control_does_only_what_it_was_bound_to(
    teacher: Teacher, keys: Cable, instrument: Instrument
) -> None:
    turn(keys, 64, cc=16)
    teacher.learn("/texture")
    turn(keys, 0, 127, cc=16)
    before = teacher.point()
    turn(keys, 0, cc=16)
    turn(keys, 100, cc=49)  # the fine byte of what has sent no coarse one
    assert instrument.value("/texture") == (0.0,)
    assert teacher.point() == before


def test_keys_play_on_while_a_knob_is_looked_for(
    teacher: Teacher, keys: Cable, instrument: Instrument
) -> None:
    teacher.learn("/texture")
    keys.send([0x90, 60, 100])
    keys.send([0x90, 60, 50])
    assert instrument.board.held.sum() == 1
    turn(keys, 0, 127)
    assert teacher.bound() == [("keys channel 1 cc 74", "/texture")]


def test_a_key_holds_a_switch_however_softly_it_is_pressed(
    teacher: Teacher, keys: Cable, instrument: Instrument
) -> None:
    teacher.learn("/loop/freeze")
    keys.send([0x90, 36, 1])
    assert instrument.value("/loop/freeze") == (1.0,)
    keys.send([0x80, 36, 64])
    assert instrument.value("/loop/freeze") == (0.0,)
    assert instrument.board.held.sum() == 0


def test_a_trigger_is_carried_out_once_each_time_it_is_pressed(
    teacher: Teacher, keys: Cable, instrument: Instrument
) -> None:
    fired: list[str] = []
    instrument.listeners.append(lambda address, *_: fired.append(address))
    teacher.learn("/snapshot/1/store")
    turn(keys, 10, 100, 127, 20, 90, 0)
    assert fired == ["/snapshot/1/store"] * 2


def test_a_button_that_is_learned_when_it_is_let_go_has_not_acted(
    teacher: Teacher, keys: Cable
) -> None:
    teacher.learn("/panic")
    turn(keys, 127, 0)
    assert teacher.bound() and teacher.fired == []
    turn(keys, 127, 0)
    assert teacher.fired == [("/panic", ())]


def test_a_choice_divides_the_knob_evenly(teacher: Teacher, keys: Cable) -> None:
    teacher.learn("/mode")
    turn(keys, 127)
    modes = []
    for value in (0, 42, 43, 84, 85, 127):
        turn(keys, value)
        modes.append(dict(teacher.instrument.values())["/mode"][0])
    assert modes == ["loop", "loop", "shot", "shot", "original", "original"]


def test_a_knob_moves_a_time_by_its_curve_unless_another_is_asked_for(
    teacher: Teacher, keys: Cable
) -> None:
    teacher.learn("/attack")
    turn(keys, 9)
    seconds: list[float] = []
    for value in (0, 1, 64, 127):
        turn(keys, value)
        seconds += teacher.instrument.value("/attack")
    assert seconds[0] == 0 and 0 < seconds[1] < 0.001
    assert 0.1 < seconds[2] < 0.5 and seconds[3] == 5
    teacher.learn("/attack", "linear")
    turn(keys, 0, 64)
    assert teacher.instrument.value("/attack")[0] == pytest.approx(5 * 64 / 127)


def test_a_control_with_pickup_waits_until_it_meets_the_value(
    teacher: Teacher, keys: Cable
) -> None:
    instrument = teacher.instrument
    instrument.apply("/texture", (0.5,))
    teacher.learn("/texture", "pickup")
    turn(keys, 0, 10, 50)
    assert instrument.value("/texture") == (0.5,)
    turn(keys, 70)  # past it
    assert instrument.value("/texture")[0] == pytest.approx(70 / 127)
    turn(keys, 20)
    assert instrument.value("/texture")[0] == pytest.approx(20 / 127)
    instrument.apply("/texture", (0.9,))  # by another hand
    turn(keys, 40, 100)
    assert instrument.value("/texture") == (pytest.approx(0.9),)
    turn(keys, 127, 0)
    assert instrument.value("/texture") == (0.0,)


def test_a_pad_s_two_values_are_learned_one_by_one_and_that_is_told(
    teacher: Teacher, keys: Cable
) -> None:
    teacher.learn("/pad/2/xy")
    turn(keys, 0, 1, 2)
    assert teacher.bound() == []
    assert teacher.lines[1:] == [
        "learn  keys channel 1 cc 74 gives one value, /pad/2/xy takes two: learn /pad/2/x and y"
    ]


@pytest.mark.parametrize(
    "text", ["cc 0", "note 127", "cc14 5", "nrpn 16383", "bend", "pressure", "key pressure 3",
             "program 9", "programs"]
)  # fmt: skip
def test_a_control_s_name_is_read_as_it_was_written(text: str) -> None:
    control = MidiControl.parse("my keys", 3, text)
    assert control.name == text and str(control) == f"my keys channel 3 {text}"


@pytest.mark.parametrize("text", ["", "cc", "cc 128", "knob 3", "bend 3", "nrpn 16384", "cc -1"])
def test_what_is_no_control_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no control"):
        MidiControl.parse("", 1, text)


@pytest.mark.parametrize(
    "address",
    ["/no/such", "/axes", "/pad/11/x", "/pad/0/x", "/pad/{n}/level", "/note", "gain", "/preset",
     "/learn", "/unlearn", "/learn/undo", "/sync", "/latent", "/pad/xy/z/q"],
)  # fmt: skip
def test_what_no_control_can_steer_is_refused(teacher: Teacher, address: str) -> None:
    with pytest.raises(CommandError, match="/learn"):
        teacher.learn(address)
    assert teacher.lines == []
