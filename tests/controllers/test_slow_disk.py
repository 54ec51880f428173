"""A disk that answers late holds up nobody but who asked for it: no parameter, no other sender."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import latentpad.presets.bank as bank_module
from latentpad.controllers import sender_threads
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.input import MidiInput
from latentpad.controllers.osc.packet import encode
from latentpad.controllers.osc.server import listen
from latentpad.controllers.outcomes import Outcomes
from latentpad.controllers.recording import TakeRecorder
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.control.played_pack import PlayedPack
from latentpad.engine.control.takes import Take
from latentpad.models.packs.pack import SHIPPED, load
from latentpad.presets.bank import PresetBank
from latentpad.presets.commands import install
from tests.controllers.midi.cable import Cable
from tests.one_pack import OnePack

PHONE, KEYS = Sender("osc 10.0.0.2", 5), Sender("midi keys 1")
LATEST_S = 30.0  # for what comes at once, on a machine that is busy
CALLS = ("open", "write", "replace", "mkdir", "stat", "lseek", "ftruncate", "unlink", "scandir")


class Disk:
    """The file system's calls, slowed down: while one of them is answered, another sender must be
    served, and the board must be whole."""

    def __init__(self, instrument: Instrument) -> None:
        self.calls: list[str] = []
        self.odd: list[str] = []  # that were made within a change
        self.alone: list[str] = []  # beside which nobody else was served
        self._instrument = instrument
        self._sent = 0

    def slow(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        mine = threading.current_thread()

        def slowed(*args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() is mine:
                self.calls.append(name)
                if self._instrument.board.version[0] % 2:
                    self.odd.append(name)
                if not self._serves_another():
                    self.alone.append(name)
            return call(*args, **kwargs)

        return slowed

    def _serves_another(self) -> bool:
        self._sent += 1
        served = threading.Event()
        value = (self._sent % 7) / 7

        def play() -> None:
            self._instrument.apply("/pad/5/xy", (value, 0.5), KEYS)
            served.set()

        threading.Thread(target=play, daemon=True).start()
        return served.wait(0.5 if self.alone else LATEST_S)


@pytest.fixture
def bank(tmp_path: Path, instrument: Instrument) -> PresetBank:
    bank = PresetBank(user=tmp_path / "presets")
    install(instrument, bank, OnePack("footsteps"))
    instrument.expect_touches(KEYS)
    return bank


@pytest.fixture
def takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instrument: Instrument
) -> Iterator[TakeRecorder]:
    monkeypatch.chdir(tmp_path)
    session: Any = SimpleNamespace(
        instrument=instrument,
        board=instrument.board,
        packs=SimpleNamespace(played=PlayedPack.of(load(SHIPPED / "footsteps"))),
    )
    takes = TakeRecorder(session, "walk", lambda line: None)
    takes.install()
    instrument.expect_touches(KEYS)
    yield takes
    takes.close()


@pytest.fixture
def disk(instrument: Instrument, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(instrument)

    def begin() -> Disk:
        for name in CALLS:
            monkeypatch.setattr(os, name, disk.slow(name, getattr(os, name)))
        return disk

    disk.begin = begin  # type: ignore[attr-defined]
    yield disk
    monkeypatch.undo()


Sent = Sequence[tuple[str, tuple[Argument, ...]]]


def slowly(disk: Disk, instrument: Instrument, commands: Sent) -> list[CommandError]:
    """Carry them out in one change while the disk is slow."""
    disk.begin()  # type: ignore[attr-defined]
    refused = instrument.apply_all(commands, PHONE)
    assert disk.calls
    assert disk.odd == [] and disk.alone == []
    return refused


def test_a_preset_loads(instrument: Instrument, bank: PresetBank, disk: Disk) -> None:
    assert slowly(disk, instrument, [("/preset", ("drone",)), ("/pitch", (7,))]) == []
    values = dict(instrument.values())
    assert values["/pitch"] == (7.0,)  # which came after it
    for address, value in bank.load("drone").values.items():
        assert address == "/pitch" or values[address] == (value,)


def test_a_preset_is_saved_as_it_was_in_its_place(
    instrument: Instrument, bank: PresetBank, disk: Disk
) -> None:
    sent: Sent = [("/pitch", (5,)), ("/preset/save", ("mine",)), ("/pitch", (9,))]
    assert slowly(disk, instrument, sent) == []
    saved = tomllib.loads((bank.user / "mine.toml").read_text())
    assert saved["values"]["/pitch"] == 5.0 and instrument.value("/pitch") == (9.0,)


def test_a_take_begins_in_its_place(
    instrument: Instrument, takes: TakeRecorder, disk: Disk
) -> None:
    sent: Sent = [("/pitch", (5,)), ("/record", (1,)), ("/pitch", (9,))]
    assert slowly(disk, instrument, sent) == []
    takes.close()
    (lines,) = (path.read_text().splitlines() for path in Path("takes").glob("*.jsonl"))
    pitches = [line for line in lines if '"/pitch"' in line]
    assert ["[5.0]" in pitches[0], "[9]" in pitches[1], len(pitches)] == [True, True, 2]


class Waiting:
    """A disk that answers when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers, self.asked = threading.Event(), threading.Event()
        read = bank_module.read

        def late(path: Path) -> Any:
            self.asked.set()
            assert self.answers.wait(LATEST_S)
            return read(path)

        monkeypatch.setattr(bank_module, "read", late)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + LATEST_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_who_waits_for_a_disk_keeps_its_order_and_holds_up_no_other_host(
    instrument: Instrument, bank: PresetBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Waiting(monkeypatch)
    other = Sender("osc 10.0.0.3", 5)
    heard: list[str] = []
    instrument.taps.append(lambda address, args, sender: heard.append(address))

    async def run() -> None:
        server = await listen(instrument, "127.0.0.1", 0)
        server.take([(encode("/preset", ("drone",)), PHONE)])
        assert disk.asked.wait(LATEST_S)
        pitches = [(encode("/note", (60 + k, 100)), PHONE) for k in range(100)]
        server.take([*pitches, (encode("/note", (40, 100)), other)])
        assert heard == ["/note"] and len(instrument.state().held) == 1
        disk.answers.set()
        until(lambda: heard.count("/note") == 101)
        server.close()

    asyncio.run(run())
    own = [address for address in heard[1:] if address in ("/mode", "/note")]
    assert own == ["/mode"] + ["/note"] * 100


def test_a_program_change_that_waits_for_a_disk_keeps_its_order_and_loses_no_note(
    instrument: Instrument, bank: PresetBank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Waiting(monkeypatch)
    learning = Learning(instrument, tmp_path / "bindings.toml")
    midi = Cable(MidiInput(instrument, "keys", learning, Outcomes(instrument)))
    midi.send([0x90, 50, 100])
    midi.send([0xC0, 1])
    assert disk.asked.wait(LATEST_S)
    midi.send([0x80, 50, 0])
    midi.send([0x90, 64, 100])
    midi.send([0x80, 64, 0])
    midi.send([0x90, 67, 100])
    assert [each.args[0] for each in instrument.state().held] == [50]
    disk.answers.set()
    until(lambda: [each.args[0] for each in instrument.state().held] == [67])


def test_more_than_is_kept_behind_a_disk_waits_and_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender_threads, "MOST", 3)
    answers, done = threading.Event(), list[int]()
    work = sender_threads.SenderThreads()

    def slow() -> None:
        assert answers.wait(LATEST_S)
        done.append(0)

    work.do("slow", slow, waits=True)
    for k in (1, 2, 3):
        work.do("slow", partial(done.append, k))
    work.do("quick", partial(done.append, 9))
    assert done == [9]
    threading.Timer(0.05, answers.set).start()
    for k in (4, 5, 6):
        work.do("slow", partial(done.append, k))
    until(lambda: len(done) == 8)
    assert done == [9, *range(7)]


def test_a_fault_leaves_what_comes_after_it() -> None:
    done: list[int] = []
    work = sender_threads.SenderThreads()

    def broken() -> None:
        raise RuntimeError("a fault of ours")

    work.do("slow", broken, waits=True)
    work.do("slow", partial(done.append, 1))
    until(lambda: done == [1])


def test_a_take_ends(instrument: Instrument, takes: TakeRecorder, disk: Disk) -> None:
    instrument.apply("/record", (1,), PHONE)
    disk.begin()  # type: ignore[attr-defined]
    instrument.apply("/record", (0,), PHONE)
    assert disk.odd == [] and disk.alone == []


def test_a_bundle_that_ends_a_take_and_begins_another_does_both(
    instrument: Instrument, takes: TakeRecorder
) -> None:
    instrument.apply("/record", (1,), PHONE)
    assert instrument.apply_all([("/record", (0,)), ("/record", (1,))], PHONE) == []
    takes.close()
    assert len([*Path("takes").glob("*.wav")]) == 2


def test_a_take_that_is_begun_and_ended_in_one_bundle_is_whole(
    instrument: Instrument, takes: TakeRecorder
) -> None:
    assert instrument.apply_all([("/record", (1,)), ("/record", (0,))], PHONE) == []
    takes.close()
    assert len([*Path("takes").glob("*.wav")]) == 1


def test_of_two_that_begin_a_take_at_once_one_is_refused_and_leaves_no_file(
    instrument: Instrument, takes: TakeRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_files = takes._open_files
    others: list[None] = []

    def late(*paths: Path | None) -> Any:
        made = open_files(*paths)
        if not others:
            others.append(None)
            other = threading.Thread(target=instrument.apply, args=("/record", (1,), KEYS))
            other.start()
            other.join(LATEST_S)
        return made

    monkeypatch.setattr(takes, "_open_files", late)
    with pytest.raises(CommandError, match="is under way"):
        instrument.apply("/record", (1,), PHONE)
    assert len([*Path("takes").iterdir()]) == 2


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("/preset", ("none such",)), "there is no preset"),
        (("/preset/save", ("../mine",)), "cannot name a preset"),
        (("/record", (0,)), "no take is under way"),
    ],
)
def test_what_a_stage_refuses_is_refused_and_what_is_beside_it_is_done(
    instrument: Instrument,
    bank: PresetBank,
    takes: TakeRecorder,
    command: tuple[str, Any],
    why: str,
) -> None:
    heard: list[Sender] = []
    instrument.hearers.append(lambda address, sender: heard.append(sender))
    (error,) = instrument.apply_all([("/pitch", (3,)), command, ("/texture", (0.5,))], PHONE)
    assert why in str(error) and heard == [PHONE] * 3
    assert instrument.value("/pitch") == (3.0,) and instrument.value("/texture") == (0.5,)


def test_nothing_is_told_of_a_save_before_its_file_is_there(
    instrument: Instrument, tmp_path: Path
) -> None:
    reported: list[bool] = []
    file = tmp_path / "presets" / "mine.toml"
    install(
        instrument,
        PresetBank(user=tmp_path / "presets"),
        OnePack("footsteps"),
        lambda line: reported.append(file.exists()),
    )
    became: list[bool] = []
    instrument.carry_out(
        [("/preset/save", ("mine",))], PHONE, lambda *what: became.append(file.exists())
    )
    assert reported == became == [True]


def test_of_a_take_nothing_is_written_before_it_is_told_to_start(
    instrument: Instrument, takes: TakeRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[list[int]] = []
    start = Take.start

    def started(take: Take) -> None:
        sizes.append(sorted(path.stat().st_size for path in Path("takes").iterdir()))
        start(take)

    monkeypatch.setattr(Take, "start", started)
    instrument.apply("/record", (1,), PHONE)
    assert sizes[0][0] == 0 and sizes[0][1] < 200  # a header
