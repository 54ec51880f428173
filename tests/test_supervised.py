"""`latentpad play` when it is stopped, killed, or cannot start: what a performer sees."""

from __future__ import annotations

import ctypes
import os
import platform
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from latentpad.benchmarks.programs import synced
from tests.playing import Playing

pytestmark = pytest.mark.early


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def playing(home: Path) -> Iterator[Playing]:
    program = Playing("--null-audio", home=home)
    yield program
    program.close()


def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def children(program: Playing) -> dict[int, psutil.Process]:
    try:
        result = psutil.Process(program.process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return {}
    return {child.pid: child for child in result}


def lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def sounds(program: Playing) -> bool:
    """Whether it is heard now: what the meters say stays when the playing process does."""
    peaks = set()
    for _ in range(3):
        peaks.add(synced(program.port, 0.2).get("/meter/peak", (0.0, 0.0)))
    return len(peaks) > 1 and max(max(peak) for peak in peaks) > 1e-3


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    """One that is stopped again and again, and goes on."""
    program = Playing("--null-audio", home=tmp_path_factory.mktemp("home"))
    program.says("ready")
    program.send("/loop/freeze", "i", 0)
    program.send("/pad/xy", "ff", 0.45, 0.85)
    yield program
    program.close()


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGSTOP])
@pytest.mark.parametrize("group", [True, False])
def test_after_ctrl_z_and_fg_the_same_processes_play_on(
    stopped: Playing, number: signal.Signals, group: bool
) -> None:
    playing = stopped
    until(lambda: sounds(playing))
    before = set(children(playing))
    pid = -playing.process.pid if group else playing.process.pid
    os.kill(pid, number)
    time.sleep(3)
    os.kill(pid, signal.SIGCONT)
    until(lambda: sounds(playing))
    time.sleep(1.5)
    assert set(children(playing)) == before
    assert not [line for line in playing.lines if "replaced" in line or "stopped" in line]


@pytest.mark.parametrize(
    ("number", "times"), [(signal.SIGKILL, 3), (signal.SIGTERM, 1), (signal.SIGINT, 1)]
)
def test_an_end_while_it_starts_leaves_nothing_behind(
    home: Path, number: signal.Signals, times: int
) -> None:
    dice = random.Random(int(number))
    for _ in range(times):
        program = Playing("--null-audio", home=home)
        program.says("preset")
        time.sleep(dice.uniform(0, 3))
        started = children(program)
        program.process.send_signal(number)
        program.ended(10)
        until(lambda started=started: not any(map(lives, started.values())), 10)  # type: ignore[misc]
        assert not [line for line in program.lines if "Traceback" in line]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_the_end_of_the_whole_group_is_an_end_in_good_order(
    playing: Playing, number: signal.Signals
) -> None:
    playing.says("ready")
    started = children(playing)
    os.killpg(playing.process.pid, number)
    assert playing.ended(10) == 0
    until(lambda: not any(map(lives, started.values())), 10)
    assert playing.lines[-1].startswith("end ")  # of what it says when it is ready


def blocks(task: Path, number: signal.Signals) -> bool:
    """Whether a thread blocks the signal; `task` is its folder in /proc."""
    mask = re.findall(r"^SigBlk:\s*(\w+)$", (task / "status").read_text(), re.MULTILINE)[0]
    return bool(int(mask, 16) >> (number - 1) & 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sends a signal to one thread")
def test_a_signal_that_reaches_another_thread_is_an_end_in_good_order(playing: Playing) -> None:
    playing.says("ready")
    pid = playing.process.pid
    time.sleep(1.5)  # nobody plays: its loop waits
    threads = [
        int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()
        if task.name != str(pid) and not blocks(task, signal.SIGTERM)
    ]  # fmt: skip
    kill = {"x86_64": 234, "aarch64": 131}[platform.machine()]  # tgkill(2)
    assert ctypes.CDLL(None).syscall(kill, pid, threads[0], int(signal.SIGTERM)) == 0
    assert playing.ended(10) == 0
    assert playing.lines[-1].startswith("end ")


def test_a_killed_process_is_named_with_its_signal_and_replaced(playing: Playing) -> None:
    playing.says("ready")
    for child in children(playing).values():  # Python's resource tracker is one of them
        child.kill()
    for what in ("playing", "decoding"):
        playing.says(f"the {what} process was killed (SIGKILL); it is being replaced")
    playing.says("model  decodes", after=playing.lines.index("ready"))
    assert not [line for line in playing.lines if "arning" in line]


def broken(folder: Path, error: str) -> dict[str, str]:
    """An environment in which a package that only the decoding process imports raises `error`."""
    (folder / "threadpoolctl.py").write_text(f"raise {error}\n")
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    ("error", "tries"),
    [("RuntimeError('no luck\\x1b[31m')", 3), ("ImportError('libfoo.so is missing')", 1)],
)
def test_what_cannot_start_ends_with_one_line_saying_why(
    home: Path, tmp_path: Path, error: str, tries: int
) -> None:
    program = Playing("--null-audio", home=home, env=broken(tmp_path, error))
    try:
        assert program.ended(120) == 1
        assert program.lines[-1].startswith("latentpad: ")
    finally:
        program.close()
    assert "the decoding process failed: " in program.lines[-1]
    assert error.split("'")[1].split("\\")[0] in program.lines[-1]
    text = "\n".join(program.lines)
    assert "Traceback" not in text and "\x1b" not in text
    assert text.count("it is being replaced") == tries - 1
