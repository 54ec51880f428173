"""A supervised process, as seen from the control process: its messages and its standard error.

It sends messages on its socket (engine/process.py). The newest part of its standard error is kept,
because it may contain the reason of its end. The supervisor reads both without waiting. The process
does not wait either: output that does not fit is dropped.
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

MAX_BYTES = 1 << 20  # bytes taken at a time, about; also the longest line
READ_BYTES = 1 << 16
STACKS_S = 0.1  # time for a process to print its stacks
TAIL = 1 << 15  # bytes kept of standard error


class Child:
    """A spawned process that runs `serve(*args, control_socket)` of `module`. One thread.

    Raises `OSError`, `MemoryError` or `RuntimeError` if the system cannot start another process.
    """

    def __init__(self, name: str, module: str, args: Sequence[Any]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._received, self._printed = b"", b""
        # `os.read` would allocate the most that may come each time, and leave holes behind.
        self._buffer = bytearray(READ_BYTES)
        with ExitStack() as kept_open, ExitStack() as passed_on:
            self._control_socket, child_socket = socket.socketpair()
            kept_open.enter_context(self._control_socket)
            passed_on.enter_context(child_socket)
            self._stderr, stderr = spawn.Pipe(duplex=False)
            kept_open.enter_context(self._stderr)
            passed_on.enter_context(stderr)
            self.process = spawn.Process(
                target=child_main,
                args=(child_socket, stderr, module, tuple(args)),
                name=name,
                daemon=True,
            )
            self.process.start()
            self._resources = kept_open.pop_all()
        self.channels = [self._control_socket.fileno(), self._stderr.fileno()]
        for channel in self.channels:
            os.set_blocking(channel, False)

    @property
    def printed(self) -> str:
        """The newest part of its standard error."""
        return self._printed.decode(errors="backslashreplace")

    def read_messages(self) -> list[Message]:
        """The messages since the last call. `channels` are the file descriptors that may have
        more."""
        self._printed = (self._printed + self._read(self._stderr.fileno()))[-TAIL:]
        self._received += self._read(self._control_socket.fileno())
        *lines, self._received = self._received.split(b"\n")
        self._received = self._received[-MAX_BYTES:]
        messages: list[Message] = []
        for line in lines:
            with error_log.errors_reported():
                messages.append(_parse_message(line))
        return messages

    def shut_down(self) -> None:
        """Close its socket, and give it time to end."""
        with suppress(OSError):
            self._control_socket.shutdown(socket.SHUT_RDWR)
        self.process.join(LEAVE_S + 0.1)

    def print_stacks(self) -> None:
        """Make it print its stacks. A process that cannot do so ends or does nothing."""
        if self.process.is_alive() and self.process.pid is not None:
            os.kill(self.process.pid, STACK_SIGNAL)
            self.process.join(STACKS_S)

    def kill(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.join(1.0)

    def close(self) -> None:
        """Close the channels to it."""
        self._resources.close()

    def _read(self, channel: int) -> bytes:
        """The bytes that can be read now, without waiting."""
        data = b""
        while channel in self.channels and len(data) < MAX_BYTES:
            try:
                chunk = bytes(self._buffer[: os.readv(channel, [self._buffer])])
            except BlockingIOError:
                break
            except OSError:  # the process has died
                chunk = b""
            if not chunk:
                self.channels.remove(channel)
            data += chunk
        return data


def _parse_message(line: bytes) -> Message:
    message = json.loads(line)
    if not isinstance(message, dict) or not isinstance(message.get("kind"), str):
        raise ValueError(f"no message: {line[:80]!r}")
    return message
