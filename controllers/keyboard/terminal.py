"""Standard input as a keyboard: single keys, without echo.

In this mode (`cbreak`) the terminal gives each key at once, and Ctrl-C and Ctrl-Z still send
signals. The terminal's own mode is restored whenever the program ends or is stopped (Ctrl-Z). A
program in the background neither reads nor changes the terminal, which then belongs to the shell.
No signal reports that it is in the foreground again (`fg`), so this is checked four times a second.
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

CHECK_S = 0.25  # between two checks whether the program is in the foreground
ESCAPE_S = 0.1  # the rest of a sequence comes within this time, also over a network
EMPTY_S = 0.05  # pause after an empty read
READ = 4096  # bytes: a terminal's buffer is not larger
_LFLAG, _CC = 3, 6  # of termios' attributes

Attributes = list[Any]


def is_terminal() -> bool:
    """Whether standard input and standard output are terminals."""
    return os.isatty(0) and os.isatty(1)


class Keyboard:
    """The keys of the terminal `fd`.

    Call `open` and `close` on the main thread, which gets the signals, and `read` on one other.
    """

    def __init__(self, fd: int = 0) -> None:
        self._fd = fd
        self._codes = KeyCodes()
        self._lock = threading.RLock()  # a signal's handler may come in between
        self._saved: Attributes | None = None  # the terminal's own mode, while it has ours
        self._stopping = False
        self._closed = threading.Event()
        self._handlers: dict[signal.Signals, Any] = {}

    def open(self) -> None:
        """Take the terminal, if this program is in the foreground. Earlier input is dropped."""
        ours: dict[signal.Signals, Callable[[int, FrameType | None], None] | signal.Handlers] = {
            signal.SIGTSTP: self._stop,
            signal.SIGQUIT: self._quit,
            # The program may go to the background between the check and the use of the terminal;
            # then a call shall fail instead of stopping the program.
            signal.SIGTTIN: signal.SIG_IGN,
            signal.SIGTTOU: signal.SIG_IGN,
        }
        for number, handler in ours.items():
            if (
                signal.getsignal(number) == signal.SIG_DFL
            ):  # otherwise another handler was set on purpose
                self._handlers[number] = signal.signal(number, handler)
        atexit.register(self._end)
        if self._take():
            with suppress(termios.error):
                termios.tcflush(self._fd, termios.TCIFLUSH)

    def read(self, seconds: float) -> list[str] | None:
        """The keys since the last call, within `seconds`; None if the keyboard is closed."""
        seconds = min(seconds, CHECK_S)
        if not self._take():
            return None if self._closed.wait(seconds) else []
        if self._codes.pending:
            seconds = min(seconds, ESCAPE_S)
        if not select.select([self._fd], [], [], seconds)[0]:
            return self._codes.flush()
        data = b""
        with suppress(OSError):
            data = os.read(self._fd, READ) if self._foreground() else b""
        if not data:  # in the background, or closed: the next check finds out
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
        self._closed.set()  # first, or `read` would take the terminal again
        self._leave()

    def _foreground(self) -> bool:
        """Whether this program is in the foreground of the terminal."""
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError as error:
            if error.errno == errno.ENOTTY and os.isatty(self._fd):
                return True  # not a controlling terminal: no other program competes for it
            self._closed.set()  # it was closed
            return False

    def _take(self) -> bool:
        """Set the mode for single keys, if it is not set. False if that is not possible now."""
        with self._lock:
            if self._closed.is_set() or self._stopping or not self._foreground():
                return False
            try:
                attributes = termios.tcgetattr(self._fd)
                if attributes[_LFLAG] & (termios.ICANON | termios.ECHO):
                    self._saved = attributes
                    # TCSANOW and not TCSADRAIN, which would wait while Ctrl-S stops the output.
                    termios.tcsetattr(self._fd, termios.TCSANOW, _single_keys(attributes))
            except termios.error:
                return False
            return True

    def _leave(self) -> None:
        with self._lock:
            saved, self._saved = self._saved, None
            if saved is not None and self._foreground():
                with suppress(termios.error):
                    termios.tcsetattr(self._fd, termios.TCSANOW, saved)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-Z: restore the terminal and stop. Returns when the program is continued."""
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


def _single_keys(attributes: Attributes) -> Attributes:
    ours = [*attributes[:_CC], list(attributes[_CC])]
    ours[_LFLAG] &= ~(termios.ICANON | termios.ECHO)
    ours[_CC][termios.VMIN], ours[_CC][termios.VTIME] = 1, 0
    return ours
