"""Standard input, output and error: a terminal, a pipe, a full disk, or closed."""

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
READER_GONE = (errno.EPIPE, errno.EIO)  # the reader has ended, or the terminal was closed
WAITING = 1000  # lines that may wait to be written
FULL_S = 0.05
CLOSING_S = 0.5


def open_missing() -> None:
    """Open standard streams that were closed at the start (`>&-`) on /dev/null.

    Otherwise the next file that is opened would get their number. Characters that cannot be encoded
    are replaced.
    """
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is `fd`
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
    """Standard output whose errors have its name as their file name."""

    def write(self, data: Buffer) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = OUTPUT
            raise


def say(text: str) -> None:
    """Print lines, without control characters. Raises `OSError`."""
    sys.stdout.write("".join(printable(line) + "\n" for line in text.split("\n")))
    sys.stdout.flush()


def discard_output() -> None:
    """Redirect standard output to /dev/null, with what is still buffered."""
    _discard(1)


def flush_errors() -> None:
    """Write what standard error still buffers, or discard it if that fails. Otherwise Python would
    try again at its end, and end with status 120."""
    try:
        sys.stderr.flush()
    except OSError:
        _discard(2)


def _discard(fd: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, fd)
    os.close(nowhere)


class BestEffortOutput:
    """A `say` for `play`: it never raises and never waits, whatever happens to the reader.

    `fault` is the error of standard output, if any; a reader that has ended is none.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.fault: OSError | None = None
        self._warn = warn
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="say", daemon=True)
        self._thread.start()

    def say(self, line: str) -> None:
        """Queue a line to be printed; dropped if `WAITING` lines wait already. Any thread."""
        if self._lines.qsize() < WAITING:
            self._lines.put(line)

    def close(self) -> None:
        """Print the queued lines, within `CLOSING_S`."""
        self._lines.put(None)
        self._thread.join(CLOSING_S)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            # Not through the stream: the program could not end while this thread holds its lock.
            rest = memoryview((printable(line) + "\n").encode(sys.stdout.encoding, "replace"))
            while rest:
                try:
                    rest = rest[os.write(1, rest) :]
                except BlockingIOError:  # a full pipe that is non-blocking
                    time.sleep(FULL_S)
                except OSError as error:
                    discard_output()
                    if error.errno not in READER_GONE and self.fault is None:
                        self.fault = error
                        self._warn(f"{OUTPUT}: {error.strerror}; the sound goes on")
                    break
