"""Checks of the input, and the part of a sound that holds data.

A sound is (n,) mono or (n, 2) stereo floating-point samples at 48 kHz of full scale 1. The
recommendation has samples of 16 bits: its thresholds are divided by 32768 here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from latentpad.models.metrics.peaq.ear import FRAME, HOP, RATE, Float64

LOUDEST = 100.0
"""A higher peak is no sound of full scale 1; it may be samples of 16 bits."""
RUN = 5
AUDIBLE = 200 / 32768


def channels(sound: ArrayLike) -> Float64:
    """A sound as (channels, n) float64.

    Raises:
        ValueError: it is not (n,) or (n, 2), is empty, is not floating-point, has a NaN or an
            infinity, or a peak of more than 40 dB above full scale.
    """
    given = np.asarray(sound)
    if given.ndim not in (1, 2) or (given.ndim == 2 and given.shape[1] not in (1, 2)):
        raise ValueError(f"a sound is (n,) or (n, 2) samples, not {given.shape}")
    if not len(given):
        raise ValueError("a sound needs at least one sample")
    if not np.issubdtype(given.dtype, np.floating):
        raise ValueError(f"a sound's samples are floats of full scale 1, not {given.dtype}")
    samples = np.ascontiguousarray(given.reshape(len(given), -1).T, np.float64)
    peak = float(np.abs(samples).max())
    if not np.isfinite(peak):
        raise ValueError("a sound's samples must be finite: found a NaN or an infinity")
    if peak > LOUDEST:
        raise ValueError(f"a sound's samples are of full scale 1: found a peak of {peak:g}")
    return samples


def _count(samples: Float64) -> int:
    """The number of frames: the last is at least half full; at least one."""
    return max(1, samples.shape[1] // HOP)


def frames(samples: Float64) -> Float64:
    """(channels, n) to (channels, frames, FRAME), one every HOP samples, zeros after the last."""
    padded = np.zeros((len(samples), (_count(samples) - 1) * HOP + FRAME))
    kept = samples[:, : padded.shape[1]]
    padded[:, : kept.shape[1]] = kept
    windows = np.lib.stride_tricks.sliding_window_view(padded, FRAME, axis=1)
    return np.asarray(windows[:, ::HOP])


def data_boundaries(samples: Float64) -> tuple[int, int]:
    """The first and the last of `frames` that hold data; all of them in silence.

    Data begin and end where the magnitudes of five successive samples add to more than 200 of
    32768, in the first channel that does, and in the last (5.2).
    """
    last = _count(samples) - 1
    length = max(RUN, samples.shape[1])
    magnitudes = np.zeros((len(samples), length))
    magnitudes[:, : samples.shape[1]] = np.abs(samples)
    sums = sum(magnitudes[:, k : length - RUN + 1 + k] for k in range(RUN))
    audible = np.flatnonzero((np.asarray(sums) > AUDIBLE).any(axis=0))
    if not len(audible):
        return 0, last
    begins, ends = int(audible[0]), int(audible[-1]) + RUN
    first = min(begins // HOP, last)
    return first, min(max(first, ends // HOP - 1), last)


def repeated(sound: ArrayLike, seconds: float = 3.0) -> Float64:
    """A sound whole and as often as `seconds` at 48 kHz need: (m,) or (m, 2) float64.

    PEAQ's modulation and loudness variables skip the first half second, so a shorter sound has
    none. Repeat both sounds of a pair.

    Raises:
        ValueError: as `channels`; or `seconds` is not within 0...3600.
    """
    if not 0 <= seconds <= 3600:
        raise ValueError(f"a sound is repeated to 0 to 3600 seconds, not {seconds}")
    once = channels(sound)
    again = np.tile(once, max(1, -(-round(seconds * RATE) // once.shape[1])))
    return again[0] if np.ndim(sound) == 1 else np.ascontiguousarray(again.T)
