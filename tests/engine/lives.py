"""What a supervised process may do, in small, for the tests of supervision."""

from __future__ import annotations

import os
import select
import socket
import time
from typing import Any

import numpy as np

from engine.process import say
from engine.signs import Signs

TOOK_S = 4.0  # of processor time, for a start that works


def serve(memory: Any, life: str, generation: int, words: socket.socket) -> None:
    """`life` is what this process does; `memory` its own two signs."""
    signs = Signs(np.frombuffer(memory, np.float64), np.zeros(1, np.int64))
    say(words, "born", pid=os.getpid(), life=life)
    if life == "raises":
        raise ValueError("a name\nwith \x1b[31mred in it")
    if life == "ends":
        os._exit(4)
    if life == "never ready":
        time.sleep(600)
    if life == "works long":
        while time.process_time() < TOOK_S:
            pass
    signs.become_ready(generation)
    if life == "hangs":
        time.sleep(600)
    while not select.select([words], [], [], 0.02)[0]:
        signs.live()
