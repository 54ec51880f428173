from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.learning.midi_control import MidiControl
from latentpad.controllers.midi.input import MidiInput
from latentpad.controllers.midi.lamps import counterpart
from latentpad.controllers.midi.lights import RATE_S, TOUCH_S, Lights, messages
from latentpad.controllers.midi.ready_maps import MAPS, ReadyMap, map_of, plain_ports, ready_maps
from latentpad.controllers.midi.wiring import AlsaWiring
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.control.instrument import Instrument
from tests.controllers.midi.cable import Cable
from tests.controllers.midi.jack_keyboard import until
from tests.controllers.midi.test_input import cc

NANO = "nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0"


class Desk:
    """A knob box, what it learned, and what its lamps were sent."""

    def __init__(self, instrument: Instrument, folder: Path, port: str = "knobs") -> None:
        self.now = 100.0
        self.room = True
        self.sent: list[list[int]] = []
        self.instrument = instrument
        self.learning = Learning(instrument, folder / "bindings.toml")
        self.lights = Lights(instrument, self.learning, self._send, clock=lambda: self.now)
        outcomes, ready = Outcomes(instrument), map_of(port)
        self.cable = Cable(
            MidiInput(instrument, port, self.learning, outcomes, lights=self.lights, ready=ready)
        )
        self.port = port

    def _send(self, port: str, sent: list[list[int]]) -> bool:
        if self.room:
            self.sent += sent
        return self.room

    def learn(self, address: str, number: int) -> None:
        self.instrument.apply("/learn", (address,))
        self.cable.send(cc(number, 1), cc(number, 0))
        self.now += 2 * TOUCH_S

    def settle(self) -> list[list[int]]:
        """What is sent within some turns."""
        time.sleep(4 * RATE_S)
        sent, self.sent = self.sent, []
        return sent


@pytest.fixture
def knobs(instrument: Instrument, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(instrument, tmp_path)
    made.learn("/texture", 20)
    made.lights.open("knobs")
    made.settle()
    yield made
    made.lights.stop()


def test_what_others_change_is_sent_to_the_bound_control(knobs: Desk) -> None:
    knobs.instrument.apply("/texture", (0.5,))
    assert knobs.settle() == [[0xB0, 20, 64]]
    knobs.instrument.apply("/texture", (0.501,))  # the same step of 7 bits
    knobs.instrument.apply("/pan", (0.5,))
    assert knobs.settle() == []


def test_a_control_is_not_sent_what_it_has_set(knobs: Desk) -> None:
    knobs.cable.send(cc(20, 99))
    assert knobs.settle() == []
    knobs.now += 2 * TOUCH_S
    assert knobs.settle() == []


def test_a_second_control_of_the_same_address_follows(knobs: Desk) -> None:
    knobs.learn("/texture", 21)
    knobs.settle()
    knobs.cable.send(cc(20, 99))
    assert knobs.settle() == [[0xB0, 21, 99]]


def test_a_hand_is_not_pulled_at(knobs: Desk) -> None:
    knobs.cable.send(cc(20, 99))
    knobs.instrument.apply("/texture", (0.0,))
    until(lambda: bool(knobs.lights._due), "waiting")
    assert knobs.sent == []
    knobs.now += 2 * TOUCH_S
    until(lambda: knobs.sent == [[0xB0, 20, 0]], "the lamp")


def test_what_a_motor_returns_is_no_gesture(knobs: Desk) -> None:
    knobs.instrument.apply("/texture", (0.503,))
    knobs.settle()
    knobs.cable.send(cc(20, 64))
    assert knobs.instrument.value("/texture") == (0.503,)
    knobs.now += 2 * TOUCH_S
    knobs.cable.send(cc(20, 64))
    assert knobs.instrument.value("/texture") == (pytest.approx(64 / 127),)


def test_without_room_the_newest_value_is_sent_later(knobs: Desk) -> None:
    knobs.room = False
    for value in (0.1, 0.2, 1.0):
        knobs.instrument.apply("/texture", (value,))
    until(lambda: bool(knobs.lights._due), "waiting")
    knobs.room = True
    until(lambda: bool(knobs.sent), "the lamp")
    assert knobs.settle() == [[0xB0, 20, 127]]


def test_a_port_that_is_opened_is_sent_all_values(knobs: Desk) -> None:
    knobs.lights.close("knobs")
    knobs.instrument.apply("/texture", (1.0,))
    assert knobs.settle() == []
    knobs.lights.open("knobs")
    assert knobs.settle() == [[0xB0, 20, 127]]


def test_a_value_is_sent_thirty_times_a_second_at_most() -> None:
    assert RATE_S >= 1 / 30


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("cc 7", 5, [[0xB2, 7, 5]]),
        ("cc14 7", 300, [[0xB2, 7, 2], [0xB2, 39, 44]]),
        ("note 36", 127, [[0x92, 36, 127]]),
        ("key pressure 36", 9, [[0xA2, 36, 9]]),
        ("pressure", 9, [[0xD2, 9]]),
        ("bend", 8192, [[0xE2, 0, 64]]),
        ("nrpn 130", 300, [[0xB2, 99, 1], [0xB2, 98, 2], [0xB2, 6, 2], [0xB2, 38, 44]]),
        ("program 3", 1, []),
    ],
)
def test_a_value_is_sent_as_its_control_sends_it(
    name: str, value: int, expected: list[list[int]]
) -> None:
    assert messages(MidiControl.parse("knobs", 3, name), value) == expected


