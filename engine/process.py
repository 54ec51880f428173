"""What the engine's processes have in common: how they speak to the control process, and end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any


def quiet_death() -> None:
    """In a spawned process: leave Ctrl-C to the control process, which ends us in good order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def say(words: socket.socket, kind: str, **what: Any) -> None:
    """One line of JSON to the control process; dropped if nobody listens."""
    with contextlib.suppress(OSError):
        words.send(json.dumps({"kind": kind, **what}).encode() + b"\n")


@contextlib.contextmanager
def hushed() -> Iterator[None]:
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
