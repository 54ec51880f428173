"""What the instrument costs while nobody plays, what its start costs, and whether the first gesture
after a rest is late.

    python -m latentpad.benchmarks.rest > benchmarks/rest.md

`latentpad play` runs as for a performer, on the null output and on a JACK server. Processor time
is the kernel's count for all threads of a process. Memory is PSS: pages that several processes
share count in parts.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from latentpad.benchmarks.detection import onset
from latentpad.benchmarks.jack_server import JackServer, jack_server
from latentpad.benchmarks.machine import machine
from latentpad.benchmarks.programs import PlayProcess, free_port
from latentpad.models.progress import LogCallback

BLOCK = 128
REST_S = 20.0  # for which processor time is counted
SETTLE_S = 2.0  # after `ready`, and after the last voice
PLAYED_S, RELEASE_S = 3.0, 0.05
GESTURES, AFTER_S = 8, 30.0  # first gestures, each after a rest of so long
MOVING = 40  # gestures in motion
IMPORTS = "import numpy, scipy, numba"
LIBRARIES = {"rtmidi": "MIDI", "samplerate": "playing"}  # what only these processes have loaded


@dataclass
class Costs:
    """What one process costs, or several of one kind."""

    before: float = 0.0  # % of a core, before the first touch
    after: float = 0.0  # after the last voice
    memory: float = 0.0  # MB, PSS

    def row(self, name: str) -> str:
        return f"| {name} | {self.before:.2f} | {self.after:.2f} | {self.memory:.0f} |"


def kind(process: psutil.Process) -> str:
    """What a process of `play` does."""
    command = " ".join(process.cmdline())
    if "latentpad.cli.main" in command:
        return "control"
    if "resource_tracker" in command:
        return "Python's tracker of shared memory"
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    return next((name for library, name in LIBRARIES.items() if library in maps), "decoding")


def used(process: psutil.Process) -> float:
    """The processor time of all of its threads so far, s."""
    return sum(process.cpu_times()[:2])


def at_rest(processes: dict[str, list[psutil.Process]]) -> dict[str, float]:
    """The processor time during a rest, % of a core."""
    began = time.monotonic()
    before = {name: sum(map(used, each)) for name, each in processes.items()}
    time.sleep(REST_S)
    share = 100 / (time.monotonic() - began)
    return {name: share * (sum(map(used, each)) - before[name]) for name, each in processes.items()}


def measured(server: JackServer | None, imports_s: float, say: LogCallback) -> Iterator[str]:
    """The lines about one output. Reasons of a slow start go to `say`."""
    instrument = PlayProcess(server, free_port(), BLOCK, None, say)
    try:
        everyone = instrument.family()
        start_s = sum(map(used, everyone)) + sum(everyone[0].cpu_times()[2:4])
        processes: dict[str, list[psutil.Process]] = {}
        for process in everyone:
            processes.setdefault(kind(process), []).append(process)
        time.sleep(SETTLE_S)
        before = at_rest(processes)
        play(instrument)
        after = at_rest(processes)
        costs = {
            name: Costs(
                before[name],
                after[name],
                sum(process.memory_full_info().pss for process in each) / 2**20,
            )
            for name, each in processes.items()
        }
    finally:
        instrument.close()
    total = Costs(
        *(sum(getattr(each, field) for each in costs.values()) for field in vars(Costs()))
    )
    yield "| process | before the first touch, % | after the last voice, % | MB |"
    yield "| --- | --- | --- | --- |"
    for name, each in costs.items():
        yield each.row(name)
    yield total.row("all")
    yield ""
    yield (
        f"`ready` after {instrument.ready_s:.1f} s and {start_s:.1f} s of processor time, "
        f'{start_s / imports_s:.1f} times that of `python -c "{IMPORTS}"` ({imports_s:.1f} s).'
    )
    yield ""


def play(instrument: PlayProcess) -> None:
    """A finger that moves and is lifted; returns when its voice has ended `SETTLE_S` before."""
    instrument.send(("/mode", ("loop",)), ("/release", (RELEASE_S,)))
    instrument.send(("/pad/1/touch", (1,)))
    for k in range(int(60 * PLAYED_S)):
        instrument.send(("/pad/1/xy", (k / (60 * PLAYED_S), 0.5)))
        time.sleep(1 / 60)
    instrument.send(("/pad/1/touch", (0,)))
    time.sleep(2 * RELEASE_S + SETTLE_S)


def first_gestures(server: JackServer) -> Iterator[str]:
    """Milliseconds from a note's packet to its first sample, in motion and after rests."""
    dice = random.Random(1)
    instrument = PlayProcess(server, free_port(), BLOCK, None, _tell)
    try:
        ear = server.ear(60 + MOVING + GESTURES * (AFTER_S + 1))
        ear.listen()
        instrument.send(("/mode", ("shot",)), ("/shot/rest", (0.0,)), ("/attack", (0.0,)))
        sent: dict[str, list[int]] = {}
        for name, count, rest_s in (
            ("in motion", MOVING, 0.15),
            (f"after {AFTER_S:.0f} s of rest", GESTURES, AFTER_S),
        ):
            for _ in range(count):
                instrument.send(("/panic", ()))
                time.sleep(rest_s + dice.uniform(0, 0.05))
                sent.setdefault(name, []).append(ear.now)
                point = (dice.uniform(0.05, 0.95), dice.uniform(0.05, 0.95))
                instrument.send(("/pad/xy", point), ("/note", (60, 110)))
                time.sleep(0.2)
        heard = ear.heard.copy()
        ear.close()
    finally:
        instrument.close()
    yield "| a shot at a new point | found | median | worst |"
    yield "| --- | --- | --- | --- |"
    for name, frames in sent.items():
        changes = ((frame, onset(heard, frame, server.rate, 0.2).first) for frame in frames)
        ms = [1000 * (first - frame) / server.rate for frame, first in changes if first is not None]
        if ms:
            cells = f"{statistics.median(ms):.1f} | {max(ms):.1f}"
            yield f"| {name} | {len(ms)}/{len(frames)} | {cells} |"
    yield ""


def import_s() -> float:
    """The processor time of Python's start and of what any engine imports, s."""
    times = []
    for _ in range(3):  # the first one reads the files from the disk
        before = sum(os.times()[2:4])
        subprocess.run([sys.executable, "-c", IMPORTS], check=True)
        times.append(sum(os.times()[2:4]) - before)
    return min(times)


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


def main() -> None:
    say = print
    say(f"# What it costs when nobody plays, {time.strftime('%Y-%m-%d')}\n")
    say(
        f"`python -m latentpad.benchmarks.rest` on {machine()}, with a load average of "
        f"{os.getloadavg()[0]:.1f} before. Processor time of {REST_S:.0f} s in % of a core, from "
        f"{SETTLE_S:.0f} s after `ready` and from {SETTLE_S:.0f} s after the last voice; memory "
        "(PSS) after that.\n"
    )
    PlayProcess(None, free_port(), BLOCK, None, _tell).close()  # the kernels are compiled now
    imports_s = import_s()
    say("## Null output\n")
    for line in measured(None, imports_s, _tell):
        say(line)
    with jack_server("rest", BLOCK) as server:
        say(f"## {server.about}\n")
        for line in measured(server, imports_s, _tell):
            say(line)
        say("## The first gesture after a rest\n")
        say("Milliseconds from the packet to the first sample, on the same JACK server.\n")
        for line in first_gestures(server):
            say(line)


if __name__ == "__main__":
    main()
