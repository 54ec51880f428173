"""`latentpad play` in a real terminal: what it says first, its keys, and how it leaves."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from latentpad.benchmarks.programs import free_port
from tests.hearing import Meter
from tests.terminals import SAYS_S, Terminal

pytestmark = pytest.mark.early


class PlayingThere(Terminal):
    """A running `latentpad play` that is ready. Beside what a terminal does it has a meter."""

    def __init__(self, home: Path, *words: str) -> None:
        self.port = free_port()
        super().__init__(
            [sys.executable, "-m", "latentpad.cli.main", "play", "--null-audio", *words,
             "--osc-port", str(self.port)],
            env=dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"), str(home)),
        )  # fmt: skip
        self.ready = self.says("\nready\n", seconds=120)
        self.meter = Meter(self.port)

    def close(self) -> None:
        self.meter.close()
        super().close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def there(home: Path) -> Iterator[PlayingThere]:
    playing = PlayingThere(home, "--record-gestures", str(home.parent / "take.jsonl"))
    yield playing
    playing.close()


def test_keys_alone_play_it_and_ctrl_c_leaves_the_terminal_as_it_was(
    there: PlayingThere, home: Path
) -> None:
    at = there.says("end    Ctrl-C\n", there.ready)
    reported = there.screen[there.ready : at].splitlines()
    assert len(reported) <= 4 and f"send /pad/xy 0.3 0.7 --port {there.port}" in "\n".join(reported)
    assert not there.echoes()
    assert there.meter.falls_silent(0)

    there.type("?")
    at = there.says("backspace is silence", at)
    at = there.says("0 walk, 1 drone", at)
    heard = there.meter.now
    there.type("\x1b[")
    there.type("C\x1b[1;2A")
    at = there.says("point  0.52 0.60", at)
    assert there.meter.sounds(heard)
    there.type(" ")
    at = there.says("touch  let go", at)
    assert there.meter.falls_silent(there.meter.now)
    there.type("3")
    at = there.says("preset Shots", at)
    heard = there.meter.now
    there.type(" ")
    assert there.meter.sounds(heard)
    there.type("é")
    at = there.says("é does nothing", at)
    there.type("1" * 3000)
    at = there.says("more came at once", at)
    there.type("\x7f")
    at = there.says("panic  silence", at)
    assert there.meter.falls_silent(there.meter.now)
    heard = there.meter.now
    there.type("d")
    assert there.meter.sounds(heard)
    assert there.screen.count("preset Drone") <= 60

    there.type("\x03")
    assert there.process.wait(30) == 0
    assert there.mode() == there.first_mode
    lines = [json.loads(line) for line in (home.parent / "take.jsonl").read_text().splitlines()]
    taken = [(line["address"], line["args"]) for line in lines[1:]]
    assert ("/pad/1/touch", [1]) in taken and ("/note", [64, 100]) in taken


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["TERM", "HUP"])
def test_other_ends_leave_the_terminal_as_it_was(number: signal.Signals, home: Path) -> None:
    playing = PlayingThere(home)
    try:
        assert not playing.echoes()
        os.kill(playing.process.pid, number)
        assert playing.process.wait(30) == 0
        assert playing.mode() == playing.first_mode
    finally:
        playing.close()


def test_the_demo_plays_until_a_key_is_struck(home: Path) -> None:
    take = home.parent / "take.jsonl"
    playing = PlayingThere(home, "--demo", "--record-gestures", str(take))
    try:
        assert playing.meter.sounds(0)
        end = time.monotonic() + SAYS_S
        while take.read_text().count("/pad/1/xy") < 10:
            assert time.monotonic() < end
            time.sleep(0.05)
        playing.type(" ")
        at = playing.says("touch  let go", playing.ready)
        assert playing.meter.falls_silent(playing.meter.now)  # for good
        heard = playing.meter.now
        playing.type("\x1b[A")
        playing.says("point  ", at)
        assert playing.meter.sounds(heard)
        playing.type("\x03")
        assert playing.process.wait(30) == 0
    finally:
        playing.close()
