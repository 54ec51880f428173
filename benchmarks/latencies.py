"""The latencies of many gestures, and their rows in a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from latentpad.benchmarks.detection import Change


@dataclass
class Latencies:
    """Milliseconds from the packet to the change, of every gesture whose change was detected."""

    name: str
    first: list[float] = field(default_factory=list)
    half: list[float] = field(default_factory=list)
    gestures: int = 0

    def add(self, sent: int, detected: Change, rate: int) -> None:
        self.gestures += 1
        if detected.first is not None:
            self.first.append(1000 * (detected.first - sent) / rate)
        if detected.half is not None:
            self.half.append(1000 * (detected.half - sent) / rate)

    def rows(self) -> Iterator[str]:
        for what, values in (("first change", self.first), ("half its energy", self.half)):
            v = np.array(values or [np.nan])
            p50, p95, p99 = np.percentile(v, (50, 95, 99))
            yield (
                f"| {self.name}, {what} | {len(values)}/{self.gestures} | {p50:.1f} | {p95:.1f} | "
                f"{p99:.1f} | {v.max():.1f} | {v.std():.1f} |"
            )

    def above(self, least: Latencies) -> str:
        """A row: how far these lie above those of the least possible program."""
        here = np.percentile(self.first or [np.nan], (50, 95))
        floor = np.percentile(least.first or [np.nan], (50, 95))
        return f"| {self.name} | +{here[0] - floor[0]:.1f} | +{here[1] - floor[1]:.1f} |"
