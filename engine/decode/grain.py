"""The grain of a sound: what the model misses of the anchors near it, added to what it decodes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from latentpad.engine import error_log
from latentpad.engine.expanders.anchor_weights import AnchorWeights
from latentpad.engine.parameters import BLENDED
from latentpad.models.grain import STEP_DB, Residuals, Steps
from latentpad.models.representation import Floats, Representation

MOST_BYTES = 64 << 20  # of residuals in memory: 700 sounds of a second
LEAST_KEPT = 2 * BLENDED  # residuals, however large: a sound needs some of them at once
MOST_WAITING = 64  # residuals that are wanted: older ones are given up

Amounts = tuple[tuple[int, float], ...]
"""Anchors, and how much of the residual of each is added: its weight times `/grain`."""


def amounts(numbers: Sequence[float], anchors: int) -> Amounts:
    """The amounts that a take gives, each after its anchor, of a pack with so many `anchors`."""
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return tuple((int(a), min(max(n, 0.0), 1.0)) for a, n in pairs if 0 <= a < anchors)


def blended_amounts(blended: AnchorWeights, share: float = 1.0) -> list[Amounts]:
    """The amounts of each point that blends these anchors, with `/grain` at `share`."""
    rows = zip(blended.anchors.tolist(), blended.weights.tolist(), strict=True)
    return [
        tuple((a, share * w) for a, w in zip(anchors, weights, strict=True) if w > 0)
        for anchors, weights in rows
    ]


@dataclass(frozen=True, eq=False)
class SoundGrain:
    """What is added to the frames of one sound. Its residuals stay in memory as long as it does."""

    amounts: Amounts = ()  # of those that are there
    residuals: tuple[Steps, ...] = field(default=(), repr=False)

    def flat(self) -> NDArray[np.float64]:
        """(2 * BLENDED,) the amounts as on the board: each anchor and its amount, then NaN."""
        out = np.full(2 * BLENDED, np.nan)
        out[: 2 * len(self.amounts)] = np.array(self.amounts).reshape(-1)
        return out

    def added(
        self, frames: Floats, rows: slice | NDArray[np.intp], representation: Representation
    ) -> Floats:
        """Decoded frames (n, columns) with the grain of the frames `rows` of the sound.

        The magnitudes stay within the representation's range. The texture is scaled down by as much
        as is added of the recordings: their own noise is in the magnitudes then.
        """
        if not self.residuals:
            return frames
        r = representation
        total = np.zeros((len(frames), r.bins), np.float32)
        for (_, amount), steps in zip(self.amounts, self.residuals, strict=False):
            total += np.multiply(steps[rows], np.float32(amount * STEP_DB), dtype=np.float32)
        out = frames.copy()
        spectrum = r.spectrum(out)
        spectrum += total
        np.clip(spectrum, -r.range_db, 0, out=spectrum)
        share = min(sum(amount for _, amount in self.amounts), 1.0)
        out[:, r.bins :] *= np.float32(1 - share)
        return out


NO_GRAIN = SoundGrain()


class Grain:
    """The residuals of a pack's anchors, for one thread that does not wait for a disk.

    What is not in memory is fetched on a thread of its own, the newest wanted first. With `waits`,
    as for a rendering, it is fetched at once. Without a `source` there is none. `missed` says
    whether a sound was to have grain, and there was none of the anchors near it.
    """

    def __init__(self, source: Residuals | None, *, waits: bool = False) -> None:
        self._source, self._waits = source, waits
        self.missed = False
        self._kept: OrderedDict[int, Steps | None] = OrderedDict()
        self._bytes = 0
        self._wanted: OrderedDict[int, None] = OrderedDict()  # the newest last
        self._fetching = False  # whether the thread runs
        self._lock = threading.Lock()

    def of(self, wanted: Amounts) -> tuple[SoundGrain, set[int]]:
        """The grain of a sound as far as it is in memory, and the anchors that are fetched now."""
        if not wanted:
            return NO_GRAIN, set()
        if self._source is None:
            self.missed = True
            return NO_GRAIN, set()
        if self._waits:
            for anchor, _ in wanted:
                if anchor not in self._kept:
                    self._keep(anchor, self._source.residual(anchor))
        there, amounts, missing = [], [], set()
        with self._lock:
            for anchor, amount in wanted:
                if anchor not in self._kept:
                    missing.add(anchor)
                    continue
                self._kept.move_to_end(anchor)
                if (steps := self._kept[anchor]) is not None:
                    there.append(steps)
                    amounts.append((anchor, amount))
            if missing:
                self._want(missing)
        self.missed |= not (amounts or missing)
        return SoundGrain(tuple(amounts), tuple(there)), missing

    def has(self, anchors: Iterable[int]) -> bool:
        """Whether all of these are fetched or given up."""
        with self._lock:
            return not any(anchor in self._wanted for anchor in anchors)

    def _want(self, anchors: Iterable[int]) -> None:
        """Have these fetched before all others. Under the lock."""
        for anchor in anchors:
            self._wanted[anchor] = None
            self._wanted.move_to_end(anchor)
        while len(self._wanted) > MOST_WAITING:
            self._wanted.popitem(last=False)
        if not self._fetching:
            # It ends when nothing is wanted, so it does not outlive the pack.
            self._fetching = True
            threading.Thread(target=self._fetch, name="grain", daemon=True).start()

    def _fetch(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._fetching = False
                    return
                anchor = next(reversed(self._wanted))
            steps = None
            with error_log.errors_reported():
                assert self._source is not None
                steps = self._source.residual(anchor)
            self._keep(anchor, steps)

    def _keep(self, anchor: int, steps: Steps | None) -> None:
        with self._lock:
            self._wanted.pop(anchor, None)
            self._kept[anchor] = steps
            self._bytes += 0 if steps is None else steps.nbytes
            while self._bytes > MOST_BYTES and len(self._kept) > LEAST_KEPT:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= 0 if dropped is None else dropped.nbytes
