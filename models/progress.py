"""Progress of long work: a bar on the terminal, and a line from time to time in a log."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from latentpad.models.text import printable

FIRST_S = 2.0  # a task that takes longer gets a line in the log
EVERY_S = 10.0  # the longest time without a line in the log
CHECK_S = 0.5
SPEED_S = 120.0  # the time left is estimated from the last so many seconds

#: Called with the name of the task, how much of it is done, and of how much. With a total of 1 the
#: amount is a share; with a total of 0 the total is unknown.
ProgressCallback = Callable[[str, float, float], None]
LogCallback = Callable[[str], None]


def no_progress(what: str, done: float = 0, of: float = 0) -> None:
    """A `ProgressCallback` that does nothing."""


def print_line(line: str) -> None:
    """Print one line on standard output. Raises OSError."""
    sys.stdout.write(printable(line) + "\n")
    sys.stdout.flush()


class Bar(Progress):
    """A progress bar on the terminal.

    It is drawn on standard error, or on standard output if only that is a terminal. If standard
    output is no terminal, a line is written there every `EVERY_S`, so that a log shows the same.

    Lines that are printed while it runs appear above the bar. Make it before
    `engine.process.stderr_silenced`: it opens the terminal itself. All methods are for one thread.
    """

    def __init__(self, shown: bool = True) -> None:
        screen = _terminal() if shown else None
        self._screen = None if screen is None else os.fdopen(os.dup(screen), "w", encoding="utf-8")
        self._reported: TaskID | None = None
        self._what = ""
        self._stopped = threading.Event()
        self._log: threading.Thread | None = None
        self._logs = shown and (screen is None or not sys.stdout.isatty())
        super().__init__(
            TextColumn("{task.description}", markup=False), BarColumn(), _Words(),
            console=Console(file=self._screen, force_terminal=screen is not None),
            disable=screen is None, speed_estimate_period=SPEED_S,
            redirect_stdout=sys.stdout.isatty(), redirect_stderr=False,
        )  # fmt: skip

    def start(self) -> None:
        super().start()
        if self._logs and self._log is None:
            self._log = threading.Thread(target=self._write, name="log", daemon=True)
            self._log.start()

    def stop(self) -> None:
        """Remove the bar of `report`; tasks that were added stay on the terminal."""
        self._stopped.set()
        if self._log is not None:
            self._log.join(1)
        self.done()
        super().stop()
        if self._screen is not None:
            self._screen.close()

    def add_task(self, description: str, *given: Any, **options: Any) -> TaskID:
        self.done()
        return super().add_task(description, *given, **options)

    def report(self, what: str, done: float = 0, of: float = 0) -> None:
        """A `ProgressCallback`. A new `what`, or a task, replaces the one before."""
        if self._reported is None or what != self._what:
            self._reported = self.add_task(what, total=of or None)
            self._what = what
        self.update(self._reported, completed=done, total=of or None)

    def done(self) -> None:
        """End the task that was reported last."""
        if self._reported is not None:
            self.remove_task(self._reported)
            self._reported = None

    def _write(self) -> None:
        """Write lines to the log about the running task. Has its own thread, as a step may be
        long."""
        last, logged_id = time.monotonic(), None
        while not self._stopped.wait(min(CHECK_S, EVERY_S / 4)):
            running = [
                t for t in self.tasks if t.visible and not (t.finished and t.id != self._reported)
            ]
            if not running:
                continue
            task, now = running[-1], time.monotonic()
            recent = task.id == logged_id or (task.elapsed or 0) < FIRST_S
            if recent and now - last < EVERY_S:
                continue
            last, logged_id = now, task.id
            line = printable(f"{task.description}: {words(task)}") + "\n"
            try:
                # Not through the stream: the program could not end while this thread holds its
                # lock.
                os.write(sys.stdout.fileno(), line.encode(errors="replace"))
            except BlockingIOError:  # a full pipe: this line is left out
                continue
            except (OSError, ValueError):  # the output is closed, or no one reads it
                return


class LoopProgress:
    """Logs the progress of a loop, at most every `EVERY_S`.

    It is called in the loop: another thread would disturb what the loop measures.
    """

    def __init__(self, log: LogCallback, task: str) -> None:
        self._log_line, self._what = log, task
        self._last = time.monotonic()

    def __call__(self, done: float, of: float, unit: str = "") -> None:
        if time.monotonic() - self._last >= EVERY_S:
            self._last = time.monotonic()
            self._log_line(f"{self._what}: {done:.0f} of {of:.0f}{unit}")


def words(task: Task) -> str:
    """The state of a task: "12 of 40, 30 s left", "30 %" of a share, "25 s" of an unknown total.

    The task's field `note` is shown beside it.
    """
    seconds_left = task.time_remaining
    parts = [
        _amount(task), str(task.fields.get("note", "")),
        f"{_span(seconds_left)} left" if seconds_left and task.total is not None else "",
    ]  # fmt: skip
    return ", ".join(part for part in parts if part)


class _Words(ProgressColumn):
    """`words`, beside a bar."""

    def __init__(self) -> None:
        super().__init__(Column(no_wrap=True))

    def render(self, task: Task) -> Text:
        return Text(words(task))


def _amount(task: Task) -> str:
    if task.total is None:
        return _span(task.elapsed or 0)
    if task.total == 1:
        return f"{100 * task.completed:.0f} %"
    return f"{task.completed:.0f} of {task.total:.0f}"


def _span(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 100 else f"{seconds / 3600:.1f} h"


def _terminal() -> int | None:
    """The file descriptor of the terminal that can show a bar."""
    if os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return None
    streams = ((2, sys.stderr), (1, sys.stdout))
    return next((number for number, stream in streams if stream.isatty()), None)
