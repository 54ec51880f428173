from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.change import Change
from latentpad.controllers.midi.input import Layout, MidiInput
from latentpad.controllers.midi.notes import Command
from latentpad.controllers.midi.table import CONTROLLERS, MESSAGES, gain, pan
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.arguments import CommandError
from latentpad.engine.board import START, Board, BoardShape
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.parameters import ROW
from tests.controllers.midi.cable import Cable
from tests.limits import limits


def keyboard(
    instrument: Instrument, tmp_path: Path, layout: Layout = "pad", *, mpe: bool = False
) -> Cable:
    learning = Learning(instrument, tmp_path / "bindings.toml")
    return Cable(MidiInput(instrument, "keys", learning, Outcomes(instrument), layout, mpe=mpe))


def cc(number: int, value: int, channel: int = 1) -> list[int]:
    return [0xAF + channel, number, value]


def bend(value: int, channel: int = 1) -> list[int]:
    return [0xDF + channel, value % 128, value // 128]


def approximately(commands: list[Command]) -> list[Any]:
    return [(channel, address, pytest.approx(args)) for channel, address, args in commands]


CASES: dict[str, tuple[list[list[int]], list[tuple[str, tuple[Any, ...]]]]] = {
    "note on": ([[0x90, 60, 99]], [("/note", (60, 99))]),
    "note off": ([[0x80, 60, 99]], [("/note", (60, 0))]),
    "note on of velocity 0": ([[0x90, 1, 0]], [("/note", (1, 0))]),
    "program": ([[0xC0, 3]], [("/preset", (3,))]),
    "program of a bank": ([cc(32, 1), [0xC0, 3]], [("/preset", (131,))]),
    "x from end to end": ([cc(16, 0), cc(16, 127)], [("/pad/x", (0.0,)), ("/pad/x", (1.0,))]),
    "y": ([cc(17, 127)], [("/pad/y", (1.0,))]),
    "x of 14 bits": (
        [[*cc(16, 64), *cc(48, 0)]],
        [("/pad/x", (64 / 127,)), ("/pad/x", (8192 / 16383,))],
    ),
    "a fine half without a coarse one": ([cc(48, 64)], []),
    "gain where MIDI volume starts": ([cc(7, 100)], [("/gain", (-12.0,))]),
    "modulation": ([cc(1, 127)], [("/texture", (1.0,))]),
    "pan": ([cc(10, 0), cc(10, 64)], [("/pan", (-1.0,)), ("/pan", (0.0,))]),
    "expression": ([cc(11, 127)], [("/expression", (1.0,))]),
    "release and attack": ([cc(72, 127), cc(73, 0)], [("/release", (10.0,)), ("/attack", (0.0,))]),
    "panic": ([cc(120, 0)], [("/panic", ())]),
    "local control": ([cc(122, 127)], []),
    "a control nobody knows": ([cc(74, 64)], []),
    "bend and pressures without a note": ([bend(0), [0xD0, 9], [0xA0, 60, 9]], []),
    "clock, start, continue": ([[0xF8], [0xFA], [0xFB]], []),
}


@pytest.mark.parametrize(("sent", "expected"), CASES.values(), ids=CASES)
def test_a_message_becomes_its_commands(
    instrument: Instrument,
    tmp_path: Path,
    sent: list[list[int]],
    expected: list[tuple[str, tuple[Any, ...]]],
) -> None:
    keys = keyboard(instrument, tmp_path)
    heard = [(address, args) for _, address, args in keys.commands(*sent)]
    assert heard == [(address, pytest.approx(args)) for address, args in expected]


def test_the_bend_layout_plays_the_pad_with_bend_and_modulation(
    instrument: Instrument, tmp_path: Path
) -> None:
    keys = keyboard(instrument, tmp_path, "bend")
    for value, x in ((0, 0.0), (16383, 1.0), (8192, 8192 / 16383)):
        assert keys.commands(bend(value)) == approximately([(1, "/pad/x", (x,))])
    assert keys.commands(cc(1, 127)) == [(1, "/pad/y", (1.0,))]
    assert keys.commands(cc(33, 0)) == approximately([(1, "/pad/y", (127 * 128 / 16383,))])
    assert keys.commands(cc(16, 127)) == [(1, "/pad/x", (1.0,))]
    assert keys.commands([0x90, 60, 99]) == [(1, "/note", (60, 99))]


def test_volume_and_pan_rise_from_end_to_end() -> None:
    levels = [gain(value / 127) for value in range(128)]
    assert levels == sorted(levels) and levels[100] == pytest.approx(ROW["/gain"].default[0])
    assert levels[0] == ROW["/gain"].low and levels[127] <= 0
    sides = [pan(value / 127) for value in range(128)]
    assert sides == sorted(sides) and (sides[0], sides[64], sides[127]) == (-1, 0, 1)


def test_reset_brings_back_what_the_channel_has_moved(
    instrument: Instrument, tmp_path: Path
) -> None:
    keys = keyboard(instrument, tmp_path)
    instrument.apply("/texture", (0.5,))
    keys.send(cc(121, 0))
    assert instrument.value("/texture") == (0.5,)
    keys.send(cc(1, 100), cc(11, 20), cc(7, 50))
    gain_before = instrument.value("/gain")
    keys.send(cc(121, 0, channel=2))
    assert instrument.value("/texture") != (0.0,)
    keys.send(cc(121, 0))
    assert (instrument.value("/texture"), instrument.value("/expression")) == ((0.0,), (1.0,))
    assert instrument.value("/gain") == gain_before


def test_a_channel_s_notes_are_its_own(instrument: Instrument, tmp_path: Path) -> None:
    changes: list[Any] = []
    instrument.listeners.append(lambda *change: changes.append(change))
    keys = keyboard(instrument, tmp_path)
    keys.send([0x90, 60, 100], [0x9F, 60, 100])
    assert [sender for _, _, sender in changes] == [Sender("midi keys 1"), Sender("midi keys 16")]
    held = instrument.board.held
    assert held.sum() == 2
    keys.send([0xB0, 123, 0])
    assert held.sum() == 1
    keys.plug.release()
    assert held.sum() == 0


@pytest.mark.parametrize("number", [123, 124, 125, 126, 127])
def test_the_mode_messages_let_notes_go(
    instrument: Instrument, tmp_path: Path, number: int
) -> None:
    keys = keyboard(instrument, tmp_path)
    keys.send([0x90, 60, 100], cc(64, 127), [0x80, 60, 0], cc(number, 0))
    assert instrument.board.held.sum() == 0


def test_stop_lets_the_notes_of_all_channels_go(instrument: Instrument, tmp_path: Path) -> None:
    keys = keyboard(instrument, tmp_path)
    keys.send([0x90, 60, 100], [0x95, 60, 100], [0xFC])
    assert instrument.board.held.sum() == 0


@pytest.mark.parametrize("order", [(16, 17), (17, 16), (16, 48, 17, 49), (16, 17, 48, 49)])
def test_the_controllers_of_the_point_start_one_shot_where_both_lead(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    now = 0.0
    board = Board(BoardShape(frames=8, bins=9, samples=256, sample_rate=48000))
    instrument = Instrument(board, limits(4), clock=lambda: now)
    keys = keyboard(instrument, tmp_path)
    instrument.apply("/mode", ("shot",))
    for values in ({16: 20, 17: 90, 48: 100, 49: 3}, {16: 110, 17: 30, 48: 0, 49: 127}):
        for number in order:
            keys.send(cc(number, values[number]))
            now += 0.001
        for _ in range(30):
            now += 1 / 60
            instrument.tick()
        (voice,) = (event.voice for event in board.received() if event.kind == START)
        assert tuple(board.points[voice]) == dict(instrument.values())["/pad/1/xy"]


class Deaf:
    """An instrument that refuses everything."""

    listeners: ClassVar[list[Any]] = []

    def waits_for_disk(self, address: str) -> bool:
        return False

    def together(self) -> Any:
        from contextlib import nullcontext

        return nullcontext()

    def args_of(self, address: str) -> tuple[float, float]:
        return 0.5, 0.5

    def register(self, address: str, handler: Any) -> None:
        pass

    def carry_out(self, commands: Any, sender: Sender, tell: Any) -> None:
        for address, args in commands:
            tell(address, args, sender, CommandError("no"))


@given(st.lists(st.lists(st.integers(0, 255), max_size=8), max_size=20), st.booleans())
def test_any_bytes_are_carried_out_or_counted(chunks: list[list[int]], mpe: bool) -> None:
    deaf: Any = Deaf()
    keys = MidiInput(deaf, "keys", Learning(deaf, Path("no/such/file")), Outcomes(deaf), mpe=mpe)
    Cable(keys).send(*chunks)
    assert keys.counts.malformed == 0


def test_a_fault_behind_one_control_leaves_the_others(
    instrument: Instrument, tmp_path: Path
) -> None:
    def broken(*_: Any) -> None:
        raise TypeError("a bug")

    instrument.register("/preset", broken)
    keys = keyboard(instrument, tmp_path)
    keys.send([0xC0, 3], [0xB0, 7, 100])
    assert keys.plug.counts.refused == 1 and "a bug" in keys.plug.counts.last_error
    assert instrument.value("/gain") == pytest.approx((-12.0,))


def test_what_is_refused_is_counted(instrument: Instrument, tmp_path: Path) -> None:
    keys = keyboard(instrument, tmp_path)
    keys.send([0xC0, 3])  # no bank is installed here
    assert keys.plug.counts.refused == 1 and "/preset" in keys.plug.counts.last_error


def test_changes_that_come_together_are_one_change_of_the_instrument(
    instrument: Instrument, tmp_path: Path
) -> None:
    keys = keyboard(instrument, tmp_path)
    before = instrument.board.version[0]
    keys.plug.receive([Change("cc", 1, 16, 5), Change("cc", 1, 17, 9), Change("note", 2, 60, 99)])
    assert instrument.board.version[0] == before + 2
    assert instrument.board.held.sum() >= 1


def test_every_controller_has_a_line_in_the_table() -> None:
    named = {int(name[3:]) for name, _ in MESSAGES if name.startswith("CC ") and name[3:].isdigit()}
    assert named == {*CONTROLLERS, 64, 66, 120, 121}
