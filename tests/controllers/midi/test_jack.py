"""MIDI on a real JACK server: every kind of message, connections that go, lamps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.ports import MidiPorts
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.control.instrument import Instrument
from tests.controllers.midi.jack_keyboard import JackKeyboard, until, wire

if TYPE_CHECKING:
    from latentpad.benchmarks.jack_server import JackServer

OWN = "latentpad (JACK)"


class Stage:
    """An instrument, its MIDI ports, and a keyboard wired to them."""

    def __init__(self, server: JackServer, instrument: Instrument, folder: Path) -> None:
        self.server = server
        self.instrument = instrument
        self.presets: list[int] = []
        instrument.register("/preset", lambda args, sender: self.presets.append(int(args[0])))
        self.learning = Learning(instrument, folder / "bindings.toml")
        self.ports = MidiPorts(instrument, self.learning, Outcomes(instrument))
        self.keyboard = JackKeyboard()
        until(lambda: OWN in self.ports.open, "opening")
        self.plug()

    def plug(self) -> None:
        """Wire the keyboard, and wait until it is heard."""
        wire(self.server)
        x = self.value("/pad/1/xy")[0]
        sent = "7f" if x < 0.5 else "00"
        until(
            lambda: self.value("/pad/1/xy")[0] != x,
            "CC 16",
            again=lambda: self.keyboard.play(f"b0 10 {sent}"),
        )
        self.instrument.release_all()

    def value(self, address: str) -> tuple[float, ...]:
        return tuple(float(v) for v in self.instrument.args_of(address))

    def held(self) -> int:
        return int(self.instrument.board.held.sum())

    def voice(self) -> int:
        (loop,) = self.instrument.state().held
        return loop.voice

    def close(self) -> None:
        self.ports.close()
        self.keyboard.unplug()


@pytest.fixture
def stage(jack_server: JackServer, instrument: Instrument, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(jack_server, instrument, tmp_path)
    yield made
    made.close()


def test_every_kind_of_message_does_what_the_table_says(stage: Stage) -> None:
    board, play = stage.instrument.board, stage.keyboard.play

    def of_note(field: str) -> Callable[[], float]:
        return lambda: float(getattr(board, field)[stage.voice()])

    def see(message: str, what: Callable[[], object], expected: object) -> None:
        play(message)
        until(lambda: what() == pytest.approx(expected), message)

    see("90 40 64", stage.held, 1)
    see("e0 7f 7f", of_note("pitches"), 4 + 2)
    see("a0 40 7f", of_note("levels"), 12)
    see("a0 40 00", of_note("levels"), 0)
    see("d0 7f", of_note("levels"), 12)
    see("b0 65 00 b0 64 00 b0 06 0c", of_note("pitches"), 4 + 12)
    see("b0 79 00", of_note("pitches"), 4)
    see("b0 40 7f", stage.held, 1)
    play("80 40 00")
    see("b0 40 00", stage.held, 0)
    see("90 40 64", stage.held, 1)
    play("b0 42 7f", "90 40 00")
    see("b0 42 00", stage.held, 0)
    for controller, address, end in (
        ("01", "/texture", 1), ("07", "/gain", -12 + 40 * 0.1038037), ("0a", "/pan", 1),
        ("11", "/pad/1/y", 1), ("48", "/release", 10), ("49", "/attack", 5),
    ):  # fmt: skip
        see(f"b0 {controller} 7f", lambda a=address: stage.value(a), (end,))  # type: ignore[misc]
    see("b0 0b 00", lambda: stage.value("/expression"), (0,))
    see("b0 20 01", lambda: True, True)
    see("c0 02", lambda: stage.presets, [130])
    see("90 40 64", stage.held, 1 + (stage.held() > 0))
    see("fc", stage.held, stage.held() - 1)
    see("90 40 64", stage.held, stage.held() + 1)
    see("b0 7b 00", stage.held, stage.held() - 1)
    see("90 40 64", stage.held, stage.held() + 1)
    see("b0 78 00", stage.held, 0)


def test_running_status_and_split_messages_are_put_together(stage: Stage) -> None:
    stage.keyboard.play("90 3c 64 3e 64", "40", "64")
    until(lambda: stage.held() == 3, "three notes")
    stage.keyboard.play("80 3c 00", "3e 00 40 00")
    until(lambda: stage.held() == 0, "three releases")


def test_an_mpe_note_has_its_own_point(stage: Stage) -> None:
    stage.keyboard.play("b0 65 00 b0 64 06 b0 06 0f")
    stage.keyboard.play("e1 00 00", "b1 4a 7f", "91 3c 64")
    until(lambda: stage.held() == 1, "the note")
    assert stage.instrument.board.points[stage.voice()].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("way", ["unplug", "crash"])
def test_what_a_client_holds_is_let_go_when_it_closes(stage: Stage, way: str) -> None:
    stage.keyboard.play("b0 40 7f", "90 3c 64", "90 3e 64", "80 3e 00")
    until(lambda: stage.held() == 2, "the notes")
    began = time.monotonic()
    getattr(stage.keyboard, way)()
    until(lambda: stage.held() == 0, "letting the notes go")
    assert time.monotonic() - began < 5  # a second, on a machine that is not busy
    assert OWN in stage.ports.open


def test_a_keyboard_that_comes_back_plays_on_with_its_map(stage: Stage) -> None:
    stage.instrument.apply("/learn", ("/loop/start",))
    stage.keyboard.play("b2 14 00", "b2 14 7f")
    until(lambda: stage.value("/loop/start") == (1.0,), "the learned knob")
    stage.keyboard.unplug()
    stage.keyboard = JackKeyboard()
    stage.plug()
    stage.keyboard.play("b2 14 00")
    until(lambda: stage.value("/loop/start") == (0.0,), "the learned knob")


def test_a_controller_opened_by_name_has_a_map_and_lamps_of_its_own(
    jack_server: JackServer, instrument: Instrument, tmp_path: Path
) -> None:
    keyboard = JackKeyboard()
    learning = Learning(instrument, tmp_path / "bindings.toml")
    ports = MidiPorts(instrument, learning, Outcomes(instrument), ("keyb",))
    try:
        until(lambda: "JackKeyboard:out (JACK)" in ports.open, "opening the keyboard")
        instrument.apply("/learn", ("/texture",))
        until(
            lambda: bool(learning.bindings.all),
            "learning",
            again=lambda: keyboard.play("b0 14 00", "b0 14 7f"),
        )
        (binding,) = learning.bindings.all
        assert str(binding.control) == "JackKeyboard:out (JACK) channel 1 cc 20"
        until(lambda: instrument.value("/texture") == (1.0,), "the last message")
        instrument.apply("/texture", (0.0,))
        until(lambda: keyboard.lamps()[-1:] == ["b0 14 00"], "the lamp")
    finally:
        ports.close()
        keyboard.unplug()


def test_lamps_show_what_others_change_and_nothing_else(stage: Stage) -> None:
    stage.instrument.apply("/learn", ("/texture",))
    stage.keyboard.play("b2 14 00", "b2 14 40")
    until(lambda: stage.value("/texture") == pytest.approx((64 / 127,)), "the learned knob")
    assert stage.keyboard.lamps(0.5) == []
    stage.instrument.apply("/texture", (1.0,))
    until(lambda: bool(stage.keyboard.lamps()), "the lamp")
    assert stage.keyboard.lamps(0.2) == ["b2 14 7f"]
    for k in range(100):
        stage.instrument.apply("/texture", (k / 100,))
        time.sleep(0.01)
    lamps = stage.keyboard.lamps(0.5)
    assert lamps[-1] == f"b2 14 {round(0.99 * 127):02x}" and len(lamps) < 45
