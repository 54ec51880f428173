"""Keeping a process going: one that ends, is stopped, or hangs is replaced, starting or not.

A process shows two signs of life: its beat, and the processor time it uses. A start that works
uses processor time, so it may take as long as it needs; one that hangs uses none. Silence counts
only while the watching thread runs itself, so a pause of the whole program or machine (Ctrl-Z, a
laptop's sleep, a virtual machine that is moved) is not held against anyone.
"""

from __future__ import annotations

import atexit
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

TICK_S = 0.05
GAP_S = 0.25  # of the watching thread's own time: it was not running
STOPPED_S = 0.5  # a process that continues with us has this long to do so
IDLE_S = 30.0  # without a beat and without using the processor
STARTING_MOST_S = 300.0  # between two words of a start that uses the processor all the time
WORKED_S = 0.02  # of processor time: the clock of some systems has ticks of 10 ms
LIVED_S = 1.0  # a process that ends by itself sooner after it was ready did not really start
STOPPED = "was stopped"
TRIES = 3  # failed starts in a row before there are pauses between them
PAUSES_S = (1.0, 2.0, 4.0, 8.0)

# Python warns of its own process for shared memory, if that was killed. It starts another.
warnings.filterwarnings("ignore", "resource_tracker: process died", UserWarning)


class AwakeClock:
    """The seconds in which its caller ran: a clock to be read often, by any thread.

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

    Once it is ready it has to beat every `hang_s`; `patience` multiplies the limits of its start.
    """

    def __init__(
        self,
        pid: int,
        signs: ProcessStatus,
        hang_s: float,
        patience: float = 1.0,
        awake: Callable[[], float] | None = None,
    ) -> None:
        self._pid, self._signs = pid, signs
        self._hang_s, self._patience = hang_s, patience
        self._awake = awake or AwakeClock()
        self._now = self._ran_at = self._beat_at = self._worked_at = self._awake()
        self._beat, self._worked = signs.beat, 0.0
        self._ready_at: float | None = None

    @property
    def lived(self) -> float:
        """How long it has been ready, s."""
        return 0.0 if self._ready_at is None else self._now - self._ready_at

    def spoke(self) -> None:
        """A word is a sign of life as a beat is."""
        self._beat_at = self._awake()

    def look(self) -> str:
        """Why the process has to be replaced; nothing while it lives."""
        now = self._now = self._awake()
        beat, ready = self._signs.beat, self._signs.ready
        if ready and self._ready_at is None:
            self._ready_at = self._beat_at = now
        if beat != self._beat:
            self._beat, self._beat_at = beat, now
        try:
            process = psutil.Process(self._pid)
            stopped = process.status() == psutil.STATUS_STOPPED
            spent = sum(process.cpu_times()[:2])
        except (psutil.Error, OSError):  # it ends just now, or no more files can be opened
            return ""
        if not stopped:
            self._ran_at = now
        if spent - self._worked >= WORKED_S:
            self._worked, self._worked_at = spent, now
        if now - self._ran_at > STOPPED_S:
            return STOPPED
        silent = now - self._beat_at
        idle = now - max(self._beat_at, self._worked_at)
        if ready:
            return "has hung" if silent > self._hang_s or idle > IDLE_S else ""
        hung = idle > IDLE_S * self._patience or silent > STARTING_MOST_S * self._patience
        return "hung while it started" if hung else ""


