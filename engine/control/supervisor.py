"""Supervises a process: one that ends, is stopped or hangs is replaced, even while it starts.

A process shows two signs of life: its beat, and the processor time that it uses. A start that works
uses processor time, so it may take as long as it needs; one that hangs uses none. Time counts only
while the supervising thread itself runs, so a pause of the whole program or machine (Ctrl-Z, a
laptop's sleep, a moved virtual machine) replaces no process.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import connection, resource_tracker

import psutil

from latentpad.engine import error_log
from latentpad.engine.control.child import Child, Message
from latentpad.engine.control.exit_reason import exit_reason, oom_kills
from latentpad.engine.process import LEFT_TO_CONTROL, LOST, failure_line
from latentpad.engine.process_status import ProcessStatus

TICK_S = 0.1  # between two checks of a process
STOPPED_TICK_S = 0.05  # the same of one that was stopped
GAP_S = 0.25  # the longest time between two readings that counts
STOPPED_S = 0.5  # a stopped process must continue within this time
IDLE_S = 30.0  # without a beat and without processor time
STARTING_MOST_S = 300.0  # between two messages of a start that uses processor time
CPU_CHECK_S = 1.0  # between two readings of its processor time, which cost more than all else
CPU_STEP_S = 0.02  # processor time that counts as work: some systems count in steps of 10 ms
MIN_READY_S = 1.0  # a process that ends sooner after it was ready counts as a failed start
STOPPED = "was stopped"
TRIES = 3  # failed starts in a row before there are pauses between them
PAUSES_S = (1.0, 2.0, 4.0, 8.0)

# Python warns if its own process for shared memory was killed. It starts another one.
warnings.filterwarnings("ignore", "resource_tracker: process died", UserWarning)


class AwakeClock:
    """The seconds during which its caller ran. To be read often; any thread.

    A reading that comes more than `GAP_S` after the last one counts as `GAP_S`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last, self._time = clock(), 0.0

    def __call__(self) -> float:
        with self._lock:
            now = self._clock()
            self._time += min(max(now - self._last, 0.0), GAP_S)
            self._last = now
            return self._time


class Liveness:
    """How long a process has shown no sign of life. One thread.

    A ready process must beat every `hang_s`. `patience` multiplies the limits for its start.
    """

    def __init__(
        self,
        pid: int,
        status: ProcessStatus,
        hang_s: float,
        patience: float = 1.0,
        awake: Callable[[], float] | None = None,
    ) -> None:
        self._pid, self._status = pid, status
        self._hang_s, self._patience = hang_s, patience
        self._awake = awake or AwakeClock()
        self._now = self._ran_at = self._beat_at = self._cpu_at = self._awake()
        self._beat, self._cpu_s, self._cpu_read_at = status.beat, 0.0, -CPU_CHECK_S
        self._ready_at: float | None = None

    @property
    def ready_s(self) -> float:
        """How long it has been ready, s."""
        return 0.0 if self._ready_at is None else self._now - self._ready_at

    @property
    def tick_s(self) -> float:
        """When to check again, s: sooner if the process was found stopped."""
        return TICK_S if self._ran_at == self._now else STOPPED_TICK_S

    def record_message(self) -> None:
        """Record a message, which is a sign of life like a beat."""
        self._beat_at = self._awake()

    def check(self) -> str:
        """The reason why the process must be replaced; empty while it lives."""
        now = self._now = self._awake()
        beat, ready = self._status.beat, self._status.ready
        if ready and self._ready_at is None:
            self._ready_at = self._beat_at = now
        if beat != self._beat:  # it runs
            self._beat, self._beat_at, self._ran_at = beat, now, now
            return ""
        try:
            if not _is_stopped(self._pid):
                self._ran_at = now
            if now - self._cpu_read_at >= CPU_CHECK_S:
                self._cpu_read_at = now
                cpu_s = sum(psutil.Process(self._pid).cpu_times()[:2])
                if cpu_s - self._cpu_s >= CPU_STEP_S:
                    self._cpu_s, self._cpu_at = cpu_s, now
        except (psutil.Error, OSError):  # it has just ended, or no more files can be opened
            return ""
        if now - self._ran_at > STOPPED_S:
            return STOPPED
        silent = now - self._beat_at
        idle = now - max(self._beat_at, self._cpu_at)
        if ready:
            return "has hung" if silent > self._hang_s or idle > IDLE_S else ""
        hung = idle > IDLE_S * self._patience or silent > STARTING_MOST_S * self._patience
        return "hung while it started" if hung else ""


def _is_stopped(pid: int) -> bool:
    """Whether the child process was stopped (SIGSTOP). Raises `OSError` or `psutil.Error` if it has
    ended."""
    if hasattr(os, "waitid"):  # a hundredth of the cost
        return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT | os.WNOHANG) is not None
    return psutil.Process(pid).status() == psutil.STATUS_STOPPED


