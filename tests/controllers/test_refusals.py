from __future__ import annotations

import asyncio
import threading
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from latentpad.controllers import refusals as module
from latentpad.controllers.outcomes import Outcomes
from latentpad.controllers.refusals import NOTES, WAITING, Refusals
from latentpad.engine.control.instrument import Instrument, Sender

PAD = Sender("osc 192.168.1.7", 5000)
PACE_S = 0.02


class Terminal:
    """What a performer reads, and when; `send` is any controller."""

    def __init__(self, instrument: Instrument, clock: Callable[[], float] = time.monotonic) -> None:
        self.instrument = instrument
        self.outcomes = Outcomes(instrument)
        self.lines: list[str] = []
        self.at: list[float] = []
        self.refusals = Refusals(self.outcomes, self._say, clock=clock)

    def _say(self, line: str) -> None:
        self.at.append(time.monotonic())
        self.lines.append(line)

    def send(self, address: str, *args: Any, sender: Sender = PAD) -> None:
        self.instrument.carry_out([(address, args)], sender, self.outcomes.report)

    async def quiet(self) -> list[str]:
        """All lines, once no more is to come."""
        said = -1
        while said != len(self.lines):
            said = len(self.lines)
            await asyncio.sleep(10 * PACE_S)
        return self.lines


def lines(
    instrument: Instrument,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[Terminal], None],
    **options: Any,
) -> Terminal:
    """The terminal after `act`, at a quicker pace."""
    monkeypatch.setattr(module, "INTERVAL_S", PACE_S)

    async def run() -> Terminal:
        terminal = Terminal(instrument, **options)
        act(terminal)
        await terminal.quiet()
        return terminal

    return asyncio.run(run())


