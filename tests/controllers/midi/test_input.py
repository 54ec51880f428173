from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.input import Command, Layout, MidiInput, gain
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.arguments import CommandError
from latentpad.engine.board import START, Board, BoardShape
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.parameters import ROW
from tests.limits import limits


def keyboard(instrument: Instrument, tmp_path: Path, layout: Layout = "pad") -> MidiInput:
    return MidiInput(
        instrument,
        "keys",
        Learning(instrument, tmp_path / "bindings.toml"),
        Outcomes(instrument),
        layout,
    )


def cc(number: int, value: int, channel: int = 0) -> mido.Message:
    return mido.Message("control_change", channel=channel, control=number, value=value)


CASES: dict[str, tuple[list[mido.Message], list[Command]]] = {
    "note on": ([mido.Message("note_on", note=60, velocity=99)], [("/note", (60, 99))]),
    "note off": ([mido.Message("note_off", note=60, velocity=99)], [("/note", (60, 0))]),
    "note on of velocity 0": ([mido.Message("note_on", note=1, velocity=0)], [("/note", (1, 0))]),
    "program": ([mido.Message("program_change", program=3)], [("/preset", (3,))]),
    "x from end to end": ([cc(16, 0), cc(16, 127)], [("/pad/x", (0.0,)), ("/pad/x", (1.0,))]),
    "y": ([cc(17, 127)], [("/pad/y", (1.0,))]),
    "fine x": (
        [cc(16, 64), cc(48, 0)],
        [("/pad/x", (64 * 129 / 16383,)), ("/pad/x", (8192 / 16383,))],
    ),
    "fine y to the end": ([cc(17, 127), cc(49, 127)], [("/pad/y", (1.0,)), ("/pad/y", (1.0,))]),
    "fine without coarse": ([cc(48, 64)], []),
    "fine of another channel": ([cc(16, 64), cc(48, 0, 5)], [("/pad/x", (64 * 129 / 16383,))]),
    "gain where MIDI volume starts": ([cc(7, 100)], [("/gain", (-12.0,))]),
    "panic": ([cc(120, 0)], [("/panic", ())]),
    "reset and local control": ([cc(121, 0), cc(122, 127)], []),
    "a control nobody knows": ([cc(74, 64)], []),
    "bend and wheel outside their layout": ([mido.Message("pitchwheel", pitch=9), cc(1, 9)], []),
    "clock": ([mido.Message("clock")], []),
    "pressure": ([mido.Message("aftertouch", value=3), mido.Message("polytouch", value=3)], []),
}


@pytest.mark.parametrize(("sent", "expected"), CASES.values(), ids=CASES)
def test_a_message_becomes_its_commands(
    instrument: Instrument, tmp_path: Path, sent: list[mido.Message], expected: list[Command]
) -> None:
    keys = keyboard(instrument, tmp_path)
    assert [command for message in sent for command in keys.commands(message)] == [
        (address, tuple(pytest.approx(arg) for arg in args)) for address, args in expected
    ]


def test_the_bend_layout_plays_the_pad_with_bend_and_modulation(
    instrument: Instrument, tmp_path: Path
) -> None:
    keys = keyboard(instrument, tmp_path, "bend")
    for pitch, x in ((-8192, 0.0), (8191, 1.0), (0, 8192 / 16383)):
        message = mido.Message("pitchwheel", pitch=pitch)
        assert keys.commands(message) == [("/pad/x", (pytest.approx(x),))]
    assert keys.commands(cc(1, 127)) == [("/pad/y", (1.0,))]
    assert keys.commands(cc(33, 0)) == [("/pad/y", (pytest.approx(127 * 128 / 16383),))]
    assert keys.commands(cc(16, 127)) == [("/pad/x", (1.0,))]


@given(st.integers(0, 127), st.integers(0, 127))
def test_the_fine_byte_stays_within_the_coarse_byte_s_step(coarse: int, fine: int) -> None:
    position = (128 * coarse + fine) / 16383
    assert 0 <= position <= 1
    assert abs(position - 129 * coarse / 16383) < 1 / 128


def test_volume_rises_from_the_quietest_gain_to_below_full_scale() -> None:
    levels = [gain(value) for value in range(128)]
    assert levels == sorted(levels) and levels[100] == ROW["/gain"].default[0]
    assert levels[0] == ROW["/gain"].low and levels[127] <= 0


def test_a_channel_s_notes_are_its_own(instrument: Instrument, tmp_path: Path) -> None:
    changes: list[Any] = []
    instrument.listeners.append(lambda *change: changes.append(change))
    keys = keyboard(instrument, tmp_path)
    keys.receive([0x90, 60, 100])
    keys.receive([0x9F, 60, 100])
    assert [sender for _, _, sender in changes] == [Sender("midi keys 1"), Sender("midi keys 16")]
    held = instrument.board.held
    assert held.sum() == 2
    keys.receive([0xB0, 123, 0])
    assert held.sum() == 1
    keys.release()
    assert held.sum() == 0


@pytest.mark.parametrize("number", [123, 124, 125, 126, 127])
def test_the_mode_messages_let_notes_go(
    instrument: Instrument, tmp_path: Path, number: int
) -> None:
    keys = keyboard(instrument, tmp_path)
    keys.receive([0x90, 60, 100])
    keys.receive([0xB0, number, 0])
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
            keys.receive([0xB0, number, values[number]])
            now += 0.001
        for _ in range(30):
            now += 1 / 60
            instrument.tick()
        (voice,) = (event.voice for event in board.received() if event.kind == START)
        assert tuple(board.points[voice]) == dict(instrument.values())["/pad/1/xy"]


@given(st.lists(st.integers(-1, 300), max_size=5))
def test_any_bytes_are_carried_out_or_counted(data: list[int]) -> None:
    class Deaf:
        args_of = None
        listeners: ClassVar[list[Any]] = []

        def waits_for_disk(self, address: str) -> bool:
            return False

        def carry_out(self, commands: list[Command], sender: Sender, tell: Any) -> None:
            for address, args in commands:
                tell(address, args, sender, CommandError("no"))

        def register(self, address: str, handler: Any) -> None:
            pass

        def release_notes(self, group: str) -> None:
            pass

    deaf: Any = Deaf()
    keys = MidiInput(deaf, "keys", Learning(deaf, Path("no/such/file")), Outcomes(deaf))
    keys.receive(data)
    assert keys.counts.messages == 1


def test_a_fault_behind_one_control_leaves_the_others(
    instrument: Instrument, tmp_path: Path
) -> None:
    def broken(*_: Any) -> None:
        raise TypeError("a bug")

    instrument.register("/preset", broken)
    keys = keyboard(instrument, tmp_path)
    keys.receive([0xC0, 3])
    keys.receive([0xB0, 7, 100])
    assert keys.counts.refused == 1 and "a bug" in keys.counts.last_error
    assert instrument.value("/gain") == (-12.0,)


def test_what_is_malformed_or_refused_is_counted(instrument: Instrument, tmp_path: Path) -> None:
    keys = keyboard(instrument, tmp_path)
    keys.receive([0x90, 60])
    keys.receive([])
    assert keys.counts.malformed == 2
    keys.receive([0xC0, 3])  # no bank is installed here
    assert keys.counts.refused == 1 and "/preset" in keys.counts.last_error
