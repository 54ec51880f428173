"""A flood of OSC beside a sounding instrument: what is lost, and what sounds at the end.

    python -m latentpad.benchmarks.osc_flood [SECONDS] > benchmarks/osc_flood.md

Four programs send 2,500 points a second each, every one for a finger of its own, to an instrument
on a JACK server. Beside it plays the least possible program (`benchmarks.floor`): what makes that
late would starve anything. At the end `benchmarks.heard` tells which sounds the four voices play.
They are compared with those of the last points, sent again one by one.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

from latentpad.benchmarks.jack_server import JackServer, jack_server
from latentpad.benchmarks.machine import machine
from latentpad.benchmarks.programs import PlayProcess, free_port, least_program
from latentpad.benchmarks.rest import used
from latentpad.controllers.osc.packet import encode

BLOCK = 128
HEARD = "latentpad.benchmarks.heard"
SENDERS = 4
EACH_S = 2_500  # messages a second of one sender
BURST_S = 0.004  # between two bursts of a sender
REST_S = 3.0  # until what was sent last is heard, and known here
Meters = dict[str, tuple[Any, ...]]


def last_point(finger: int) -> tuple[float, float]:
    """The point that a finger's sender ends with."""
    return 0.2 * finger, 0.9 - 0.2 * finger


def flood(port: int, finger: int, seconds: float) -> None:
    """Send the points of one finger. A process of its own."""
    address = f"/pad/{finger}/xy"
    packets = [
        encode(address, (0.5 + 0.45 * math.sin(k / 40), 0.5 + 0.45 * math.cos(k / 70 + finger)))
        for k in range(EACH_S)
    ]
    last = encode(address, last_point(finger))
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.connect(("127.0.0.1", port))
        total, sent, began = int(EACH_S * seconds), 0, time.monotonic()
        while sent < total:
            due = min(int((time.monotonic() - began) * EACH_S), total)
            for k in range(sent, due):
                udp.send(packets[k % EACH_S] if k < total - 1 else last)
            sent = due
            time.sleep(BURST_S)


def flooded(server: JackServer, seconds: float) -> Iterator[str]:
    """The rows of the table."""
    late: dict[str, list[list[float]]] = {}
    port = free_port()
    fingers = range(1, SENDERS + 1)
    with least_program(server, BLOCK, late):
        instrument = PlayProcess(server, port, BLOCK, None, _tell, None, ("--controller", HEARD))
        try:
            instrument.send(("/mode", ("loop",)), ("/gain", (-18.0,)))
            for finger in fingers:
                instrument.send((f"/pad/{finger}/xy", (0.5, 0.5)))
                instrument.send((f"/pad/{finger}/touch", (1,)))
            time.sleep(REST_S)
            before = instrument.meters()
            control = instrument.family()[0]
            began, used_before = time.monotonic(), used(control)
            senders = [
                multiprocessing.Process(target=flood, args=(port, finger, seconds))
                for finger in fingers
            ]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            took = time.monotonic() - began
            share = 100 * (used(control) - used_before) / took
            time.sleep(REST_S)
            after = instrument.meters()
            sounding = _sounds(instrument)
            values = {finger: after[f"/pad/{finger}/xy"] for finger in fingers}
            for point in (lambda finger: (0.5, 0.5), last_point):
                for finger in fingers:
                    instrument.send((f"/pad/{finger}/xy", point(finger)))
                time.sleep(REST_S)
            wanted = _sounds(instrument)
        finally:
            instrument.close()
    total = int(SENDERS * EACH_S * seconds)
    dropped = after["/meter/dropped"][0] - before["/meter/dropped"][0]
    starved = after["/meter/faults"][0] - before["/meter/faults"][0]
    right = sum(
        all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(values[f], last_point(f), strict=True))
        for f in fingers
    )
    same = sum(
        all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(one, other, strict=True))
        for one, other in zip(sounding, wanted, strict=True)
    )
    yield f"| messages sent | {total}, {total / took:.0f} a second |"
    yield f"| datagrams that the system dropped | {dropped} |"
    yield f"| fingers that are at the last point that was sent, of {SENDERS} | {right} |"
    yield f"| voices that sound as their last point does, of {SENDERS} | {same} |"
    yield f"| starved ring reads | {starved} |"
    yield f"| late callbacks of the least possible program beside it | {len(late['late'])} |"
    yield f"| the control process, % of a core | {share:.0f} |"


def _sounds(instrument: PlayProcess) -> list[tuple[float, ...]]:
    """The first latents of what each voice plays."""
    flat = instrument.meters()["/bench/sounds"]
    size = len(flat) // SENDERS
    return [tuple(flat[k : k + size]) for k in range(0, len(flat), size)]


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    print(
        f"# A flood of OSC, {time.strftime('%Y-%m-%d')}\n\n"
        f"`python -m latentpad.benchmarks.osc_flood {seconds:.0f}` on {machine()}, with a load "
        f"average of {os.getloadavg()[0]:.1f} before. JACK (dummy driver), blocks of {BLOCK}. "
        f"{SENDERS} programs send {EACH_S} points a second each for {seconds:.0f} s.\n\n"
        "| | |\n| --- | --- |"
    )
    with jack_server("flood", BLOCK) as server:
        for row in flooded(server, seconds):
            print(row, flush=True)


if __name__ == "__main__":
    main()
