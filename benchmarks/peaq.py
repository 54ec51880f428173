"""Cost of a PEAQ grade: milliseconds of one core for a pair of sounds.

python -m latentpad.benchmarks.peaq [seconds ...]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import process_time

import numpy as np
from numpy.typing import NDArray

from latentpad.models.metrics.peaq import Patterns, Peaq, compared, ear_patterns, peaq

SECONDS = (0.5, 3.0, 10.0)
TIMES = 20


def cost(act: Callable[..., object], *given: object) -> float:
    """Median milliseconds of CPU time of this process."""
    act(*given)
    taken = []
    for _ in range(TIMES):
        start = process_time()
        act(*given)
        taken.append(process_time() - start)
    return 1000 * float(np.median(taken))


def again(known: Patterns, other: NDArray[np.float64]) -> Peaq:
    return compared(known, ear_patterns(other))


def main() -> None:
    lengths = tuple(float(word) for word in sys.argv[1:]) or SECONDS
    rng = np.random.default_rng(0)
    print("ms of one core a pair (median); a reference that is known need not be heard again")
    print(f"{'sounds':16}{'pair':>10}{'known':>10}")
    for seconds in lengths:
        for channels, kind in ((1, "mono"), (2, "stereo")):
            one = rng.uniform(-0.5, 0.5, (round(48000 * seconds), channels))
            two = one + rng.normal(0, 0.01, one.shape)
            costs = cost(peaq, one, two), cost(again, ear_patterns(one), two)
            cells = "".join(f"{each:10.1f}" for each in costs)
            print(f"{f'{seconds:g} s {kind}':16}{cells}", flush=True)


if __name__ == "__main__":
    main()
