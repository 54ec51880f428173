"""Frames kept ready for hosts of various rates and periods, and starved reads.

`python -m latentpad.benchmarks.output [--seconds 60]` prints Markdown. The hosts are simulated
(`benchmarks.simulated_host`); the ring, its buffering and the resampler are the real ones.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from latentpad.benchmarks.machine import machine
from latentpad.benchmarks.simulated_host import Rhythm, render

RATES = (8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000)
PERIODS = (16, 64, 128, 256, 512, 1024, 2048, 4096)
KINDS = {
    "on time": {"late": 0.0},
    "up to half a period late": {"late": 0.5},
    "up to 0.9 periods late": {"late": 0.9},
    "on time, and now and then three periods at once": {"burst": 3, "every": 60},
}
COSTS = (0.0001, 0.0012)


def tables(seconds: float) -> Iterator[str]:
    yield f"# What hosts find in the ring, {time.strftime('%Y-%m-%d')}"
    yield ""
    yield (
        f"`python -m latentpad.benchmarks.output --seconds {seconds:.0f}` on {machine()}. "
        f"Simulated hosts of {seconds:.0f} s each; the model's rate is 48,000 Hz, its hop 128. "
        "In each field: starved reads in the first second, in all of the time after it (or after "
        "16 periods, if that is longer), and the milliseconds that are told to be kept ready, "
        f"with hops that take up to {1000 * COSTS[0]:.1f} ms / {1000 * COSTS[1]:.1f} ms."
    )
    for kind, rhythm in KINDS.items():
        yield ""
        yield f"## {kind[0].upper()}{kind[1:]}"
        yield ""
        yield "| Hz \\ period | " + " | ".join(map(str, PERIODS)) + " |"
        yield "| --- |" + " --- |" * len(PERIODS)
        for rate in RATES:
            fields = [_field(Rhythm(rate, period, **rhythm), seconds) for period in PERIODS]  # type: ignore[arg-type]
            yield f"| {rate} | " + " | ".join(fields) + " |"


def _field(rhythm: Rhythm, seconds: float) -> str:
    settled = max(1.0, 16 * rhythm.period / rhythm.rate)
    cells = []
    for cost in COSTS:
        result = render(rhythm, settled + seconds, cost=cost, exact=True)
        late = sum(at > settled for at in result.starved)
        assert result.kept <= result.most + 1, (rhythm, result)
        cells.append(
            f"{len(result.starved) - late}, {late}, {1000 * result.target / rhythm.rate:.1f}"
        )
    return " / ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    for line in tables(parser.parse_args().seconds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
