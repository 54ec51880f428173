"""A process that ends, is stopped or hangs is replaced. One that works, or was stopped together
with the supervisor, is not."""

from __future__ import annotations

import errno
import gc
import itertools
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from latentpad.engine import error_log
from latentpad.engine.control import exit_reason, supervisor
from latentpad.engine.control.child import READ_BYTES, TAIL, Child, Message
from latentpad.engine.control.supervisor import (
    GAP_S,
    IDLE_S,
    STOPPED_S,
    AwakeClock,
    Liveness,
    Supervisor,
)
from latentpad.engine.process_status import ProcessStatus


class Kept:
    """A supervisor whose processes do what `lives` say, one after the other, and the last one
    repeatedly. `messages` are all that it received."""

    def __init__(
        self,
        *lives: str | Exception,
        hang_s: float = 60.0,
        hear: Callable[[Message], None] | None = None,
    ) -> None:
        self.messages: list[Message] = []
        self.memory = multiprocessing.get_context("spawn").RawArray("d", 2)
        self._lives = itertools.chain(lives, itertools.repeat(lives[-1]))
        status_words = np.frombuffer(self.memory, np.float64)
        status_words.flags.writeable = False  # the process alone writes them
        self.status = ProcessStatus(status_words, np.zeros(1, np.int64))
        self.supervisor = Supervisor(
            "test", self._spawn, hear or self.messages.append, status=self.status, hang_s=hang_s
        )
        self.supervisor.start()

    def _spawn(self, generation: int) -> Child:
        life = next(self._lives)
        if isinstance(life, Exception):
            raise life
        if life == "a lock":
            return Child("test", "tests.engine.lives", (threading.Lock(),))
        return Child("test", "tests.engine.lives", (self.memory, life, generation))

    @property
    def born(self) -> list[int]:
        return [message["pid"] for message in self.messages if message["kind"] == "born"]

    @property
    def ends(self) -> list[Message]:
        return [message for message in self.messages if message["kind"] == "ended"]

    @property
    def ready(self) -> bool:
        return self.status.ready


def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def ready() -> ProcessStatus:
    """Of a process that is ready and beats no more."""
    return ProcessStatus(np.array([0.0, 1.0]), np.array([1]))


@pytest.fixture
def keep() -> Iterator[Callable[..., Kept]]:
    kept: list[Kept] = []

    def make(*lives: str | Exception, **options: Any) -> Kept:
        kept.append(Kept(*lives, **options))
        return kept[-1]

    yield make
    for each in kept:
        each.supervisor.hang_up()
        each.supervisor.join()
        assert not any(psutil.pid_exists(pid) for pid in each.born)


@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGKILL, "was killed (SIGKILL)"), (signal.SIGSTOP, "was stopped")],
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
    monkeypatch.setattr(supervisor, "IDLE_S", 1.5)
    kept = keep("never ready", "lives")
    until(lambda: kept.ready)
    assert [end["reason"] for end in kept.ends] == ["hung while it started"]