# -- ready maps ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(MAPS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_ready_map_binds_known_controls_to_known_addresses(path: Path) -> None:
    ready = ReadyMap.read(path)
    bindings = [*ready.bindings(ready.ports[0])]
    assert len({binding.key for binding in bindings}) == len(ready.controls) >= 8
    assert {"/pad/x", "/pad/y", "/gain"} <= {binding.target.address for binding in bindings}


def test_a_device_is_known_by_its_port() -> None:
    known = map_of(NANO)
    assert known is not None and known.title == "Korg nanoKONTROL2"
    assert map_of("some keys") is None
    assert "nanoKONTROL2" in plain_ports() and len(ready_maps()) >= 6


def test_a_known_device_plays_without_learning_and_lights_up(
    instrument: Instrument, tmp_path: Path
) -> None:
    nano = Desk(instrument, tmp_path, NANO)
    nano.lights.open(NANO)
    assert [0xB0, 2, 0] in nano.settle()
    nano.cable.plug.receive([("cc", 1, 2, 127, 127), ("cc", 1, 0, 127, 127)])
    assert instrument.value("/texture") == (1.0,)
    assert dict(instrument.values())["/pad/1/xy"][0] == 1.0
    nano.learn("/pan", 2)  # what is learned goes before it
    instrument.apply("/texture", (0.5,))
    nano.cable.plug.receive([("cc", 1, 2, 127, 127)])
    assert (instrument.value("/texture"), instrument.value("/pan")) == ((0.5,), (1.0,))
    nano.settle()
    nano.lights.stop()


# -- ports -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("port", "output"),
    [
        ("nano:nano MIDI 1 20:0", "nano:nano MIDI 1 20:0"),
        ("system:midi_capture_1", "system:midi_playback_1"),
        ("JackKeyboard:out", "JackKeyboard:in"),
        ("keys:out", None),
        ("two:out", None),
    ],
)
def test_a_device_s_output_is_found(port: str, output: str | None) -> None:
    outputs = ["nano:nano MIDI 1 20:0", "system:midi_playback_1", "system:midi_playback_2",
               "JackKeyboard:in", "two:a", "two:b"]  # fmt: skip
    assert counterpart(port, outputs) == output


CLIENTS = """Client info
  cur  clients : 3

Client   0 : "System" [Kernel Legacy]
  Port   1 : "Announce" (R-e-)
    Connecting To: 15:0
Client 128 : "latentpad-midi" [User Legacy]
  Port   0 : "latentpad" (-We-) [In]
    Connected From: 20:0
Client 129 : "latentpad-midi" [User Legacy]
  Port   0 : "other" (-We-)
"""


def test_the_sequencer_s_list_tells_what_is_connected(tmp_path: Path) -> None:
    path = tmp_path / "clients"
    assert AlsaWiring(path).inputs("latentpad-midi") == {}
    path.write_text(CLIENTS)
    assert AlsaWiring(path).inputs("latentpad-midi") == {
        "latentpad-midi:latentpad": True,
        "latentpad-midi:other": False,
    }
