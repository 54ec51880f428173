from __future__ import annotations

from pathlib import Path

import pytest
from latentpad.controllers.midi.learn import Bindings, BindingsError, Control, target

from latentpad.controllers.midi.input import MidiInput
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.arguments import CommandError
from latentpad.engine.control.instrument import Instrument
from tests.engine.test_sound_writer import files_of_at_most


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "latentpad" / "midi.toml"


@pytest.fixture
def keys(instrument: Instrument, path: Path) -> MidiInput:
    bindings = Bindings(path)
    bindings.install(instrument)
    return MidiInput(instrument, "keys", bindings, Outcomes(instrument))


def test_the_next_control_moved_steers_the_address_over_its_range(keys: MidiInput) -> None:
    keys.instrument.apply("/learn", ("/loop/speed",))
    keys.receive([0xB2, 74, 127])
    assert keys.instrument.value("/loop/speed") == (4.0,)
    keys.receive([0xB2, 74, 0])
    assert keys.instrument.value("/loop/speed") == (-4.0,)
    keys.receive([0xB2, 75, 127])  # another control, and the same on another channel
    keys.receive([0xB3, 74, 127])
    assert keys.instrument.value("/loop/speed") == (-4.0,)


def test_what_was_learned_is_kept(keys: MidiInput, path: Path, instrument: Instrument) -> None:
    for address, data in (("/texture", [0xB0, 74, 1]), ("/pad/3/touch", [0x99, 36, 100])):
        instrument.apply("/learn", (address,))
        keys.receive(data)
    again = Bindings(path)
    assert [(str(control), t.address) for control, t in again.items()] == [
        ("channel 1 cc 74", "/texture"),
        ("channel 10 note 36", "/pad/3/touch"),
    ]
    assert again.items() == keys.bindings.items()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_was_learned_is_told(keys: MidiInput, instrument: Instrument) -> None:
    reported: list[str] = []
    keys.bindings.install(instrument, reported.append)
    instrument.apply("/learn", ("/pan",))
    instrument.apply("/learn", ("",))
    instrument.apply("/learn", ("/texture",))
    keys.receive([0xB0, 74, 1])
    keys.receive([0xB0, 74, 2])
    assert reported == [
        "learn  /pan: move a control",
        "learn  nothing any more",
        "learn  /texture: move a control",
        "learn  channel 1 cc 74 steers /texture",
    ]


def test_a_control_has_one_binding(keys: MidiInput, instrument: Instrument) -> None:
    for address in ("/texture", "/pan"):
        instrument.apply("/learn", (address,))
        keys.receive([0xB0, 74, 0])
    assert [t.address for _, t in keys.bindings.items()] == ["/pan"]


def test_an_empty_address_cancels(keys: MidiInput, instrument: Instrument) -> None:
    instrument.apply("/learn", ("/texture",))
    instrument.apply("/learn", ("",))
    keys.receive([0xB0, 74, 127])
    assert keys.bindings.items() == []


def test_a_bound_control_does_only_what_it_was_bound_to(
    keys: MidiInput, instrument: Instrument
) -> None:
    keys.receive([0xB0, 16, 64])
    instrument.apply("/learn", ("/texture",))
    keys.receive([0xB0, 16, 127])
    before = dict(instrument.values())["/pad/1/xy"]
    keys.receive([0xB0, 16, 0])
    keys.receive([0xB0, 48, 100])  # the fine byte of what is no coordinate any more
    assert instrument.value("/texture") == (0.0,)
    assert dict(instrument.values())["/pad/1/xy"] == before


def test_keys_play_on_while_a_knob_is_looked_for(keys: MidiInput, instrument: Instrument) -> None:
    instrument.apply("/learn", ("/texture",))
    keys.receive([0x90, 60, 100])
    assert instrument.board.held.sum() == 1
    keys.receive([0xB0, 74, 127])
    assert [str(control) for control, _ in keys.bindings.items()] == ["channel 1 cc 74"]


def test_a_key_holds_a_switch_however_softly_it_is_pressed(
    keys: MidiInput, instrument: Instrument
) -> None:
    instrument.apply("/learn", ("/loop/freeze",))
    keys.receive([0x90, 36, 1])
    assert instrument.value("/loop/freeze") == (1.0,)
    keys.receive([0x80, 36, 64])
    assert instrument.value("/loop/freeze") == (0.0,)
    assert instrument.board.held.sum() == 0


def test_a_trigger_is_carried_out_once_each_time_it_is_pressed(
    keys: MidiInput, instrument: Instrument
) -> None:
    fired: list[str] = []
    instrument.listeners.append(lambda address, *_: fired.append(address))
    instrument.apply("/learn", ("/snapshot/1/store",))
    for value in (10, 100, 127, 20, 90, 0):
        keys.receive([0xB0, 74, value])
    assert fired == ["/snapshot/1/store"] * 2


