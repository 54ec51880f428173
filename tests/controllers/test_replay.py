"""Replays by command, of an engine that is not started: its sound stands still."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from latentpad.controllers.outcomes import Outcomes
from latentpad.controllers.recording import TakeRecorder
from latentpad.controllers.replay import TakePlayer
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Sender
from latentpad.engine.control.pack_command import PackCommand
from latentpad.engine.control.session import Session
from latentpad.engine.output_settings import OutputSettings
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import SHIPPED
from latentpad.presets.bank import PresetBank

HAND = Sender("osc 192.168.1.2", 5000)
TAKE = '{"touches": true}\n'
END = '{"t": 10, "address": "/take/end", "args": []}\n'


class Stage:
    """The commands of takes, and what is told."""

    def __init__(self) -> None:
        session = Session(packs.load(SHIPPED / "footsteps"), OutputSettings(null=True))
        self.session, self.instrument = session, session.instrument
        self.said: list[str] = []
        self.sent: list[tuple[str, tuple[Argument, ...]]] = []
        outcomes = Outcomes(self.instrument)
        self.takes = TakeRecorder(session, "walk", self.said.append)
        self.takes.install()
        pack_command = PackCommand(
            session.packs, self.said.append, lambda *message: None, outcomes.refuse
        )
        self.player = TakePlayer(
            outcomes,
            PresetBank(),
            pack_command,
            self.takes,
            lambda address, args: self.sent.append((address, tuple(args))),
            self.said.append,
        )
        self.player.install()

    def until(self, true: Callable[[], object]) -> None:
        end = time.monotonic() + 10
        while not true():
            assert time.monotonic() < end, (self.said, self.sent)
            time.sleep(0.005)

    def says(self, line: str, count: int = 1) -> None:
        self.until(lambda: sum(said.startswith(line) for said in self.said) == count)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.chdir(tmp_path)
    stage = Stage()
    yield stage
    stage.player.close()
    stage.takes.close()
    stage.session.packs.close()


def write(name: str, *lines: str, age: float = 100.0) -> Path:
    path = Path("takes") / f"{name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text(TAKE + "".join(f"{line}\n" for line in lines) + END)
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_without_a_name_the_newest_take_is_replayed_but_not_the_one_that_is_recorded(
    stage: Stage,
) -> None:
    write("a", age=50)
    write("b", age=90)
    stage.instrument.apply("/record", (1,), HAND)
    stage.instrument.apply("/take/play", (), HAND)
    stage.says("replay a begins")
    stage.instrument.apply("/record", (0,), HAND)
    stage.instrument.apply("/take/play", (True,), HAND)  # a button
    stage.says("replay take ")
    stage.says("replay a ended")
    stage.instrument.apply("/take/stop", (1,), HAND)
    stage.until(lambda: stage.sent[-1] == ("/take/stop", ()))
    assert [address for address, _ in stage.sent] == ["/take/play", "/take/play", "/take/stop"]


def test_a_name_is_found_in_any_case_and_a_path_is_refused(stage: Stage) -> None:
    write("Mine")
    stage.instrument.apply("/take/play", ("mine.jsonl",), HAND)
    stage.says("replay Mine begins")
    for name, reason in (
        ("other", "there is no take 'other'; the newest are Mine"),
        ("../takes/Mine", "it takes a name"),
        ("", "there is no take ''"),
    ):
        with pytest.raises(CommandError, match=reason):
            stage.instrument.apply("/take/play", (name,), HAND)


def test_releases_of_buttons_do_nothing(stage: Stage) -> None:
    write("mine")
    stage.instrument.apply("/take/play", (0,), HAND)
    assert not stage.said
    stage.instrument.apply("/take/play", (), HAND)
    stage.says("replay mine begins")
    stage.instrument.apply("/take/stop", (0.0,), HAND)
    time.sleep(0.05)
    assert len(stage.said) == 1


def test_the_room_is_the_takes_until_the_performer_has_set_it(stage: Stage) -> None:
    write(
        "loud",
        '{"t": 0, "address": "/gain", "args": [-3.0], "from": 0}',
        '{"t": 0, "address": "/morph", "args": [0.5]}',
    )
    instrument = stage.instrument
    for k, gain in enumerate((-3.0, -20.0)):
        instrument.apply("/morph", (0.0,), HAND)
        instrument.apply("/take/play", ("loud",), HAND)
        stage.until(lambda: instrument.value("/morph") == (0.5,))
        assert instrument.value("/gain") == (gain,)
        instrument.apply("/take/stop", (), HAND)
        stage.says("replay loud ended", k + 1)
        instrument.apply("/gain", (-20.0,), HAND)


def test_a_take_that_cannot_be_read_is_told_and_the_present_replay_goes_on(stage: Stage) -> None:
    write("good", '{"t": 0, "address": "/morph", "args": [0.5]}')
    Path("takes/bad.jsonl").write_text("no line\n")
    stage.instrument.apply("/take/play", ("good",), HAND)
    stage.says("replay good begins")
    with pytest.raises(CommandError, match="line 1"):
        stage.instrument.apply("/take/play", ("bad",), HAND)
    assert "replay good ended" not in stage.said


def test_a_take_of_a_pack_that_is_gone_is_played_on_the_present_one_and_told(stage: Stage) -> None:
    path = write("far", '{"t": 0, "address": "/morph", "args": [0.5]}')
    path.write_text(path.read_text().replace("{", '{"pack": "gone", "fingerprint": "0", ', 1))
    stage.player.play(path)
    stage.until(lambda: stage.instrument.value("/morph") == (0.5,))
    notes = [line for line in stage.said if line.startswith("note")]
    assert "gone" in notes[0] and "playing footsteps" in notes[0] and "another model" in notes[1]


def test_at_the_end_nothing_is_left_running(stage: Stage) -> None:
    path = write("held", '{"t": 0, "address": "/pad/4/touch", "args": [1]}')
    stage.player.play(path)
    stage.until(lambda: stage.instrument.down(4))
    stage.player.close()
    assert not stage.instrument.down(4) and stage.said[-1] == "replay held ended"
