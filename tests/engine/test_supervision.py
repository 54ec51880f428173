"""A process that ends, is stopped or hangs is replaced; one that works, or was paused with us, is
left alone."""

from __future__ import annotations

import errno
import itertools
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psutil
import pytest

from engine import supervision
from engine.signs import Signs
from engine.supervision import GAP_S, IDLE_S, STOPPED_S, Awake, Child, Keeper, Vitals, Word


class Kept:
    """A keeper whose processes live the given lives one after the other, the last again and
    again; `words` is all that was heard."""

    def __init__(self, *lives: str | Exception, hang_s: float = 60.0) -> None:
        self.words: list[Word] = []
        self.memory = multiprocessing.get_context("spawn").RawArray("d", 2)
        self._lives = itertools.chain(lives, itertools.repeat(lives[-1]))
        own = np.frombuffer(self.memory, np.float64)
        own.flags.writeable = False  # the process alone writes them
        self.signs = Signs(own, np.zeros(1, np.int64))
        self.keeper = Keeper(
            "test", self._spawn, self.words.append, signs=self.signs, hang_s=hang_s
        )
        self.keeper.start()

    def _spawn(self, generation: int) -> Child:
        life = next(self._lives)
        if isinstance(life, Exception):
            raise life
        return Child("test", "tests.engine.lives", (self.memory, life, generation))

    @property
    def born(self) -> list[int]:
        return [word["pid"] for word in self.words if word["kind"] == "born"]

    @property
    def ends(self) -> list[Word]:
        return [word for word in self.words if word["kind"] == "ended"]

    @property
    def ready(self) -> bool:
        return self.signs.ready


def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def ready() -> Signs:
    """Of a process that is ready and beats no more."""
    return Signs(np.array([0.0, 1.0]), np.array([1]))


@pytest.fixture
def keep() -> Iterator[Callable[..., Kept]]:
    kept: list[Kept] = []

    def make(*lives: str | Exception, **options: float) -> Kept:
        kept.append(Kept(*lives, **options))
        return kept[-1]

    yield make
    for each in kept:
        each.keeper.hang_up()
        each.keeper.join()
        assert not any(psutil.pid_exists(pid) for pid in each.born)


@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGKILL, "was killed (signal 9)"), (signal.SIGSTOP, "was stopped")],
)
def test_a_process_that_is_killed_or_stopped_is_replaced(
    keep: Callable[..., Kept], number: signal.Signals, reason: str
) -> None:
    kept = keep("lives")
    until(lambda: kept.ready and kept.born)
    os.kill(kept.born[0], number)
    until(lambda: len(kept.born) == 2 and kept.ready)
    assert [end["reason"] for end in kept.ends] == [reason]
    assert not psutil.pid_exists(kept.born[0])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_so_is_one_that_only_starts(keep: Callable[..., Kept], number: signal.Signals) -> None:
    kept = keep("never ready", "lives")
    until(lambda: kept.born)
    os.kill(kept.born[0], number)
    until(lambda: kept.ready)
    assert len(kept.ends) == 1


def test_one_that_hangs_while_it_starts_is_replaced(
    keep: Callable[..., Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "IDLE_S", 1.5)
    kept = keep("never ready", "lives")
    until(lambda: kept.ready)
    assert [end["reason"] for end in kept.ends] == ["hung while it started"]


def test_a_start_that_works_may_take_as_long_as_it_needs(
    keep: Callable[..., Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "IDLE_S", 1.5)
    kept = keep("works long")
    until(lambda: kept.ready, 300)
    assert not kept.ends


def test_one_that_beats_no_more_is_replaced(keep: Callable[..., Kept]) -> None:
    kept = keep("hangs", "lives", hang_s=0.5)
    until(lambda: len(kept.born) == 2)
    assert [end["reason"] for end in kept.ends] == ["has hung"]


def test_the_last_words_of_an_exception_are_one_printable_line(keep: Callable[..., Kept]) -> None:
    kept = keep("raises", "lives")
    until(lambda: kept.ready)
    assert kept.ends[0]["reason"] == "failed: ValueError: a name with [31mred in it"
    (failed,) = (word for word in kept.words if word["kind"] == "failed")
    assert failed["trace"].startswith("Traceback")


def test_that_no_process_could_be_made_is_told_and_tried_again(keep: Callable[..., Kept]) -> None:
    full = OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    kept = keep(full, full, "lives")
    until(lambda: kept.ready)
    assert len(kept.ends) == 2
    assert "Cannot allocate memory" in kept.ends[0]["reason"]


def test_after_three_failed_starts_there_are_pauses_between_them(
    keep: Callable[..., Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "PAUSES_S", (600.0,))
    kept = keep("ends")
    until(lambda: len(kept.ends) == 3)
    time.sleep(0.5)
    assert [end["failures"] for end in kept.ends] == [1, 2, 3]
    assert kept.ends[0]["reason"] == "ended (status 4)"
    assert len(kept.born) == 3


def test_an_end_while_a_process_is_being_replaced_leaves_none_behind() -> None:
    dice = random.Random(1)
    for _ in range(10):
        kept = Kept("lives")
        until(lambda kept=kept: kept.born)  # type: ignore[misc]
        os.kill(kept.born[-1], signal.SIGKILL)
        time.sleep(dice.uniform(0, 0.2))
        kept.keeper.hang_up()
        kept.keeper.join()
        named = [child.name for child in multiprocessing.active_children()]
        assert "test" not in named


@pytest.mark.parametrize(
    ("what", "told"), [("while True: pass", ""), ("import time; time.sleep(600)", "has hung")]
)
def test_a_long_fit_is_told_from_a_hang_by_the_processor_time(what: str, told: str) -> None:
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", what])
    try:
        hurried = Awake(lambda: 20 * (time.monotonic() - began))
        vitals = Vitals(process.pid, ready(), 600.0, awake=hurried)
        end = time.monotonic() + 30
        while not (found := vitals.look()) and time.monotonic() < end:
            if not told and hurried() > 3 * IDLE_S:
                break
            time.sleep(0.005)
        assert found == told
    finally:
        process.kill()
        process.wait()


def test_silence_counts_only_while_the_watcher_runs() -> None:
    now = 100.0
    awake = Awake(lambda: now)
    assert awake() == 0.0
    now += 0.1
    assert awake() == pytest.approx(0.1)
    now += 3600.0  # the machine slept
    assert awake() == pytest.approx(0.1 + GAP_S)
    now -= 50.0
    assert awake() == pytest.approx(0.1 + GAP_S)


def test_a_process_that_was_stopped_with_the_watcher_has_time_to_go_on() -> None:
    now = 0.0
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        vitals = Vitals(process.pid, ready(), 600.0, awake=Awake(lambda: now))
        process.send_signal(signal.SIGSTOP)
        until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
        assert vitals.look() == ""
        now += 5.0  # we were stopped as well, and are the first to go on
        assert vitals.look() == ""
        process.send_signal(signal.SIGCONT)
        until(lambda: psutil.Process(process.pid).status() != psutil.STATUS_STOPPED)
        for _ in range(100):
            now += 0.05
            assert vitals.look() == ""
        process.send_signal(signal.SIGSTOP)
        until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
        for _ in range(int(STOPPED_S / 0.05) + 2):
            now += 0.05
            told = vitals.look()
        assert told == "was stopped"
    finally:
        process.kill()
        process.wait()