def test_a_start_that_works_may_take_as_long_as_it_needs(
    keep: Callable[..., Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "IDLE_S", 1.5)
    kept = keep("works long")
    until(lambda: kept.ready, 300)
    assert not kept.ends


def test_one_that_beats_no_more_is_replaced_and_where_it_hung_is_logged(
    keep: Callable[..., Kept],
) -> None:
    kept = keep("hangs", "lives", hang_s=0.5)
    until(lambda: len(kept.born) == 2)
    assert [end["reason"] for end in kept.ends] == ["has hung"]
    assert "in serve" in kept.ends[0]["trace"]


def test_the_last_words_of_an_exception_are_one_printable_line(keep: Callable[..., Kept]) -> None:
    kept = keep("raises", "lives")
    until(lambda: kept.ready)
    assert kept.ends[0]["reason"] == "failed: ValueError: a name with [31mred in it"
    (failed,) = (message for message in kept.messages if message["kind"] == "failed")
    assert failed["trace"].startswith("Traceback")


@pytest.mark.parametrize(
    ("life", "reason", "logged"),
    [
        ("raises at length", "failed: ValueError: xxx", "in _raise"),
        ("misses a library", "failed: ImportError: libfoo.so is missing", "in _raise"),
        ("loses a thread", "failed: ZeroDivisionError: in a thread", "in _lose"),
        ("ends", "ended (status 4)", ""),
        ("ends with a line", "ended (status 4): no such [31mfont", "something said before"),
        ("crashes", "crashed (SIGSEGV)", "in string_at"),
        ("aborts", "crashed (SIGABRT): free(): invalid pointer", "something said before"),
        (
            "terminates",
            "crashed (SIGABRT): terminate called without an active exception",
            "in serve",
        ),
        ("is killed", "was killed (SIGKILL)", ""),
    ],
)
def test_why_a_process_ended_is_told_whatever_ends_it(
    keep: Callable[..., Kept], life: str, reason: str, logged: str
) -> None:
    kept = keep(life, "lives")
    until(lambda: kept.ready)
    told = kept.ends[0]["reason"]
    assert told.startswith(reason) and len(told) < 400 and told.isprintable()
    traces = "".join(message.get("trace", "") for message in kept.messages)
    assert logged in traces and bool(logged) == bool(traces)


@pytest.mark.parametrize("more", [0, 1])
def test_a_process_that_was_killed_for_want_of_memory_is_told_from_others(
    keep: Callable[..., Kept], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    counters = tmp_path / "vmstat"
    counters.write_text("nr_free_pages 7\noom_kill 3\n")
    monkeypatch.setattr(exit_reason, "VMSTAT", counters)
    kept = keep("never ready", "lives")
    until(lambda: kept.born)
    counters.write_text(f"nr_free_pages 7\noom_kill {3 + more}\n")
    os.kill(kept.born[0], signal.SIGKILL)
    until(lambda: kept.ready)
    found = " as the system ran out of memory" if more else ""
    assert kept.ends[0]["reason"] == f"was killed (SIGKILL){',' * more}{found}"


def test_who_prints_more_than_is_read_does_not_wait(keep: Callable[..., Kept]) -> None:
    memory = multiprocessing.get_context("spawn").RawArray("d", 2)
    child = Child("test", "tests.engine.lives", (memory, "prints a flood", 1))
    try:
        until(lambda: memory[1] == 1)  # though nobody listens
    finally:
        child.kill()
    assert "printed" in [message["kind"] for message in child.read_messages()]
    assert len(child.printed) <= TAIL
    child.close()


def test_what_is_read_takes_memory_for_what_there_is_and_not_for_the_most_that_may_come(
    keep: Callable[..., Kept],
) -> None:
    memory = multiprocessing.get_context("spawn").RawArray("d", 2)
    child = Child("test", "tests.engine.lives", (memory, "prints a flood", 1))
    tracemalloc.start()
    try:
        until(lambda: memory[1] == 1)
        child.read_messages()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        child.read_messages()
        assert tracemalloc.get_traced_memory()[1] - before < READ_BYTES
    finally:
        tracemalloc.stop()
        child.kill()
    child.close()


def test_a_process_that_closes_its_channels_is_watched_all_the_same(
    keep: Callable[..., Kept],
) -> None:
    kept = keep("closes its channels", "lives", hang_s=0.5)
    until(lambda: len(kept.ends) == 1 and kept.ready)
    assert kept.ends[0]["reason"] == "has hung"


# -- the watching goes on --------------------------------------------------------------------


@pytest.fixture
def faults_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], str]:
    """The faults reported so far, with a log of their own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(error_log, "_reported", set())
    told: list[str] = []

    def read() -> str:
        told.append(capsys.readouterr().err)
        return "".join(told)

    return read


def test_what_is_no_word_is_told_and_passed_over(
    keep: Callable[..., Kept], faults_told: Callable[[], str]
) -> None:
    kept = keep("talks nonsense", "lives")
    until(lambda: kept.ready and kept.born)
    os.kill(kept.born[0], signal.SIGKILL)
    until(lambda: len(kept.born) == 2 and kept.ready)
    assert "JSONDecodeError" in faults_told() and "no message" in faults_told()
    assert kept.ends[0]["reason"] == "failed: it does not say why"


def test_what_its_hearer_raises_is_told_and_the_watching_goes_on(
    keep: Callable[..., Kept], faults_told: Callable[[], str]
) -> None:
    def hear(message: Message) -> None:
        kept_messages.append(message)
        raise ZeroDivisionError("a hearer's fault")

    kept_messages: list[Message] = []
    kept = keep("lives", hear=hear)
    for times in (1, 2):
        until(lambda: kept.ready)
        until(lambda times=times: sum(w["kind"] == "born" for w in kept_messages) == times)  # type: ignore[misc]
        os.kill(kept_messages[-1]["pid"], signal.SIGKILL)
        until(lambda times=times: sum(w["kind"] == "ended" for w in kept_messages) == times)  # type: ignore[misc]
    assert "a hearer's fault" in faults_told()


def test_a_look_that_fails_is_told_and_another_follows(
    keep: Callable[..., Kept], faults_told: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Liveness.check
    failed: list[bool] = []

    def fails_at_first(liveness: Liveness) -> str:
        if len(failed) < 3:
            failed.append(True)
            raise MemoryError("no room to look")
        return check(liveness)

    monkeypatch.setattr(Liveness, "check", fails_at_first)
    kept = keep("hangs", "lives", hang_s=0.5)
    until(lambda: len(kept.born) == 2)
    assert [end["reason"] for end in kept.ends] == ["has hung"]
    assert "no room to look" in faults_told()


def test_a_tracker_that_cannot_begin_ends_no_watching(
    keep: Callable[..., Kept], faults_told: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room() -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(supervisor.resource_tracker, "ensure_running", no_room)
    kept = keep("lives")
    until(lambda: kept.ready)
    assert "Too many open files" in faults_told()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
        MemoryError(),
        RuntimeError("can't start new thread"),
        "a lock",  # cannot be pickled
    ],
    ids=str,
)
def test_a_process_that_could_not_be_made_is_told_and_tried_again(
    keep: Callable[..., Kept], error: Exception | str
) -> None:
    kept = keep(error, error, "lives")
    until(lambda: kept.ready)
    assert [end["failures"] for end in kept.ends] == [1, 2]
    for end in kept.ends:
        assert end["reason"].startswith("could not be started: ") and "Traceback" in end["trace"]


def test_a_process_that_could_not_be_made_leaves_no_file_open() -> None:
    gc.collect()
    before = psutil.Process().num_fds()
    for _ in range(10):
        with pytest.raises(TypeError):
            Child("test", "tests.engine.lives", (threading.Lock(),))
    gc.collect()
    assert psutil.Process().num_fds() == before


CONTROL = """
import time
from multiprocessing import get_context
import numpy as np
from latentpad.engine.control.child import Child
from latentpad.engine.process_status import ProcessStatus
from latentpad.engine.control.supervisor import Supervisor

