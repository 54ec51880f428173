"""Stalls of the machine: how late a thread that only sleeps wakes on each processor.

A virtual machine takes its processors away for milliseconds. No program can play on through that,
so figures of a run in which it happened say nothing about the program. Run as a program of its own,
`python -m latentpad.benchmarks.stalls`, until its standard input is closed; prints JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PRIORITY = 70  # above everything that is measured
SLEEP_S = 0.002
STALL_S = 0.002  # later than this is a stall


def main() -> None:
    stalls: list[float] = []
    watches = [
        threading.Thread(target=_watch, args=(cpu, stalls), daemon=True)
        for cpu in os.sched_getaffinity(0)
    ]
    for watch in watches:
        watch.start()
    sys.stdin.read()
    print(json.dumps(stalls), flush=True)


def _watch(cpu: int, stalls: list[float]) -> None:
    """Add the lateness of this thread in seconds, whenever it is a stall."""
    os.sched_setaffinity(0, {cpu})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError:
        return  # its own lateness would be that of its scheduling
    while True:
        began = time.monotonic()
        time.sleep(SLEEP_S)
        late = time.monotonic() - began - SLEEP_S
        if late > STALL_S:
            stalls.append(late)


@contextmanager
def watched(stalls: list[float]) -> Iterator[None]:
    """Adds the stalls during the block to `stalls`, in seconds, when it ends.

    There are none where a program may not ask for real-time scheduling, and not on macOS.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    program = subprocess.Popen(
        [sys.executable, "-m", "latentpad.benchmarks.stalls"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield
    finally:
        output, _ = program.communicate()
        stalls += json.loads(output)


if __name__ == "__main__":
    main()