class Supervisor:
    """Keeps the process that `spawn` makes running, on a thread of its own.

    `on_message` is called on that thread with the messages of the process, dicts with a "kind", and
    with "ended" after each end: its `reason`, its exit `status` (None if it did not start), the
    number of `failures` to start in a row, whether it was `ready` before, whether another try would
    fail too (`final`), and a `trace` for the log if there is one. Exceptions of `on_message` and
    other errors on that thread are reported as faults, and the thread goes on.

    `spawn` is called with the new process's generation, which the process writes to `status` when
    it is ready. `pause_s` is the least time between two tries.
    """

    def __init__(
        self,
        name: str,
        spawn: Callable[[int], Child],
        on_message: Callable[[Message], None],
        *,
        status: ProcessStatus,
        hang_s: float,
        pause_s: float = 0.0,
    ) -> None:
        self.name = name
        self.status = status
        self.pid: int | None = None
        self._spawn, self._on_message = spawn, on_message
        self._hang_s, self._pause_s = hang_s, pause_s
        self._failures = 0  # failed starts in a row
        self._closing = threading.Event()
        self._wake_sender, self._wake_receiver = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name=f"keep {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()
        atexit.register(self._end)  # runs before multiprocessing waits for its processes

    def hang_up(self) -> None:
        """Let the process end, in good order if it is ready. Any thread."""
        self._closing.set()
        with suppress(OSError):
            self._wake_sender.send(b".")

    def join(self) -> None:
        """Wait until it has ended, after `hang_up`: within a second."""
        if self._thread.ident is not None:
            self._thread.join()
        atexit.unregister(self._end)

    def _end(self) -> None:
        self.hang_up()
        self.join()

    def _run(self) -> None:
        # Spawned processes ignore these signals from the start. The tracker must run before that:
        # its start unblocks them.
        with error_log.errors_reported():
            resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, LEFT_TO_CONTROL)
        generation = self.status.next_generation()
        while not self._closing.is_set():
            end: Message = {"kind": "ended", "ready": False, "final": False, "status": None}
            started_well = False
            try:
                child = self._spawn(generation)
            except Exception as error:  # no memory, no room for a process or a thread
                trace = traceback.format_exc()
                end.update(reason=f"could not be started: {failure_line(error)}", trace=trace)
            else:
                self.pid = child.process.pid
                with error_log.errors_reported():
                    started_well = self._watch(child, end)
                self.pid, generation = None, self.status.next_generation()
            if self._closing.is_set():
                return
            self._failures = 1 if started_well else self._failures + 1
            end.setdefault("reason", "could not be watched over")
            self._report({**end, "failures": self._failures})
            excess = self._failures - TRIES
            pause = PAUSES_S[min(excess, len(PAUSES_S) - 1)] if excess >= 0 else 0.0
            self._closing.wait(max(pause, self._pause_s))

    def _watch(self, child: Child, end: Message) -> bool:
        """Watch the process until it has ended. Returns whether it had started well; the reason
        is added to `end`."""
        failure = ""
        try:
            oom_kills_before = oom_kills()
            patience = 2.0 ** min(self._failures, 6)
            liveness = Liveness(child.process.pid or 0, self.status, self._hang_s, patience)
            checked_at = time.monotonic()
            while not failure and child.process.is_alive():
                if connection.wait(
                    [*child.channels, child.process.sentinel, self._wake_receiver], liveness.tick_s
                ):
                    self._forward_messages(child, liveness, end)
                if self._closing.is_set():
                    if self.status.ready:
                        child.shut_down()
                    break
                if time.monotonic() - checked_at > liveness.tick_s:
                    checked_at = time.monotonic()
                    with error_log.errors_reported():
                        failure = liveness.check()
            if failure and failure != STOPPED:
                child.print_stacks()
        finally:
            child.kill()
        self._forward_messages(child, liveness, end)
        child.close()
        exit_status = child.process.exitcode
        end["ready"], end["status"] = self.status.ready, exit_status
        if "reason" not in end:
            out_of_memory = oom_kills() > oom_kills_before
            end["reason"] = failure or exit_reason(exit_status, child.printed, out_of_memory)
            orderly = not failure and exit_status in (0, LOST, -signal.SIGKILL)
            if child.printed and not orderly and failure != STOPPED:
                end["trace"] = f"the {self.name} process {end['reason']}\n{child.printed}"
        was_killed = (
            exit_status == -signal.SIGKILL
        )  # by another program, or by us because it was stopped
        return bool(end["ready"]) and (was_killed or liveness.ready_s > MIN_READY_S)

    def _forward_messages(self, child: Child, liveness: Liveness, end: Message) -> None:
        """Forward its messages, and add its last one to `end`."""
        for message in child.read_messages():
            liveness.record_message()
            if message["kind"] == "failed":
                why = message.get("reason", "it does not say why")
                end.update(reason=f"failed: {why}", final=bool(message.get("final")))
            self._report(message)

    def _report(self, message: Message) -> None:
        with error_log.errors_reported():
            self._on_message({**message, "what": self.name})
