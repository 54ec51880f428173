"""Eight voices for minutes: starved reads, late callbacks, and when."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np

from latentpad.benchmarks.detection import holes
from latentpad.benchmarks.programs import PlayProcess, Server, least_program
from latentpad.models.progress import LoopProgress

NEAR_S = 0.25  # meters come, and are read, 20 times a second


def soak(
    server: Server,
    instrument: PlayProcess,
    seconds: float,
    block: int,
    dice: random.Random,
    pace: LoopProgress,
) -> list[str]:
    """Eight fingers hold and move looping voices. `pace` reports the progress."""
    ear = server.ear(seconds + 30)
    mine = ear.listen()
    late: dict[str, Any] = {}
    with least_program(server, block, late):
        instrument.send(
            ("/mode", ("loop",)), ("/loop/freeze", (0,)), ("/morph", (0.03,)), ("/gain", (-18.0,))
        )
        before = instrument.meters()
        for n in range(1, 9):
            instrument.send((f"/pad/{n}/xy", (dice.random(), dice.random())))
            instrument.send((f"/pad/{n}/touch", (1,)))
        time.sleep(1.0)
        begin, xruns = ear.now, ear.xruns
        end = time.monotonic() + seconds
        starved: list[float] = []  # times of starved reads, within some hundredths of a second
        loads, rings = [], []
        subscription = instrument.subscribe()
        last = int(before["/meter/faults"][0])
        while time.monotonic() < end:
            time.sleep(dice.uniform(0.02, 0.08))
            pace(seconds - (end - time.monotonic()), seconds, " s")
            n = dice.randint(1, 8)
            instrument.send((f"/pad/{n}/xy", (dice.random(), dice.random())))
            for address, args in instrument.messages(subscription):
                if address == "/meter/faults" and int(args[0]) > last:
                    starved += [time.monotonic()] * (int(args[0]) - last)
                    last = int(args[0])
                elif address == "/meter/load":
                    loads.append(float(args[0]))
                elif address == "/meter/engine":
                    rings.append(float(args[0]))
        subscription.close()
        captured = ear.heard[begin:].copy()
        xruns = ear.xruns - xruns
        missed = [(low - begin, high - begin) for low, high in ear.missed if low >= begin]
        after = instrument.meters()
        ear.close()
    for n in range(1, 9):
        instrument.send((f"/pad/{n}/touch", (0,)))
    total = int(after["/meter/faults"][0]) - int(before["/meter/faults"][0])
    longest = 1000 * max((gap for _, gap in late["late"]), default=0.0)
    blind = sum(not any(at - NEAR_S < when < at for when, _ in late["late"]) for at in starved)
    return [
        f"## Eight voices for {seconds:.0f} s",
        "",
        f"Every voice loops; a random finger jumps every 20 to 80 ms ({len(mine)} ports, mono "
        "capture of the left one). The least possible program ran beside it, silent.",
        "",
        "| | |",
        "| --- | --- |",
        f"| starved ring reads | {total} |",
        f"| of those, with no late callback of the floor in the {NEAR_S} s before | {blind} |",
        f"| holes of 16 or more zero samples in the capture | {holes(captured, missed)} |",
        f"| blocks that the capture itself missed (not looked at) | {len(missed)} |",
        f"| the floor's late callbacks (over two blocks) | {len(late['late'])} of "
        f"{late['callbacks']}, longest {longest:.1f} ms |",
        f"| xruns | {xruns} |",
        f"| share of a core that rendering took | median {np.median(loads or [0]):.2f}, "
        f"max {max(loads or [0]):.2f} |",
        f"| ring, blocks | median {np.median(rings or [0]):.1f}, max {max(rings or [0])} |",
        f"| decodes dropped for newer ones | {int(after['/meter/faults'][4])} |",
        f"| hops over time, voices silenced for not being numbers | "
        f"{int(after['/meter/faults'][1])}, {int(after['/meter/faults'][2])} |",
    ]
