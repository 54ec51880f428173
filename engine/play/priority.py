"""Real-time scheduling of the threads of the playing process, where the system allows it.

Both threads need it: while the main thread holds Python's interpreter lock, the render thread
waits for it, so the main thread must not be made to wait by other programs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

RENDER = 60  # above everything except the sound server's threads
MAIN = RENDER - 1


def claim(priority: int) -> bool:
    """Request real-time scheduling for the calling thread. Returns whether the system allows it.

    Threads and processes that it starts do not inherit it.
    """
    try:
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(priority))
    except (AttributeError, OSError):
        return False
    return True


def claimed() -> bool:
    """Whether the calling thread has it."""
    if not hasattr(os, "SCHED_RESET_ON_FORK"):
        return False
    return os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO


@contextmanager
def without() -> Iterator[None]:
    """No real-time scheduling of the calling thread: for work that takes longer than moments. The
    thread has `MAIN` again afterwards if it had it before."""
    had = claimed()
    if had:
        # Only the superuser may take the flag back.
        os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
    try:
        yield
    finally:
        if had:
            claim(MAIN)
