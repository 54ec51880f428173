"""Standard input as a keyboard: keys one by one, without echo.

While they are ours the terminal gives each key at once (`cbreak`), and still makes signals of
Ctrl-C and Ctrl-Z. It gets its own mode back at every end of the program and when the program is
stopped (Ctrl-Z). A program in the background neither reads nor changes the terminal, which is the
shell's then; as no signal tells that it has come back (`fg`), that is looked at four times a
second.
"""

from __future__ import annotations

import atexit
import errno
import os
import select
import signal
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from latentpad.controllers.keyboard.codes import KeyCodes

LOOK_S = 0.25  # between two looks at whose the terminal is
ESCAPE_S = 0.1  # in which the rest of a sequence comes, over a network too
EMPTY_S = 0.05  # after a read that gave nothing
READ = 4096  # bytes: more than that a terminal does not keep
_LFLAG, _CC = 3, 6  # of termios' attributes

Attributes = list[Any]


def is_terminal() -> bool:
    """Whether standard input is a terminal, and what is printed is seen on one."""
    return os.isatty(0) and os.isatty(1)


class Keyboard:
    """The keys of the terminal `fd`. `open` and `close` on the main thread, which has the signals;
    `read` on one other."""

    def __init__(self, fd: int = 0) -> None:
        self._fd = fd
        self._codes = KeyCodes()
        self._lock = threading.RLock()  # a signal's handler may come in between
        self._usual: Attributes | None = None  # the terminal's own mode, while it has ours
        self._stopping = False
        self._closed = threading.Event()
        self._handlers: dict[signal.Signals, Any] = {}

    def open(self) -> None:
        """Take the terminal, if this program is in its foreground. What was typed before is
        dropped."""
        ours: dict[signal.Signals, Callable[[int, FrameType | None], None] | signal.Handlers] = {
            signal.SIGTSTP: self._stop,
            signal.SIGQUIT: self._quit,
            # Between a look at whose the terminal is and its use it may become the shell's: then
            # an error is wanted, not a stop.
            signal.SIGTTIN: signal.SIG_IGN,
            signal.SIGTTOU: signal.SIG_IGN,
        }
        for number, handler in ours.items():
            if signal.getsignal(number) == signal.SIG_DFL:  # else somebody wants it otherwise
                self._handlers[number] = signal.signal(number, handler)
        atexit.register(self._end)
        if self._take():
            with suppress(termios.error):
                termios.tcflush(self._fd, termios.TCIFLUSH)

    def read(self, seconds: float) -> list[str] | None:
        """The keys since last asked, after `seconds` at most; None if there will be no more."""
        seconds = min(seconds, LOOK_S)
        if not self._take():
            return None if self._closed.wait(seconds) else []
        if self._codes.pending:
            seconds = min(seconds, ESCAPE_S)
        if not select.select([self._fd], [], [], seconds)[0]:
            return self._codes.flush()
        data = b""
        with suppress(OSError):
            data = os.read(self._fd, READ) if self._foreground() else b""
        if not data:  # it has just become the shell's, or was closed: the next look tells
            self._closed.wait(EMPTY_S)
        return None if self._closed.is_set() else self._codes.feed(data)

    def close(self) -> None:
        """Give the terminal back, and the signals."""
        self._end()
        atexit.unregister(self._end)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def _end(self) -> None:
        self._closed.set()  # before: who reads would take it again
        self._leave()

    def _foreground(self) -> bool:
        """Whether the terminal is ours to read and to change."""
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError as error:
            if error.errno == errno.ENOTTY and os.isatty(self._fd):
                return True  # it controls no job, so there is no other who has it
            self._closed.set()  # it was closed
            return False

    def _take(self) -> bool:
        """Whether the terminal has our mode, set anew if it has lost it."""
        with self._lock:
            if self._closed.is_set() or self._stopping or not self._foreground():
                return False
            try:
                found = termios.tcgetattr(self._fd)
                if found[_LFLAG] & (termios.ICANON | termios.ECHO):
                    self._usual = found
                    # Not after what is still to be printed: a terminal stopped by Ctrl-S waits.
                    termios.tcsetattr(self._fd, termios.TCSANOW, _one_by_one(found))
            except termios.error:
                return False
            return True

    def _leave(self) -> None:
        with self._lock:
            usual, self._usual = self._usual, None
            if usual is not None and self._foreground():
                with suppress(termios.error):
                    termios.tcsetattr(self._fd, termios.TCSANOW, usual)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-Z: the shell gets its terminal as it was. Returns when the program goes on."""
        self._stopping = True
        self._leave()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._stop)
        self._stopping = False

    def _quit(self, number: int, frame: FrameType | None) -> None:
        self._end()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _one_by_one(attributes: Attributes) -> Attributes:
    ours = [*attributes[:_CC], list(attributes[_CC])]
    ours[_LFLAG] &= ~(termios.ICANON | termios.ECHO)
    ours[_CC][termios.VMIN], ours[_CC][termios.VTIME] = 1, 0
    return ours
