"""When a change was heard: from captured samples alone.

Features are the levels of a few frequency bands in windows that end at the sample they are
given for, so nothing is ever heard before it was there. A steady sound's own spread, in the
time before the gesture, is the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW = 128
STEP = 8
EDGES_HZ = (0, 400, 800, 1600, 3000, 5500, 9000, 14000, 24000)
CONFIRMED = 4  # features in a row that must stand out

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """Frames (of the capture) at which a change was there, or None where none was found."""

    first: int | None  # the first that stands out of the steady sound
    half: int | None  # half of the change's energy


def bands(samples: NDArray[np.float32], rate: int) -> Floats:
    """(k, bands) power in windows of WINDOW samples; row i ends at sample i·STEP + WINDOW."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::STEP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)) ** 2
    frequency = np.fft.rfftfreq(WINDOW, 1 / rate)
    starts = np.searchsorted(frequency, EDGES_HZ[:-1])
    starts = np.unique(np.minimum(starts, power.shape[1] - 1))
    return np.add.reduceat(power, starts, axis=1)


def change(
    samples: NDArray[np.float32], sent: int, rate: int, before_s: float, after_s: float
) -> Change:
    """When the steady sound of `samples` changed after frame `sent`.

    The sound must be steady for `before_s` before it, and again for the last third of
    `after_s` after it.
    """
    begin = sent - int(before_s * rate)
    end = sent + int(after_s * rate)
    if begin < 0 or end > len(samples):
        return Change(None, None)
    power = bands(samples[begin:end], rate)
    ends = begin + WINDOW + STEP * np.arange(len(power))
    steady, after = ends <= sent, ends > sent
    level = 10 * np.log10(power + 1e-12)
    middle = level[steady].mean(axis=0)
    spread = np.abs(level[steady] - middle).max(axis=0)
    outside = (np.abs(level - middle) > 1.1 * spread + 0.2).any(axis=1) & after
    first = _confirmed(outside, ends)
    old, new = power[steady].mean(axis=0), power[ends > end - (end - sent) // 3].mean(axis=0)
    way = new - old
    progress = (power - old) @ way / (way @ way + 1e-30)
    # A smoothed progress: one window's beating is not half of the change.
    smooth = np.convolve(progress, np.ones(CONFIRMED) / CONFIRMED)[: len(progress)]
    half = _confirmed((smooth >= 0.5) & after, ends)
    return Change(first, half)


def onset(samples: NDArray[np.float32], sent: int, rate: int, after_s: float) -> Change:
    """When sound began after frame `sent`, out of near silence."""
    quiet = samples[max(0, sent - int(0.02 * rate)) : sent]
    threshold = max(2 * float(np.abs(quiet).max(initial=0.0)), 1e-4)
    piece = samples[sent : sent + int(after_s * rate)]
    loud = np.flatnonzero(np.abs(piece) > threshold)
    if not len(loud):
        return Change(None, None)
    # Half of the energy of its first 20 ms: a sound's whole length says nothing of its start.
    attack = piece[loud[0] : loud[0] + int(0.02 * rate)].astype(np.float64) ** 2
    half = int(np.searchsorted(np.cumsum(attack), attack.sum() / 2))
    return Change(sent + int(loud[0]), sent + int(loud[0]) + half)


def _confirmed(outside: NDArray[np.bool_], ends: NDArray[np.int64]) -> int | None:
    run = np.convolve(outside.astype(int), np.ones(CONFIRMED, int))[CONFIRMED - 1 :]
    found = np.flatnonzero(run[: len(outside)] == CONFIRMED)
    return int(ends[found[0]]) if len(found) else None


def holes(samples: NDArray[np.float32], least: int = 16) -> int:
    """How often a sounding signal is exactly zero for `least` samples or more."""
    zero = np.concatenate(([0], (samples == 0).astype(np.int8), [0]))
    edges = np.flatnonzero(np.diff(zero))
    lengths = edges[1::2] - edges[::2]
    inner = (edges[::2] > 0) & (edges[1::2] < len(samples))
    return int(((lengths >= least) & inner).sum())


def clicks(samples: NDArray[np.float32], rate: int) -> int:
    """Steps in a steady sound: second differences far out of their surroundings' own."""
    second = np.abs(np.diff(samples.astype(np.float64), 2))
    size = int(0.01 * rate)
    count = len(second) // size
    if count < 3:
        return 0
    peaks = second[: count * size].reshape(count, size).max(axis=1)
    near = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(peaks, 2, "edge"), 5), axis=1)
    return int((peaks > 6 * near + 1e-5).sum())