def test_a_line_says_what_came_from_whom_and_what_would_do(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(terminal: Terminal) -> None:
        terminal.send("/pich", 5.0)
        terminal.send("/xyz/3", 0.5, 0.25)
        terminal.send("/1/xyz", 0.5)
        terminal.send("/MultiPad/3", "\x1b[2Jhere", b"1234")
        terminal.send("/texture", "hi")
        terminal.send("/pitch", 900)
        terminal.send("/anchors/12", sender=Sender("midi nano KONTROL 3"))
        terminal.outcomes.malformed(b"GET / HTTP/1.1\r\n", PAD, "a size is wrong")
        terminal.outcomes.malformed(b"", PAD, "a size is none")
        terminal.outcomes.malformed(None, PAD, "there is no type 'x'")

    assert lines(instrument, monkeypatch, act).lines == [
        "refused /pich 5 from 192.168.1.7: there is no such address; did you mean /pitch? or "
        "send /learn /texture and move it",
        "refused /xyz/3 0.5 0.25 from 192.168.1.7: there is no such address; send /learn "
        "/pad/xy and move it to bind it, docs/control.md lists all",
        "refused /1/xyz 0.5 from 192.168.1.7: there is no such address; send /learn /texture "
        "and move it to bind it, docs/control.md lists all",
        "refused /MultiPad/3 ' [2Jhere' <4 bytes> from 192.168.1.7: there is no such address; "
        "send /learn ADDRESS and move it to bind it, docs/control.md lists all",
        "refused /texture 'hi' from 192.168.1.7: it takes a finite number, got 'hi'",
        "clamped /pitch 900 from 192.168.1.7: clamped to 36; it takes -36...36 semitones",
        "refused /anchors/12 from MIDI nano KONTROL channel 3: there is no such address; did you "
        "mean /anchor/*? or send /learn ADDRESS and move it",
        r"refused 16 bytes, b'GET / HTTP/1.1\r\n' from 192.168.1.7: a size is wrong",
        "refused 0 bytes, b'' from 192.168.1.7: a size is none",
        "refused a part of a bundle from 192.168.1.7: there is no type 'x'",
    ]


def test_lines_keep_their_distance_and_what_is_too_much_is_told_as_a_number(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(terminal: Terminal) -> None:
        for k in range(WAITING + 50):
            terminal.send(f"/nowhere/{k}")

    terminal = lines(instrument, monkeypatch, act)
    assert len(terminal.lines) == WAITING + 1
    assert terminal.lines[-1].startswith("refused 50 more within moments")
    apart = [b - a for a, b in zip(terminal.at, terminal.at[1:], strict=False)]
    assert min(apart) > PACE_S / 2  # the loop's clock against ours
    assert terminal.at[-1] - terminal.at[0] > (WAITING - 1) * PACE_S


def test_a_flood_is_told_of_and_then_what_comes_after_it(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        terminal = Terminal(instrument)
        for k in range(2000):
            terminal.send(f"/nowhere/{k}")
        await terminal.quiet()
        terminal.send("/texture", "hi")
        assert "/texture" in (await terminal.quiet())[-1]

    monkeypatch.setattr(module, "INTERVAL_S", PACE_S)
    asyncio.run(run())


def test_an_address_that_is_not_there_is_told_of_once(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(terminal: Terminal) -> None:
        for k in range(100):
            terminal.send("/nowhere", k / 100, sender=Sender(f"osc 10.0.0.{k}", 5000))

    assert len(lines(instrument, monkeypatch, act).lines) == 1


def test_a_command_is_told_of_again_for_another_reason_but_not_for_other_numbers(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(terminal: Terminal) -> None:
        for k in range(100):
            terminal.send("/texture", 100.0 + k)
            terminal.send("/gain", -10.0, k)
        terminal.send("/expander", "foo")
        terminal.send("/expander", "bar")
        terminal.send("/expander", "foo")

    reported = [line.split(" from ")[0] for line in lines(instrument, monkeypatch, act).lines]
    assert reported == [
        "clamped /texture 100", "refused /gain -10 0",
        "refused /expander 'foo'", "refused /expander 'bar'",
    ]  # fmt: skip


def test_after_a_rest_a_command_is_told_of_again_but_no_unknown_address(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def act(terminal: Terminal) -> None:
        for _ in range(100):  # one that does not rest
            now[0] += module.AGAIN_S / 2
            terminal.send("/expander", "foo")
            terminal.send("/nowhere")
        now[0] += module.AGAIN_S + 1
        terminal.send("/expander", "foo")
        terminal.send("/nowhere")

    terminal = lines(instrument, monkeypatch, act, clock=lambda: now[0])
    reported = [line.split(" from ")[0] for line in terminal.lines]
    assert reported == ["refused /expander 'foo'", "refused /nowhere", "refused /expander 'foo'"]


def test_a_control_that_overshoots_a_little_is_not_told_of(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(terminal: Terminal) -> None:
        terminal.send("/texture", 1.02)
        terminal.send("/pad/xy", -0.01, 0.5)

    assert lines(instrument, monkeypatch, act).lines == []


def test_what_is_not_heard_as_things_are_is_a_note_once(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(terminal: Terminal) -> None:
        terminal.send("/mode", "shot")
        for k in range(10):
            terminal.send("/loop/end", k / 10)

    (line,) = lines(instrument, monkeypatch, act).lines
    assert line.startswith("note    /loop/end 0 from 192.168.1.7: it is heard in /mode loop")


def test_any_thread_may_refuse(instrument: Instrument, monkeypatch: pytest.MonkeyPatch) -> None:
    def act(terminal: Terminal) -> None:
        threads = [threading.Thread(target=terminal.send, args=(f"/x/{k}",)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(lines(instrument, monkeypatch, act).lines) == 8


def test_a_flood_of_large_addresses_takes_no_memory(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(terminal: Terminal) -> None:
        tracemalloc.start()
        for k in range(3000):
            terminal.send(f"/{k}" + "x" * 60_000, "y" * 900)
        now, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert now < 1_000_000

    terminal = lines(instrument, monkeypatch, act)
    assert max(map(len, terminal.lines)) < 1500


def test_what_is_done_by_hand_is_told_at_once_and_of_a_flood_the_first_and_the_last(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NOTE_S", PACE_S)

    def act(terminal: Terminal) -> None:
        terminal.refusals.note("preset Drone")
        assert terminal.lines == ["preset Drone"]
        for k in range(500):
            terminal.refusals.note(f"preset {k}")

    reported = lines(instrument, monkeypatch, act).lines
    assert reported[:NOTES] == ["preset Drone", *(f"preset {k}" for k in range(NOTES - 1))]
    assert reported[-1] == "preset 499" and len(reported) < 100
