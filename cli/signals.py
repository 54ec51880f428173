"""Ctrl-C, SIGTERM and the terminal's end, for a program with an event loop."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import suppress

_signal_sockets = socket.socketpair()  # open as long as the program


def end_by_signal(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Ctrl-C, SIGTERM and the terminal's end (SIGHUP) set `stop`.

    These are not the loop's own handlers, which end with the loop: a second Ctrl-C while the
    program closes would then raise an exception at an arbitrary point.
    """

    def on_signal(number: int, frame: object) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # not of nohup
            signal.signal(number, on_signal)
    # A handler runs on this thread alone, and a signal may reach another one: then only the
    # wake-up socket ends the loop's wait.
    received, sent = _signal_sockets
    received.setblocking(False)
    sent.setblocking(False)
    signal.set_wakeup_fd(sent.fileno(), warn_on_full_buffer=False)
    loop.add_reader(received, received.recv, 4096)
