"""Standard input, output and error, whatever they are: a terminal, a pipe, a full disk, closed."""

from __future__ import annotations

import errno
import io
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from latentpad.models.text import printable

if TYPE_CHECKING:
    from typing_extensions import Buffer

OUTPUT = "standard output"
NOBODY = (errno.EPIPE, errno.EIO)  # who read has stopped, or the terminal was closed
WAITING = 1000  # lines that a reader may be behind
FULL_S = 0.05
CLOSING_S = 0.5


def open_missing() -> None:
    """Open what the program was started without (`>&-`) to nowhere.

    Else the next file that is opened would be taken for it. What cannot be encoded is replaced.
    """
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: `fd`
            os.set_inheritable(nowhere, True)
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDWR), "r")
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDWR), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_RDWR), "w")
    sys.stderr.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Output(1, "w", closefd=False)),
        sys.stdout.encoding,
        "replace",
        line_buffering=sys.stdout.isatty(),
    )


class _Output(io.FileIO):
    """Names itself in its errors, which are else like those of any file."""

    def write(self, data: Buffer) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = OUTPUT
            raise


def say(text: str) -> None:
    """Print lines, without what would steer a terminal. Raises `OSError`."""
    sys.stdout.write("".join(printable(line) + "\n" for line in text.split("\n")))
    sys.stdout.flush()


def discard_output() -> None:
    """Send standard output nowhere from now on, with what of it is still to be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


class BestEffortOutput:
    """A `say` for who plays: it never raises and never waits, whoever reads or has stopped to.

    `fault` is why standard output could not be written, but for a reader that has gone.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.fault: OSError | None = None
        self._warn = warn
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="say", daemon=True)
        self._thread.start()

    def say(self, line: str) -> None:
        """Print it soon, as one line; dropped where nobody reads. Any thread."""
        if self._lines.qsize() < WAITING:
            self._lines.put(line)

    def close(self) -> None:
        """Print what is left, if it can be printed at once."""
        self._lines.put(None)
        self._thread.join(CLOSING_S)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            # Past the stream: the program could not end while a thread holds that.
            rest = memoryview((printable(line) + "\n").encode(sys.stdout.encoding, "replace"))
            while rest:
                try:
                    rest = rest[os.write(1, rest) :]
                except BlockingIOError:  # a pipe that somebody has set so, full
                    time.sleep(FULL_S)
                except OSError as error:
                    discard_output()
                    if error.errno not in NOBODY and self.fault is None:
                        self.fault = error
                        self._warn(f"{OUTPUT}: {error.strerror}; the sound goes on")
                    break