def test_a_choice_divides_the_knob_evenly(keys: MidiInput, instrument: Instrument) -> None:
    instrument.apply("/learn", ("/mode",))
    modes = []
    for value in (0, 42, 43, 84, 85, 127):
        keys.receive([0xB0, 74, value])
        modes.append(dict(instrument.values())["/mode"][0])
    assert modes == ["loop", "loop", "shot", "shot", "original", "original"]


def test_a_knob_moves_a_time_by_its_curve(keys: MidiInput, instrument: Instrument) -> None:
    instrument.apply("/learn", ("/attack",))
    seconds: list[float] = []
    for value in (0, 1, 64, 127):
        keys.receive([0xB0, 74, value])
        seconds += instrument.value("/attack")
    assert seconds[0] == 0 and 0 < seconds[1] < 0.001
    assert 0.1 < seconds[2] < 0.5 and seconds[3] == 5


@pytest.mark.parametrize(
    ("address", "ends"),
    [
        ("/pad/x", (0, 1)),
        ("/pad/10/y", (0, 1)),
        ("/pad/2/level", (-60, 12)),
        ("/latent/4", (-3, 3)),
        ("/lattice/12", (0, 1)),
        ("/guard", (0, 1)),
        ("/pad/touch", (0, 1)),
    ],
)
def test_a_target_reaches_from_end_to_end(address: str, ends: tuple[float, float]) -> None:
    assert (*target(address).args(0), *target(address).args(1)) == ends


@pytest.mark.parametrize(
    "address",
    ["/no/such", "/axes", "/pad/1/xy", "/pad/11/x", "/pad/0/x", "/pad/{n}/level", "/note", "gain"],
)
def test_what_no_control_can_steer_is_refused(keys: MidiInput, address: str) -> None:
    with pytest.raises(CommandError, match="/learn"):
        keys.instrument.apply("/learn", (address,))
    assert keys.bindings.learning is None


@pytest.mark.parametrize("args", [(), (1,), ("/gain", "/pan")])
def test_learn_takes_one_address(keys: MidiInput, args: tuple[str | int, ...]) -> None:
    with pytest.raises(CommandError, match="/learn takes"):
        keys.instrument.apply("/learn", args)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[bindings]\n"channel 1 cc 74" = "/no/such"\n', "/no/such"),
        ('[bindings]\n"channel 17 cc 74" = "/gain"\n', "channel 17 cc 74"),
        ('[bindings]\n"knob" = "/gain"\n', "knob"),
        ("bindings = 3\n", ""),
        ("[bindings\n", "line 1"),
        ('[bindings]\n"channel 1 cc 74" = 3\n', "no address"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("a = " + "9" * 5001, ""),
        ("a." * 500_000 + "a = 1", "line 1 has more than 250 dots"),
        (f'[bindings]\n"{"x" * 100_000}" = "/gain"\n', "is no control"),
        ('[bindings]\n"channel 1 cc 74" = "/\\u001b]0;owned\\u0007"\n', "/learn"),
    ],
)
def test_a_broken_file_is_explained_in_one_line(path: Path, text: str, what: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(BindingsError) as error:
        Bindings(path)
    message = str(error.value)
    assert str(path) in message and what in message
    assert message.isprintable() and len(message) < 1000


@pytest.mark.parametrize("text", ["channel 1 cc 0", "channel 16 note 127"])
def test_a_control_s_name_is_read_as_it_was_written(text: str) -> None:
    assert str(Control.parse(text)) == text


def test_a_file_that_does_not_end_is_told_and_not_read(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to("/dev/zero")
    with pytest.raises(BindingsError, match="is no file"):
        Bindings(path)


def test_a_binding_that_cannot_be_written_holds_and_is_told(
    keys: MidiInput, instrument: Instrument
) -> None:
    reported: list[str] = []
    keys.bindings.install(instrument, reported.append)
    keys.bindings.path.parent.mkdir(parents=True, exist_ok=True)
    instrument.apply("/learn", ("/loop/speed",))
    with files_of_at_most(5):
        keys.receive([0xB0, 74, 127])
    assert reported[0] == "learn  /loop/speed: move a control"
    assert len(reported) == 2 and "too large" in reported[1] and "channel 1 cc 74" in reported[1]
    speed = instrument.value("/loop/speed")
    keys.receive([0xB0, 74, 0])
    assert instrument.value("/loop/speed") != speed
    assert list(keys.bindings.path.parent.iterdir()) == []
