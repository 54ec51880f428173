"""What the processes that we spawn have in common: how they begin, speak to the control process,
and end.

Each has one socket to the control process, its line. What it says there are lines of JSON. That
the line ends, because the control process hung up or died, is the only sign to end. What it prints
on standard error goes to the control process too, which reads it when the process has ended
without a word (engine/control/exit_reason.py).
"""

from __future__ import annotations

import contextlib
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

LEAVE_S = 0.7  # after the line has ended: to fade out and to leave a sound system in good order
LOST = 3  # exit status of a playing process that has told of the loss of its device
LONGEST = 300  # characters of a reason
LONGEST_TRACE = 50_000  # characters: an error may quote all that it was given
WHERE = signal.SIGUSR1  # asks a process where it hangs
LEFT_TO_CONTROL = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
OURS = "latentpad"  # whose exceptions say all that a person needs


def child_main(
    words: socket.socket, stderr: Connection, module: str, args: tuple[Any, ...]
) -> None:
    """A spawned process's main function: `serve(*args, words)` of `module`.

    `words` is its line, `stderr` where its standard error goes. The process ends within `LEAVE_S`
    of its line's end, whatever it is doing then, an import or a kernel's compilation among it.
    """
    with failure_reported(words):
        leave_signals_to_parent()
        _print_to(stderr)
        threading.Thread(target=_end_with, args=(words,), name="line", daemon=True).start()
        report_step(words, f"imports {module}")
        serve = import_module(module).serve
        if "numba" in sys.modules:
            from latentpad.engine.kernel_cache import on_compile

            on_compile(lambda kernels: send_word(words, "compiling", kernels=kernels))
        serve(*args, words)
    os._exit(0)  # what was loaded takes its time to leave: nothing here has to


@contextlib.contextmanager
def failure_reported(words: socket.socket) -> Iterator[None]:
    """An exception inside ends the process, and becomes the word "failed" with its `reason` in one
    line, `final` where another try cannot end otherwise, and its `trace`. For each thread without
    which the process serves nobody."""
    try:
        yield
    except BaseException as error:
        final = isinstance(error, ImportError) or _ours(error)
        trace = traceback.format_exc()[:LONGEST_TRACE]
        send_word(words, "failed", reason=failure_line(error), final=final, trace=trace)
        os._exit(1)


def report_step(words: socket.socket, what: str) -> None:
    """Tell what a start does from now on ("loads the pack"), for who waits for it."""
    send_word(words, "step", step=what)


def failure_line(error: BaseException) -> str:
    """One printable line for a person."""
    text = str(error)
    if isinstance(error, ModuleNotFoundError) and error.name == "tensorflow":
        text += "; install TensorFlow with latentpad's extra `cpu` or `gpu`"
    elif not _ours(error):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    line = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(line.split())[:LONGEST]


def _ours(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] == OURS


def _end_with(words: socket.socket) -> None:
    with contextlib.suppress(OSError):
        select.select([words], [], [])  # nothing is ever sent to us: this is its end
    time.sleep(LEAVE_S)
    os._exit(0)


def leave_signals_to_parent() -> None:
    """In a spawned process: leave Ctrl-C, a closed terminal and an end of the whole group to the
    control process, which ends us in good order."""
    for number in LEFT_TO_CONTROL:
        signal.signal(number, signal.SIG_IGN)


def send_word(words: socket.socket, kind: str, **what: Any) -> None:
    """One line of JSON to the control process; dropped if nobody listens."""
    with contextlib.suppress(OSError):
        words.send(json.dumps({"kind": kind, **what}).encode() + b"\n")


def _print_to(stderr: Connection) -> None:
    """Send standard error there, Python's and the C libraries', and the stacks of a crash or, at
    `WHERE`, of a hang.

    Who watches reads it only now and then, so nothing waits for room there.
    """
    os.set_blocking(stderr.fileno(), False)
    os.dup2(stderr.fileno(), 2)
    stderr.close()
    faulthandler.enable(2)
    faulthandler.register(WHERE, 2)


@contextlib.contextmanager
def stderr_silenced() -> Iterator[None]:
    """Send the C libraries' own chatter on standard error nowhere (ALSA and JACK complain of
    every device that is not there). Not thread safe: at start-up only."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
