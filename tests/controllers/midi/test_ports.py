from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.ports import MidiPorts, ports
from latentpad.controllers.midi.process import match
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.control.instrument import Instrument
from tests.controllers.midi.jack_keyboard import JackKeyboard, until, wire

if TYPE_CHECKING:
    from latentpad.benchmarks.jack_server import JackServer


@pytest.fixture
def keyboard(jack_server: JackServer) -> Iterator[JackKeyboard]:
    keyboard = JackKeyboard()
    yield keyboard
    keyboard.unplug()


def open_ports(instrument: Instrument, tmp_path: Path, *names: str) -> MidiPorts:
    bindings = Learning(instrument, tmp_path / "bindings.toml")
    return MidiPorts(instrument, bindings, Outcomes(instrument), names)


def test_notes_and_controls_wired_to_the_virtual_port_arrive(
    jack_server: JackServer, keyboard: JackKeyboard, instrument: Instrument, tmp_path: Path
) -> None:
    midi = open_ports(instrument, tmp_path)
    try:
        until(lambda: "latentpad (JACK)" in midi.open, "opening")
        wire(jack_server)
        until(
            lambda: dict(instrument.values())["/pad/1/xy"] == (1.0, 0.5), "CC 16",
            again=lambda: keyboard.play("b0 10 7f"),
        )  # fmt: skip
        held = int(instrument.board.held.sum())
        keyboard.play("90 3c 64")
        until(lambda: instrument.board.held.sum() == held + 1, "the note")
        keyboard.play("80 3c 00")
        until(lambda: instrument.board.held.sum() == held, "letting the note go")
    finally:
        midi.close()


def test_midi_comes_back_with_the_jack_server(
    jack_server: JackServer, keyboard: JackKeyboard, instrument: Instrument, tmp_path: Path
) -> None:
    midi = open_ports(instrument, tmp_path)
    try:
        until(lambda: "latentpad (JACK)" in midi.open, "opening")
        wire(jack_server)
        note = partial(keyboard.play, "90 3c 64")
        until(lambda: instrument.board.held.sum() == 1, "the note", note)
        jack_server.kill()
        until(lambda: not midi.open, "noticing that JACK is gone")
        assert instrument.board.held.sum() == 0
        jack_server.start()
        again = JackKeyboard()
        until(lambda: "latentpad (JACK)" in midi.open, "opening again")
        wire(jack_server)
        note = partial(again.play, "90 3e 64")
        until(lambda: instrument.board.held.sum() == 1, "the note after that", note)
        again.unplug()
    finally:
        midi.close()


def test_a_port_opened_by_part_of_its_name_may_come_and_go(
    jack_server: JackServer, instrument: Instrument, tmp_path: Path
) -> None:
    midi = open_ports(instrument, tmp_path, "keyb")
    name = "JackKeyboard:out (JACK)"
    try:
        for _ in range(2):
            keyboard = JackKeyboard()
            until(lambda: name in midi.open, "opening the keyboard")
            assert name in ports()
            note = partial(keyboard.play, "90 3c 64")
            until(lambda: instrument.board.held.sum() == 1, "the note", note)
            keyboard.unplug()
            until(lambda: name not in midi.open, "noticing that it is gone")
            until(lambda: instrument.board.held.sum() == 0, "letting its note go")
    finally:
        midi.close()


def test_without_a_jack_server_it_is_said_once_and_nothing_is_started(
    instrument: Instrument, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "latentpad-no-such-server")
    said: list[str] = []
    bindings = Learning(instrument, tmp_path / "bindings.toml")
    midi = MidiPorts(instrument, bindings, Outcomes(instrument), announce=said.append)
    try:
        until(lambda: any("no JACK server" in line for line in said), "saying so")
        time.sleep(1.5)  # a second look finds the same and is not worth a second line
        assert sum("no JACK server" in line for line in said) == 1
        assert not any("JACK" in name for name in midi.open)
        assert not any("JACK" in name for name in ports())
    finally:
        midi.close()
    assert not midi.open


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("Keystation", "Keystation:Keystation MIDI 1 20:0"),
        ("nano", "nanoKONTROL2:nanoKONTROL2 _ CTRL 24:0"),
        ("nanoKONTROL2:nanoKONTROL2 _ CTRL 28:0", "nanoKONTROL2:nanoKONTROL2 _ CTRL 24:0"),
        ("nothing", None),
    ],
)
def test_a_port_is_meant_by_part_of_its_name(wanted: str, found: str | None) -> None:
    there = ["Keystation:Keystation MIDI 1 20:0", "nanoKONTROL2:nanoKONTROL2 _ CTRL 24:0"]
    assert match(wanted, there) == found


def test_the_very_name_goes_before_a_part_of_another() -> None:
    assert match("keys", ["big keys", "keys"]) == "keys"
