"""Programs in a terminal of their own, typed at as a person does."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import termios
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.playing import ROOT

SAYS_S = 60.0  # that a loaded machine may take


class Terminal:
    """A program that leads the session of a new terminal, as a shell in a terminal's window.

    `screen` is all that it has printed so far, `first_mode` the terminal's before it was started.
    """

    def __init__(
        self, words: Sequence[str], env: dict[str, str] | None = None, folder: Path = ROOT
    ) -> None:
        self.keys, self._far = pty.openpty()
        self.first_mode = self.mode()
        self.screen = ""
        self._spoke = threading.Condition()
        self.process = subprocess.Popen(
            words, stdin=self._far, stdout=self._far, stderr=self._far, cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while not self._closing.is_set():
            if not select.select([self.keys], [], [], 0.05)[0]:
                continue
            with suppress(OSError):
                data = os.read(self.keys, 65536)
                with self._spoke:
                    self.screen += data.decode(errors="replace").replace("\r\n", "\n")
                    self._spoke.notify_all()

    def type(self, text: str | bytes) -> None:
        """Strike keys, as fast as the terminal takes them."""
        os.write(self.keys, text.encode() if isinstance(text, str) else text)

    def says(self, what: str, after: int = 0, seconds: float = SAYS_S) -> int:
        """Where `what` ends on the screen, behind place `after`; fails if it does not come."""
        end = time.monotonic() + seconds
        with self._spoke:
            while (result := self.screen.find(what, after)) < 0:
                left = end - time.monotonic()
                assert left > 0, f"no {what!r} on the screen:\n{self.screen[after:]}"
                self._spoke.wait(left)
        return result + len(what)

    def mode(self) -> list[Any]:
        """The terminal's attributes (termios)."""
        return termios.tcgetattr(self._far)

    def echoes(self) -> bool:
        return bool(self.mode()[3] & termios.ECHO)

    def becomes(self, echoing: bool) -> None:
        """Fails if the terminal does not begin, or cease, to echo."""
        end = time.monotonic() + SAYS_S
        while self.echoes() != echoing:
            assert time.monotonic() < end, self.screen
            time.sleep(0.02)

    def hang_up(self) -> None:
        """Close the terminal's window."""
        self._closing.set()
        self._reader.join()  # a terminal is open as long as somebody reads from it
        os.close(self._far)
        os.close(self.keys)
        self.keys = self._far = -1

    def close(self) -> None:
        print(self.screen)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.keys >= 0:
            self.hang_up()
