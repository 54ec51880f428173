"""A process that is kept going, as the control process has it: what it says, and what it prints.

What it says are words on its line (engine/process.py). What it prints on standard error is kept,
the newest of it, for the reason of its end. Both are read by who watches over it, without waiting;
the process does not wait either: what standard error has no room for is dropped.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any

from latentpad.engine import error_log
from latentpad.engine.process import LEAVE_S, STACK_SIGNAL, child_main

Message = dict[str, Any]

MOST = 1 << 20  # bytes that are read at a time, and of a line that does not end
WHERE_S = 0.1  # for a process to print its stacks
TAIL = 1 << 15  # bytes that are kept of standard error


class Child:
    """A process of `serve(*args, words)` in `module`. One thread.

    Raises `OSError`, `MemoryError` or `RuntimeError` where the system has no room for another
    process.
    """

    def __init__(self, what: str, module: str, args: Sequence[Any]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._heard, self._printed = b"", b""
        with ExitStack() as kept, ExitStack() as given:
            self._line, words = socket.socketpair()
            kept.enter_context(self._line)
            given.enter_context(words)
            self._stderr, stderr = spawn.Pipe(duplex=False)
            kept.enter_context(self._stderr)
            given.enter_context(stderr)
            self.process = spawn.Process(
                target=child_main, args=(words, stderr, module, tuple(args)), name=what, daemon=True
            )
            self.process.start()
            self._kept = kept.pop_all()
        self.channels = [self._line.fileno(), self._stderr.fileno()]
        for channel in self.channels:
            os.set_blocking(channel, False)

    @property
    def printed(self) -> str:
        """The newest of what it has printed on standard error."""
        return self._printed.decode(errors="backslashreplace")

    def listen(self) -> list[Message]:
        """What it has said since last asked. `channels` are those that may tell more."""
        self._printed = (self._printed + self._read(self._stderr.fileno()))[-TAIL:]
        self._heard += self._read(self._line.fileno())
        *lines, self._heard = self._heard.split(b"\n")
        self._heard = self._heard[-MOST:]
        words: list[Message] = []
        for line in lines:
            with error_log.errors_reported():
                words.append(_word(line))
        return words

    def leave(self) -> None:
        """Hang up, and give it time to end in good order."""
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self.process.join(LEAVE_S + 0.1)

    def where(self) -> None:
        """Have it print where it hangs. One that cannot any more ends of it, or does nothing."""
        if self.process.is_alive() and self.process.pid is not None:
            os.kill(self.process.pid, STACK_SIGNAL)
            self.process.join(WHERE_S)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.join(1.0)

    def close(self) -> None:
        """Nothing more is heard of it."""
        self._kept.close()

    def _read(self, channel: int) -> bytes:
        """What there is now, without waiting."""
        found = b""
        while channel in self.channels and len(found) < MOST:
            try:
                more = os.read(channel, MOST)
            except BlockingIOError:
                break
            except OSError:  # its end has died
                more = b""
            if not more:
                self.channels.remove(channel)
            found += more
        return found


def _word(line: bytes) -> Message:
    word = json.loads(line)
    if not isinstance(word, dict) or not isinstance(word.get("kind"), str):
        raise ValueError(f"no word: {line[:80]!r}")
    return word
