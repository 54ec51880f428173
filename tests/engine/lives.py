"""Small processes for the tests of supervision, one for each thing that may happen."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from latentpad.engine.process import failure_reported, send_message
from latentpad.engine.process_status import ProcessStatus

TOOK_S = 4.0  # for a start that works, a tenth of the time
NONSENSE = b'no word\n{"no": "kind"}\n[1]\n\xff\xfe\n\n{"kind": 1}\n{"kind": "failed"}\n'


def _raise(error: BaseException) -> None:
    raise error


def _lose(control_socket: socket.socket) -> None:
    with failure_reported(control_socket):
        raise ZeroDivisionError("in a thread")


def _print_and(end: Callable[[], object], last: bytes) -> None:
    os.write(2, b"something said before\n" + last)
    end()


ENDS: dict[str, Callable[[], object]] = {
    "raises": lambda: _raise(ValueError("a name\nwith \x1b[31mred in it")),
    "raises at length": lambda: _raise(ValueError(1_000_000 * "x")),
    "misses a library": lambda: _raise(ImportError("libfoo.so is missing")),
    "ends": lambda: os._exit(4),
    "ends with a line": lambda: _print_and(lambda: os._exit(4), b"no such \x1b[31mfont\n\n"),
    "crashes": lambda: ctypes.string_at(0),
    "aborts": lambda: _print_and(os.abort, b"free(): invalid pointer\n"),
    "terminates": lambda: ctypes.CDLL("libstdc++.so.6")._ZSt9terminatev(),
    "is killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
}


def serve(memory: Any, life: str, generation: int, control_socket: socket.socket) -> None:
    """Do what `life` says. `memory` has the process's two status words."""
    status = ProcessStatus(np.frombuffer(memory, np.float64), np.zeros(1, np.int64))
    send_message(control_socket, "born", pid=os.getpid(), life=life)
    if life == "loses a thread":
        threading.Thread(target=_lose, args=(control_socket,)).start()
        time.sleep(600)
    if life in ENDS:
        ENDS[life]()
    if life == "talks nonsense":
        control_socket.send(NONSENSE)
    if life == "prints a flood":
        for _ in range(10_000):
            with suppress(BlockingIOError):
                os.write(2, b"a line of 64 bytes that no one reads, and another one after that\n")
        send_message(control_socket, "printed")
    if life == "never ready":
        time.sleep(600)
    if life == "holds the lock":  # no thread of this process runs any more
        sum(range(10**15))
    if life == "works long":
        end = time.monotonic() + TOOK_S
        while time.monotonic() < end:
            sum(range(300_000))
            time.sleep(0.05)
    status.become_ready(generation)
    if life == "closes its channels":
        os.close(2)
        control_socket.shutdown(socket.SHUT_WR)
    if life in ("hangs", "closes its channels"):
        time.sleep(600)
    while not select.select([control_socket], [], [], 0.02)[0]:
        status.count_beat()