class Supervisor:
    """Keeps the process that `spawn` makes going, on a thread that alone has to do with it.

    `hear` is called on that thread with what the process says, dicts with a "kind", and with
    "ended" after each end of it: its `reason`, its exit `status` (None where it did not begin),
    how many `failures` to start there were in a row, whether it was `ready` before, whether
    another try is in vain (`final`), and a `trace` for the log where there is one. What `hear`
    raises is told as a fault, as is all else that goes wrong on that thread, and it goes on.

    `spawn` is given the new process's generation, which the process writes to `signs` when it is
    ready; `pause_s` lies between two tries.
    """

    def __init__(
        self,
        what: str,
        spawn: Callable[[int], Child],
        hear: Callable[[Message], None],
        *,
        signs: ProcessStatus,
        hang_s: float,
        pause_s: float = 0.0,
    ) -> None:
        self.what = what
        self.signs = signs
        self.pid: int | None = None
        self._spawn, self._hear = spawn, hear
        self._hang_s, self._pause_s = hang_s, pause_s
        self._failures = 0  # starts in a row
        self._closing = threading.Event()
        self._poke, self._poked = socket.socketpair()
        self._thread = threading.Thread(target=self._keep, name=f"keep {what}", daemon=True)

    def start(self) -> None:
        self._thread.start()
        atexit.register(self._end)  # before multiprocessing waits for what it started

    def hang_up(self) -> None:
        """Let the process end: a ready one in good order. Any thread."""
        self._closing.set()
        with suppress(OSError):
            self._poke.send(b".")

    def join(self) -> None:
        """Wait until it has ended, after `hang_up`: within a second."""
        if self._thread.ident is not None:
            self._thread.join()
        atexit.unregister(self._end)

    def _end(self) -> None:
        self.hang_up()
        self.join()

    def _keep(self) -> None:
        # A process of ours is deaf to these from its first moment on. (To begin the tracker would
        # unblock what is blocked here.)
        with error_log.errors_reported():
            resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, LEFT_TO_CONTROL)
        generation = self.signs.next_generation()
        while not self._closing.is_set():
            end: Message = {"kind": "ended", "ready": False, "final": False, "status": None}
            well = False
            try:
                child = self._spawn(generation)
            except Exception as error:  # no memory, no room for a process or a thread
                trace = traceback.format_exc()
                end.update(reason=f"could not be started: {failure_line(error)}", trace=trace)
            else:
                self.pid = child.process.pid
                with error_log.errors_reported():
                    well = self._attend(child, end)
                self.pid, generation = None, self.signs.next_generation()
            if self._closing.is_set():
                return
            self._failures = 1 if well else self._failures + 1
            end.setdefault("reason", "could not be watched over")
            self._tell({**end, "failures": self._failures})
            late = self._failures - TRIES
            pause = PAUSES_S[min(late, len(PAUSES_S) - 1)] if late >= 0 else 0.0
            self._closing.wait(max(pause, self._pause_s))

    def _attend(self, child: Child, end: Message) -> bool:
        """Until the process has ended; whether it had started well. `end` is told why it ended."""
        fault = ""
        try:
            killed = oom_kills()
            patience = 2.0 ** min(self._failures, 6)
            vitals = Liveness(child.process.pid or 0, self.signs, self._hang_s, patience)
            looked = time.monotonic()
            while not fault and child.process.is_alive():
                connection.wait([*child.channels, child.process.sentinel, self._poked], TICK_S)
                self._listen(child, vitals, end)
                if self._closing.is_set():
                    if self.signs.ready:
                        child.leave()
                    break
                if time.monotonic() - looked > TICK_S:
                    looked = time.monotonic()
                    with error_log.errors_reported():
                        fault = vitals.look()
            if fault and fault != STOPPED:
                child.where()
        finally:
            child.kill()
        self._listen(child, vitals, end)
        child.close()
        status = child.process.exitcode
        end["ready"], end["status"] = self.signs.ready, status
        if "reason" not in end:
            short = oom_kills() > killed
            end["reason"] = fault or exit_reason(status, child.printed, short)
            orderly = not fault and status in (0, LOST, -signal.SIGKILL)
            if child.printed and not orderly and fault != STOPPED:
                end["trace"] = f"the {self.what} process {end['reason']}\n{child.printed}"
        struck = status == -signal.SIGKILL  # by somebody else, or by us: stopped
        return bool(end["ready"]) and (struck or vitals.lived > LIVED_S)

    def _listen(self, child: Child, vitals: Liveness, end: Message) -> None:
        """Pass on what it says; its last words are for `end`."""
        for word in child.listen():
            vitals.spoke()
            if word["kind"] == "failed":
                why = word.get("reason", "it does not say why")
                end.update(reason=f"failed: {why}", final=bool(word.get("final")))
            self._tell(word)

    def _tell(self, word: Message) -> None:
        with error_log.errors_reported():
            self._hear({**word, "what": self.what})
