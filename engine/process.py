"""What spawned processes have in common: how they start, send messages to the control process, and
end.

Each has one socket to the control process. It sends messages there: one line of JSON each. A
process ends when this socket is closed, because the control process closed it or died; there is no
other sign. Its standard error goes to the control process too, which reads it if the process has
ended without a message (engine/control/exit_reason.py).
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from latentpad.models import extras

LEAVE_S = 0.7  # after the socket is closed: to fade out and leave the sound system
LOST = 3  # exit status of a playing process that has lost its device
MAX_REASON = 300  # characters of a failure's reason
MAX_TRACEBACK = 50_000  # characters: an error may quote its whole input
STACK_SIGNAL = signal.SIGUSR1  # makes a process print its stacks
LEFT_TO_CONTROL = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
M_ARENA_MAX = -8  # mallopt(3)
PACKAGE = "latentpad"  # its exceptions need no type name in a message


def child_main(
    control_socket: socket.socket, stderr: Connection, module: str, args: tuple[Any, ...]
) -> None:
    """A spawned process's main function: runs `serve(*args, control_socket)` of `module`.

    Standard error goes to `stderr`. The process ends within `LEAVE_S` after `control_socket` is
    closed, whatever it is doing then, even an import or the compilation of a kernel.
    """
    with failure_reported(control_socket):
        leave_signals_to_parent()
        _redirect_stderr(stderr)
        threading.Thread(
            target=_exit_when_closed, args=(control_socket,), name="line", daemon=True
        ).start()
        report_step(control_socket, f"imports {module}")
        serve = import_module(module).serve
        if "numba" in sys.modules:
            from latentpad.engine.kernel_cache import load_fft, on_compile

            load_fft()
            on_compile(lambda kernels: send_message(control_socket, "compiling", kernels=kernels))
        serve(*args, control_socket)
    os._exit(0)  # without the slow clean-up of libraries


@contextlib.contextmanager
def failure_reported(control_socket: socket.socket) -> Iterator[None]:
    """End the process at an exception, after the message "failed".

    The message has the `reason` in one line, the `trace`, and `final`, which is true if another try
    would fail in the same way. For each thread without which the process is useless.
    """
    try:
        yield
    except BaseException as error:
        final = isinstance(error, ImportError) or _is_own_error(error)
        trace = traceback.format_exc()[:MAX_TRACEBACK]
        send_message(control_socket, "failed", reason=failure_line(error), final=final, trace=trace)
        os._exit(1)


def report_step(control_socket: socket.socket, step: str) -> None:
    """Report what the start does from now on ("loads the pack"), for those who wait for it."""
    send_message(control_socket, "step", step=step)


def failure_line(error: BaseException) -> str:
    """One printable line that describes the error."""
    text = str(error)
    if isinstance(error, ImportError) and (line_of_extra := extras.import_error_line(error)):
        text = line_of_extra
    elif not _is_own_error(error):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    line = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(line.split())[:MAX_REASON]


def _is_own_error(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] == PACKAGE


def _exit_when_closed(control_socket: socket.socket) -> None:
    with contextlib.suppress(OSError):
        select.select([control_socket], [], [])  # nothing is ever sent: readable means closed
    time.sleep(LEAVE_S)
    os._exit(0)


def leave_signals_to_parent() -> None:
    """Ignore Ctrl-C, a closed terminal and SIGTERM in a spawned process: the control process
    ends it."""
    for number in LEFT_TO_CONTROL:
        signal.signal(number, signal.SIG_IGN)


def share_arena() -> None:
    """Let all threads of this process allocate from one heap, with glibc's allocator.

    By default each thread gets a heap of its own, which keeps what it has freed. Not for a process
    with a thread that must not wait for others. Call it before threads are started.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # not in every C library
        if mallopt is not None:
            mallopt(M_ARENA_MAX, 1)


def send_message(control_socket: socket.socket, kind: str, **fields: Any) -> None:
    """Send one line of JSON to the control process. It is dropped if nobody reads it."""
    with contextlib.suppress(OSError):
        control_socket.send(json.dumps({"kind": kind, **fields}).encode() + b"\n")


def _redirect_stderr(stderr: Connection) -> None:
    """Send standard error there: that of Python and of C libraries, and the stacks of a crash or,
    at `STACK_SIGNAL`, of a hang.

    The supervisor reads it only now and then, so writing never waits; what does not fit is dropped.
    """
    os.set_blocking(stderr.fileno(), False)
    os.dup2(stderr.fileno(), 2)
    stderr.close()
    faulthandler.enable(2)
    faulthandler.register(STACK_SIGNAL, 2)


@contextlib.contextmanager
def stderr_silenced() -> Iterator[None]:
    """Discard what C libraries print on standard error (ALSA and JACK complain of every missing
    device). Not thread-safe: at start-up only."""
    sys.stderr.flush()
    saved = os.dup(2)
    null_device = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null_device, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null_device)
