"""MIDI on a real JACK server: every kind of message, connections that go, lamps.

A server that is not in real-time mode may lose what a client sends on a busy machine, so messages
are sent until they are heard.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
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

    def notes(self) -> list[int]:
        """The voices of the notes that are held; a late CC 16 may have started the finger's."""
        return [loop.voice for loop in self.instrument.state().held if loop.address == "/note"]

    def held(self) -> int:
        return len(self.notes())

    def voice(self) -> int:
        (voice,) = self.notes()
        return voice

    def close(self) -> None:
        self.ports.close()
        self.keyboard.unplug()


@pytest.fixture
def stage(jack_server: JackServer, instrument: Instrument, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(jack_server, instrument, tmp_path)
    yield made
    made.close()


def test_every_kind_of_message_does_what_the_table_says(stage: Stage) -> None:
    board = stage.instrument.board

    def of_note(field: str) -> Callable[[], list[float]]:
        return lambda: [float(getattr(board, field)[voice]) for voice in stage.notes()]

    def see(message: str, what: Callable[[], object], expected: object) -> None:
        until(
            lambda: what() == pytest.approx(expected),
            message,
            again=lambda: stage.keyboard.play(message),
        )

    see("90 40 64", stage.held, 1)
    see("e0 7f 7f", of_note("pitches"), [4 + 2])
    see("a0 40 7f", of_note("levels"), [12])
    see("a0 40 00", of_note("levels"), [0])
    see("d0 7f", of_note("levels"), [12])
    see("b0 65 00 b0 64 00 b0 06 0c", of_note("pitches"), [4 + 12])
    see("b0 79 00", of_note("pitches"), [4])
    see("b0 40 7f b1 07 00", lambda: stage.value("/gain"), (-60,))
    see("80 40 00 b1 07 64", lambda: stage.value("/gain"), (-12,))
    assert stage.held() == 1
    see("b0 40 00", stage.held, 0)
    see("90 40 64", stage.held, 1)
    see("b0 42 7f 90 40 00 b1 07 00", lambda: stage.value("/gain"), (-60,))
    assert stage.held() == 1
    see("b0 42 00", stage.held, 0)
    for controller, address, end in (
        ("01", "/texture", 1), ("0a", "/pan", 1), ("11", "/pad/y", 1), ("48", "/release", 10),
        ("49", "/attack", 5),
    ):  # fmt: skip
        see(f"b0 {controller} 7f", lambda a=address: stage.value(a), (end,))  # type: ignore[misc]
    see("b0 0b 00", lambda: stage.value("/expression"), (0,))
    see("b0 20 01 c0 02", lambda: stage.presets[-1:], [130])
    for message in ("fc", "b0 7b 00", "b0 78 00"):  # stop, all notes off, all sound off
        see("90 40 64", stage.held, 1)
        see(message, stage.held, 0)


def test_running_status_and_split_messages_are_put_together(stage: Stage) -> None:
    play = stage.keyboard.play
    until(lambda: stage.held() == 3, "notes", lambda: play("90 3c 64 3e 64", "40", "64"))
    until(lambda: stage.held() == 0, "releases", lambda: play("80 3c 00", "3e 00 40 00"))


def test_an_mpe_note_has_its_own_point(stage: Stage) -> None:
    until(
        lambda: stage.held() == 1,
        "the note",
        lambda: stage.keyboard.play("b0 65 00 b0 64 06 b0 06 0f e1 00 00 b1 4a 7f 91 3c 64"),
    )
    assert stage.instrument.board.points[stage.notes()[0]].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("way", ["unplug", "crash"])
def test_what_a_client_holds_is_let_go_when_it_closes(stage: Stage, way: str) -> None:
    until(
        lambda: stage.held() == 2,
        "the notes",
        lambda: stage.keyboard.play("b0 40 7f 90 3c 64 90 3e 64 80 3e 00"),
    )
    began = time.monotonic()
    getattr(stage.keyboard, way)()
    until(lambda: stage.held() == 0, "letting the notes go")
    assert time.monotonic() - began < 5  # a second, on a machine that is not busy
    assert OWN in stage.ports.open


def test_a_keyboard_that_comes_back_plays_on_with_its_map(stage: Stage) -> None:
    stage.instrument.apply("/learn", ("/loop/start",))
    knob = lambda: stage.keyboard.play("b2 14 00 b2 14 7f")  # noqa: E731
    until(lambda: stage.value("/loop/start") == (1.0,), "the learned knob", knob)
    stage.keyboard.unplug()
    stage.keyboard = JackKeyboard()
    stage.plug()
    knob = lambda: stage.keyboard.play("b2 14 00")  # noqa: E731
    until(lambda: stage.value("/loop/start") == (0.0,), "the learned knob", knob)


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
        steps = count(1)
        until(
            lambda: len({*keyboard.lamps()}) > 1,
            "the lamps",
            again=lambda: instrument.apply("/texture", (next(steps) / 20 % 1,)),
        )
    finally:
        ports.close()
        keyboard.unplug()


def test_lamps_show_what_others_change_and_nothing_else(stage: Stage) -> None:
    stage.instrument.apply("/learn", ("/texture",))
    until(
        lambda: stage.value("/texture") == pytest.approx((64 / 127,)),
        "the learned knob",
        again=lambda: stage.keyboard.play("b2 14 00 b2 14 40"),
    )
    assert stage.keyboard.lamps(0.5) == []
    for k in range(100):
        stage.instrument.apply("/texture", (k / 100,))
        time.sleep(0.01)
    lamps = stage.keyboard.lamps(0.5)
    assert {lamp[:5] for lamp in lamps} == {"b2 14"} and len(lamps) < 45
    assert int(lamps[-1][6:], 16) > 100
