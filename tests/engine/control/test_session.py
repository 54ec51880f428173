"""The session's threads, with small processes instead of the engine's."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentpad.cli import messages
from latentpad.engine import error_log
from latentpad.engine.arguments import Argument
from latentpad.engine.control.allocation import Sender
from latentpad.engine.control.child import Child
from latentpad.engine.control.session import EngineError, Session
from latentpad.engine.output_settings import OutputSettings
from latentpad.engine.process_status import ProcessStatus
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Pack
from tests.engine.control.test_supervisor import until

HOST = Sender("osc 10.0.0.5")


class Small(Session):
    """Both of its processes do what `life` says (tests/engine/lives.py)."""

    def __init__(self, pack: Pack, life: str, tell: Callable[[Any], None] | None = None) -> None:
        self._life = life
        self._memories = [multiprocessing.get_context("spawn").RawArray("d", 2) for _ in range(2)]
        super().__init__(pack, OutputSettings(null=True), tell)
        for supervisor, memory in zip(self._supervisors, self._memories, strict=True):
            supervisor.status = ProcessStatus(
                np.frombuffer(memory, np.float64), np.zeros(1, np.int64)
            )

    def _spawn_player(self, generation: int) -> Child:
        return self._small("playing", 0, generation)

    def _spawn_decoder(self, generation: int) -> Child:
        return self._small("decoding", 1, generation)

    def _small(self, what: str, k: int, generation: int) -> Child:
        return Child(what, "tests.engine.lives", (self._memories[k], self._life, generation))


@pytest.fixture(scope="module")
def pack() -> Pack:
    return packs.load(packs.find("footsteps"))


@pytest.fixture
def begin(pack: Pack) -> Iterator[Callable[..., Small]]:
    begun: list[Small] = []

    def make(life: str, **options: Any) -> Small:
        begun.append(Small(pack, life, **options))
        begun[-1].start()
        return begun[-1]

    yield make
    for session in begun:
        session.close()
    assert not left()


def left() -> set[str]:
    """The engine's processes that are there."""
    named = {child.name for child in multiprocessing.active_children()}
    return named & {"playing", "decoding"}


def test_at_rest_only_the_clock_is_read_and_a_gesture_brings_the_ticks(
    begin: Callable[..., Small],
) -> None:
    session = begin("lives")
    until(lambda: session.ready)
    instrument, clock = session.instrument, session.instrument.clock
    readings: list[float] = []
    instrument.clock = lambda: readings.append(clock()) or readings[-1]  # type: ignore[func-returns-value]
    version = session.board.version[0]
    until(lambda: len(readings) >= 5)
    assert session.board.version[0] == version
    instrument.apply("/pad/1/touch", (1,), HOST)
    version = session.board.version[0]
    until(lambda: session.board.version[0] > version + 10)


def test_who_waits_too_short_is_told_what_each_process_does(begin: Callable[..., Small]) -> None:
    session = begin("never ready")
    until(lambda: set(session.starting().values()) == {"imports tests.engine.lives"})
    with pytest.raises(EngineError) as error:
        session.wait_ready(0.0)
    assert str(error.value) == (
        "after 0 s the engine still starts (playing: it imports tests.engine.lives; "
        "decoding: it imports tests.engine.lives)"
    )
    assert messages.waiting(session, 40) == (
        "40 s, still starting: playing (it imports tests.engine.lives) and "
        "decoding (it imports tests.engine.lives)"
    )


def test_who_waits_for_what_cannot_start_is_told_why(begin: Callable[..., Small]) -> None:
    session = begin("ends with a line")
    with pytest.raises(EngineError, match=r"process ended \(status 4\): no such"):
        session.wait_ready(60)


def test_who_waits_for_what_is_closed_is_told_so(begin: Callable[..., Small]) -> None:
    session = begin("never ready")
    session.close()
    with pytest.raises(EngineError, match="closed"):
        session.wait_ready(60)


def test_a_fault_in_a_tick_is_told_and_notes_end_all_the_same(
    begin: Callable[..., Small],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(error_log, "_reported", set())
    session = begin("never ready")
    instrument = session.instrument
    asked: list[float] = []

    def taps(address: str, args: Sequence[Argument], sender: Sender) -> None:
        if address == "/note" and args[1] == 0 and not asked:
            asked.append(float(args[0]))
            raise ZeroDivisionError("a tap's fault")

    instrument.taps.append(taps)
    instrument.apply("/note/timeout", (0.2,), HOST)
    for pitch in (60, 64):
        instrument.apply("/note", (pitch, 100), HOST)
    until(lambda: not instrument.state().held)
    instrument.apply("/note", (67, 100), HOST)
    until(lambda: not instrument.state().held)
    assert asked == [60.0] and "a tap's fault" in capsys.readouterr().err


def test_an_end_while_processes_are_replaced_leaves_none_behind(pack: Pack) -> None:
    dice = random.Random(2)
    for _ in range(4):
        session = Small(pack, "lives")
        session.start()
        session.wait_ready(60)
        for pid in session.processes().values():
            os.kill(pid, signal.SIGKILL)
        time.sleep(dice.uniform(0, 0.3))
        session.close()
        assert not left()