def hear(word):
    if word["kind"] == "born":
        print(word["pid"], flush=True)

if __name__ == "__main__":
    for life in ("lives", "never ready", "works long"):
        memory = get_context("spawn").RawArray("d", 2)
        Supervisor(
            life,
            lambda generation, life=life, memory=memory: Child(
                life, "tests.engine.lives", (memory, life, generation)
            ),
            hear,
            status=ProcessStatus(np.frombuffer(memory), np.zeros(1, np.int64)),
            hang_s=60.0,
        ).start()
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_processes_end_with_the_control_process_however_it_ends(
    tmp_path: Path, number: signal.Signals
) -> None:
    program = tmp_path / "control.py"
    program.write_text(CONTROL)
    root = str(Path(__file__).parents[3])
    control = subprocess.Popen(
        [sys.executable, str(program)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip
    assert control.stdout is not None
    born = [int(control.stdout.readline()) for _ in range(3)]
    control.send_signal(number)
    assert control.wait(60) == -number
    control.stdout.close()
    until(lambda: not any(map(psutil.pid_exists, born)))


def test_a_start_that_holds_the_interpreter_s_lock_ends_with_its_keeper(
    keep: Callable[..., Kept],
) -> None:
    kept = keep("holds the lock")
    until(lambda: kept.born)  # the fixture waits for its end


def test_after_three_failed_starts_there_are_pauses_between_them(
    keep: Callable[..., Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "PAUSES_S", (600.0,))
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
        kept.supervisor.hang_up()
        kept.supervisor.join()
        named = [child.name for child in multiprocessing.active_children()]
        assert "test" not in named


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("import time\nwhile True: sum(range(300_000)); time.sleep(0.04)", ""),
        ("import time; time.sleep(600)", "has hung"),
    ],
)
def test_a_long_fit_is_told_from_a_hang_by_the_processor_time(what: str, expected: str) -> None:
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", what])
    try:
        hurried = AwakeClock(lambda: 20 * (time.monotonic() - began))
        liveness = Liveness(process.pid, ready(), 600.0, awake=hurried)
        end = time.monotonic() + 30
        while not (reason := liveness.check()) and time.monotonic() < end:
            if not expected and hurried() > 3 * IDLE_S:
                break
            time.sleep(0.005)
        assert reason == expected
    finally:
        process.kill()
        process.wait()


def test_a_process_that_beats_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    status = ready()
    liveness = Liveness(os.getpid(), status, 600.0)

    def looked(*args: object) -> None:
        raise AssertionError("its state was read")

    monkeypatch.setattr(supervisor.psutil, "Process", looked)
    monkeypatch.setattr(supervisor, "_is_stopped", looked)
    for _ in range(10):
        status.count_beat()
        assert liveness.check() == ""


def test_silence_counts_only_while_the_watcher_runs() -> None:
    now = 100.0
    awake = AwakeClock(lambda: now)
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
        liveness = Liveness(process.pid, ready(), 600.0, awake=AwakeClock(lambda: now))
        process.send_signal(signal.SIGSTOP)
        until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
        assert liveness.check() == ""
        now += 5.0  # we were stopped as well, and are the first to go on
        assert liveness.check() == ""
        process.send_signal(signal.SIGCONT)
        until(lambda: psutil.Process(process.pid).status() != psutil.STATUS_STOPPED)
        for _ in range(100):
            now += 0.05
            assert liveness.check() == ""
        process.send_signal(signal.SIGSTOP)
        until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
        for _ in range(int(STOPPED_S / 0.05) + 2):
            now += 0.05
            told = liveness.check()
        assert told == "was stopped"
    finally:
        process.kill()
        process.wait()
