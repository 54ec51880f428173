"""Costs of the expanders by number of anchors: seconds to fit, microseconds per point, memory.

python -m latentpad.benchmarks.expanders [anchors ...]
"""

from __future__ import annotations

import gc
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import psutil

from latentpad.benchmarks.machine import machine
from latentpad.engine.expanders import NAMES, cost, fit
from latentpad.engine.plane import Plane

ANCHORS = (1_000, 10_000, 100_000, 1_000_000)
DIMENSION = 16
MB = 1e6


def memory(name: str, anchors: int) -> tuple[float, float]:
    """The memory of a fitted expander besides its plane, and the peak while it was fitted; MB.

    Run it in a process of its own; kernels and libraries are loaded first.
    """
    random = np.random.default_rng(0)
    latents = random.normal(size=(anchors, DIMENSION)).astype(np.float32)
    fit(name, Plane.raw(latents[:3000])).expand([[0, 0]])
    plane = Plane.raw(latents)
    del latents
    gc.collect()
    process, over = psutil.Process(), threading.Event()
    before = most = process.memory_info().rss

    def watch() -> None:
        nonlocal most
        while not over.wait(0.002):
            most = max(most, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    expander = fit(name, plane)
    over.set()
    watcher.join()
    gc.collect()
    after = process.memory_info().rss
    expander.expand([[0, 0]])
    return (after - before) / MB, (max(most, after) - before) / MB


def main() -> None:
    lengths = tuple(int(word) for word in sys.argv[1:]) or ANCHORS
    print(
        f"Latents of {DIMENSION} dimensions, on {machine()}. Each cell: seconds to fit; median us"
    )
    print("of single points; MB held beside the plane, and at most during the fit.")
    print()
    print("| expander | " + " | ".join(f"{length:,} anchors" for length in lengths) + " |")
    print("| --- |" + " --- |" * len(lengths))
    for name in NAMES:
        cells = []
        for length in lengths:
            # A process each: memory that another has returned to the allocator would not be
            # measured.
            with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
                kept_mb, most = fresh.submit(memory, name, length).result()
            fitted, point = cost(name, length, DIMENSION)
            cells.append(f"{fitted:.2f} s; {point:.1f} us; {kept_mb:.0f}, {most:.0f} MB")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
