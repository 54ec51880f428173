"""Measures whether and when the sound comes back after a process was killed or stopped.

    python -m latentpad.benchmarks.kills [COUNT] [SEED]

Plays to a null output, holds a finger, and at random moments kills (SIGKILL) and stops (SIGSTOP)
each process COUNT times (default 100), also replacements that are starting. Then starts `latentpad
play` COUNT times and ends its control process at a random moment of the start. Prints a Markdown
table of the times until all was as before, and of what was left behind.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import psutil

from latentpad.benchmarks.machine import machine
from latentpad.benchmarks.strikes import (
    CONTROL_S,
    DECODING_S,
    FEED_S,
    PLAYING_S,
    HeldInstrument,
    Table,
    ended,
    strike,
)

SHARED = Path("/dev/shm")


def report(count: int, seed: int) -> list[str]:
    """The lines of the report."""
    shared = _shared()
    began = time.monotonic()
    stage = HeldInstrument(seed)
    first_s = time.monotonic() - began
    dice = random.Random(seed)
    playing, decoding, feed = stage.victims()
    start_s, _ = decoding.round(dice, signal.SIGKILL, False, 0.0)
    table = strike(stage, playing, count, seed, 0.5)
    beside: Table = {}  # the state of MIDI processes is reported here only
    thread = threading.Thread(
        target=lambda: beside.update(strike(stage, feed, count, seed + 1, 0.2))
    )
    thread.start()
    table |= strike(stage, decoding, count, seed + 2, start_s)
    thread.join()
    stage.close()
    left = [c for c in psutil.Process().children() if "tracker" not in " ".join(c.cmdline())]
    table |= beside | ended(count, seed + 3)
    return [
        "# What is killed or stopped comes back",
        "",
        f"`python -m latentpad.benchmarks.kills {count} {seed}`, on {machine()}. One "
        "finger holds a loop that nobody hears; each process is killed (SIGKILL) and stopped "
        "(SIGSTOP) at a random moment, half of the times while its replacement starts. "
        "The time is taken from the last strike until the sound is there, a point set meanwhile "
        "is decoded, or the MIDI ports are looked "
        "after. `control` is the whole of `latentpad play`, ended while it starts, until "
        f"its last process is gone. Too late: over {PLAYING_S:g} s (playing), {DECODING_S:g} s "
        f"(decoding), {FEED_S:g} s (MIDI), {CONTROL_S:g} s (control).",
        "",
        f"The first start took {first_s:.1f} s; the decoding process, killed when nothing else "
        f"was, was back after {start_s:.1f} s.",
        "",
        "| process | | times | median, s | worst, s | too late | state changed | left behind |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(results.row(*key) for key, results in sorted(table.items())),
        "",
        f"Left behind: {len(left)} processes; in {SHARED}: "
        f"{', '.join(sorted(_shared() - shared)) or 'nothing'}.",
    ]


def _shared() -> set[str]:
    """Names of shared memory, but for JACK's."""
    names = os.listdir(SHARED) if SHARED.is_dir() else []
    return {name for name in names if not name.startswith("jack")}


def main(arguments: list[str]) -> None:
    count = int(arguments[0]) if arguments else 100
    seed = int(arguments[1]) if len(arguments) > 1 else 0
    print("\n".join(report(count, seed)))


if __name__ == "__main__":
    main(sys.argv[1:])
