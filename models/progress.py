"""How far long work is: a bar on the terminal, a line now and then in a log."""

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

FIRST_S = 2.0  # what takes longer is told in a log
EVERY_S = 10.0  # and a log is not silent for longer
LOOK_S = 0.5
SPEED_S = 120.0  # of the past, that the time left is reckoned by

#: Told what is being done, how much of it is done and of how much: of 1 it is a share, of 0 nobody
#: knows how much there is.
ProgressCallback = Callable[[str, float, float], None]
LogCallback = Callable[[str], None]


def no_progress(what: str, done: float = 0, of: float = 0) -> None:
    """A `ProgressCallback` that nobody hears."""


def print_line(line: str) -> None:
    """Print one line on standard output. Raises OSError."""
    sys.stdout.write(printable(line) + "\n")
    sys.stdout.flush()


class Bar(Progress):
    """A bar on the terminal: on standard error, or on standard output if only that is one. Where
    standard output is none, a line there every `EVERY_S`: a log is told what a terminal shows.

    What is printed meanwhile stands above the bar. Make it before `engine.process.stderr_silenced`:
    it has a way of its own to the terminal. One thread calls.
    """

    def __init__(self, shown: bool = True) -> None:
        screen = _terminal() if shown else None
        self._screen = None if screen is None else os.fdopen(os.dup(screen), "w", encoding="utf-8")
        self._told: TaskID | None = None
        self._what = ""
        self._over = threading.Event()
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
        """Tasks that were added stay on the terminal, what was told goes."""
        self._over.set()
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
        """A `ProgressCallback`. Another `what`, or a task, takes the place of the one before."""
        if self._told is None or what != self._what:
            self._told = self.add_task(what, total=of or None)
            self._what = what
        self.update(self._told, completed=done, total=of or None)

    def done(self) -> None:
        """What was told last is over."""
        if self._told is not None:
            self.remove_task(self._told)
            self._told = None

    def _write(self) -> None:
        """Lines for a log, of what is under way. On a thread of its own, as a step may be long."""
        last, heard = time.monotonic(), None
        while not self._over.wait(min(LOOK_S, EVERY_S / 4)):
            going = [t for t in self.tasks if t.visible and not (t.finished and t.id != self._told)]
            if not going:
                continue
            task, now = going[-1], time.monotonic()
            known = task.id == heard or (task.elapsed or 0) < FIRST_S
            if known and now - last < EVERY_S:
                continue
            last, heard = now, task.id
            line = printable(f"{task.description}: {words(task)}") + "\n"
            try:
                # Past the stream: the program could not end while a thread holds that.
                os.write(sys.stdout.fileno(), line.encode(errors="replace"))
            except BlockingIOError:  # a pipe that is full: the next line will do
                continue
            except (OSError, ValueError):  # nobody reads it, or it is closed
                return


class LoopProgress:
    """Says how far a loop is, at most every `EVERY_S`: from within it, where a thread beside would
    disturb what is measured."""

    def __init__(self, log: LogCallback, what: str) -> None:
        self._say, self._what = log, what
        self._last = time.monotonic()

    def __call__(self, done: float, of: float, unit: str = "") -> None:
        if time.monotonic() - self._last >= EVERY_S:
            self._last = time.monotonic()
            self._say(f"{self._what}: {done:.0f} of {of:.0f}{unit}")


def words(task: Task) -> str:
    """How far a task is: "12 of 40, 30 s left", "30 %" of a share, "25 s" of what has no end; the
    field `told` is said beside."""
    left = task.time_remaining
    parts = [
        _far(task), str(task.fields.get("told", "")),
        f"{_span(left)} left" if left and task.total is not None else "",
    ]  # fmt: skip
    return ", ".join(part for part in parts if part)


class _Words(ProgressColumn):
    """`words`, beside a bar."""

    def __init__(self) -> None:
        super().__init__(Column(no_wrap=True))

    def render(self, task: Task) -> Text:
        return Text(words(task))


def _far(task: Task) -> str:
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
