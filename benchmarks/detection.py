"""Detects when a sound changed, from captured samples alone.

A steady sound can be predicted from its past: a linear predictor is fitted to it before the
gesture. The first sample that it does not predict is the first change; the threshold is its error
in the steady sound, over a stretch that it was not fitted to. Half of the change's energy has
arrived when the power in some frequency bands is half way to its final value. Nothing looks ahead:
every feature belongs to the last sample that it was computed from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

ORDER = 384  # of the predictor, samples
FIT_S, JUDGE_S = 0.16, 0.06  # how long before the gesture the sound must be steady; and is judged
RESIDUAL_WINDOW = 32
ABOVE = 1.25  # times the steady sound's own largest error
WINDOW = 128
STEP = 8
EDGES_HZ = (0, 400, 800, 1600, 3000, 5500, 9000, 14000, 24000)
CONFIRMED = 24  # samples, of which most must stand out

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """Frames of the capture at which a change was detected, or None."""

    first: int | None  # the first frame that differs from the steady sound
    half: int | None  # half of the change's energy


def bands(samples: NDArray[np.float32], rate: int) -> Floats:
    """(k, bands) power in windows of WINDOW samples; row i ends at sample i·STEP + WINDOW."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::STEP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)) ** 2
    frequency = np.fft.rfftfreq(WINDOW, 1 / rate)
    starts = np.searchsorted(frequency, EDGES_HZ[:-1])
    starts = np.unique(np.minimum(starts, power.shape[1] - 1))
    return np.add.reduceat(power, starts, axis=1)


def surprise(samples: NDArray[np.float32], fitted: int) -> Floats:
    """(n,) rms of the error with which each sample is predicted, over RESIDUAL_WINDOW samples.

    The predictor is fitted to the first `fitted` samples (covariance method); the first ORDER
    have no error.
    """
    x = samples.astype(np.float64)
    past = np.lib.stride_tricks.sliding_window_view(x, ORDER)[:-1]
    known = past[: fitted - ORDER]
    gram = known.T @ known
    gram[np.diag_indices(ORDER)] += 1e-6 * np.trace(gram) / ORDER + 1e-12
    weights = linalg.solve(gram, known.T @ x[ORDER:fitted], assume_a="pos")
    error = np.concatenate([np.zeros(ORDER), x[ORDER:] - past @ weights])
    mean = np.convolve(error**2, np.ones(RESIDUAL_WINDOW) / RESIDUAL_WINDOW)[: len(error)]
    return np.sqrt(np.maximum(mean, 0))


def change(samples: NDArray[np.float32], sent: int, rate: int, after_s: float) -> Change:
    """When the steady sound of `samples` changed after frame `sent`.

    The sound must be steady for FIT_S before it, and again for the last third of `after_s`
    after it.
    """
    begin, end = sent - int(FIT_S * rate), sent + int(after_s * rate)
    judged = sent - int(JUDGE_S * rate)
    if begin < 0 or end > len(samples):
        return Change(None, None)
    error = surprise(samples[begin:end], judged - begin)
    threshold = ABOVE * error[judged - begin : sent - begin].max() + 1e-6
    first = _confirmed(error[sent - begin :] > threshold)
    power = bands(samples[judged:end], rate)
    ends = judged + WINDOW + STEP * np.arange(len(power))
    old, new = power[ends <= sent].mean(axis=0), power[ends > end - (end - sent) // 3].mean(axis=0)
    progress = (power - old) @ (new - old) / ((new - old) @ (new - old) + 1e-30)
    if first is None:
        return Change(None, None)
    half = np.flatnonzero((progress >= 0.5) & (ends >= sent + first))
    return Change(sent + first, int(ends[half[0]]) if len(half) else None)


def alarmed(samples: NDArray[np.float32], sent: int, rate: int) -> bool:
    """Whether the detector has a false alarm: in one half of the test stretch before `sent`, with
    the threshold of the other half."""
    begin, middle = sent - int(FIT_S * rate), sent - int(JUDGE_S / 2 * rate)
    judged = sent - int(JUDGE_S * rate)
    error = surprise(samples[begin:sent], judged - begin)
    threshold = ABOVE * error[judged - begin : middle - begin].max() + 1e-6
    return _confirmed(error[middle - begin :] > threshold) is not None


def onset(samples: NDArray[np.float32], sent: int, rate: int, after_s: float) -> Change:
    """When sound began after frame `sent`, out of near silence."""
    quiet = samples[max(0, sent - int(0.02 * rate)) : sent]
    threshold = max(2 * float(np.abs(quiet).max(initial=0.0)), 1e-4)
    piece = samples[sent : sent + int(after_s * rate)]
    loud = np.flatnonzero(np.abs(piece) > threshold)
    if not len(loud):
        return Change(None, None)
    # Half of the energy of its first 20 ms: the rest says nothing about its start.
    attack = piece[loud[0] : loud[0] + int(0.02 * rate)].astype(np.float64) ** 2
    half = int(np.searchsorted(np.cumsum(attack), attack.sum() / 2))
    return Change(sent + int(loud[0]), sent + int(loud[0]) + half)


def _confirmed(outside: NDArray[np.bool_]) -> int | None:
    """The first sample from which most of the next CONFIRMED exceed the threshold."""
    for index in np.flatnonzero(outside):
        if outside[index : index + CONFIRMED].mean() > 0.8 and index + CONFIRMED <= len(outside):
            return int(index)
    return None


def holes(
    samples: NDArray[np.float32], missed: Sequence[tuple[int, int]] = (), least: int = 16
) -> int:
    """How often a sounding signal is exactly zero for `least` samples or more.

    Zeros at either end are not counted, nor those next to a stretch that the capture `missed`.
    """
    zero = np.concatenate(([0], (samples == 0).astype(np.int8), [0]))
    edges = np.flatnonzero(np.diff(zero))
    return sum(
        end - begin >= least
        and begin > 0
        and end < len(samples)
        and not any(begin < last and first < end for first, last in missed)
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    )


def clicks(samples: NDArray[np.float32], rate: int) -> int:
    """Steps in a steady sound: second differences far larger than those around them."""
    second = np.abs(np.diff(samples.astype(np.float64), 2))
    size = int(0.01 * rate)
    count = len(second) // size
    if count < 3:
        return 0
    peaks = second[: count * size].reshape(count, size).max(axis=1)
    near = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(peaks, 2, "edge"), 5), axis=1)
    return int((peaks > 6 * near + 1e-5).sum())
