"""Whether a sound has the kind of detail that its recording has: grain, contrast, evenness.

Error and ViSQOL compare place by place, so noise that is right in kind and wrong in place counts as
an error, and a blur does not. These figures are of frames in dB relative to the sound's own peak
bin, as `Representation.decibels` gives them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter, uniform_filter1d

from latentpad.models.representation import Floats, Representation, frame_levels

HEARD_DB = -60.0  # cells of the recording above this count for the grain
GRAIN = (7, 9)  # frames and bins of its neighbourhood
CONTRAST_HZ = 8000.0  # bins below
CONTRAST_DB = -70.0  # and above this
CONTRAST_BINS = 30  # if there are so many
SMOOTH_HZ = 31 * 48000 / 1024  # of the running mean
LOUD_DB = 30.0  # frames within this of the loudest
TONAL_DB = 12.0  # contrast of a sound with partials; noise has 6 to 9
WINDOW_S, STEP_S = 0.05, 0.01  # of a loop's levels
LAGS_S = (0.05, 1.0)
SILENT_DB = -100.0  # relative to the loudest window


class Evenness(NamedTuple):
    """How steady the level of a held sound is."""

    swing: float  # dB, the largest distance of the level from its mean
    period: float  # the highest autocorrelation of the level at lags of 0.05 to 1 s


def grain(recorded: Floats, heard: Floats) -> float:
    """The fine deviations of what is heard, as a ratio to those of its recording; 1 is as much.

    Both (frames, bins) dB. NaN if nothing of the recording is above `HEARD_DB`.
    """
    return fine_db(heard, recorded) / max(fine_db(recorded), 1e-6)


def fine_db(frames_db: Floats, recorded: Floats | None = None) -> float:
    """The fine deviations of (frames, bins) dB: the mean of their distances, dB, from their mean
    over `GRAIN`, over the cells in which `recorded`, a sound of the same shape, is above
    `HEARD_DB`; None: in which the sound itself is.

    Those of a sound that has no recording are compared with the recordings of others by this, in
    dB. NaN if no cell is above.
    """
    cells = (frames_db if recorded is None else recorded) > HEARD_DB
    if not cells.any():
        return float("nan")
    return float(np.abs(frames_db - uniform_filter(frames_db, GRAIN))[cells].mean())


def contrast(frames_db: Floats, representation: Representation) -> float:
    """How far the partials of (frames, bins) dB stand above the rest, dB: the median over the loud
    frames of the 95th percentile of the deviations from the smooth spectrum, less their median.

    NaN if no frame has enough bins that are heard.
    """
    r = representation
    width = round(SMOOTH_HZ * r.n_fft / r.sample_rate) | 1
    below = min(int(CONTRAST_HZ * r.n_fft / r.sample_rate), r.bins)
    levels = frame_levels(frames_db)
    found = []
    for frame in frames_db[levels > levels.max() - LOUD_DB]:
        deviations = (frame - uniform_filter1d(frame, width, mode="nearest"))[:below]
        deviations = deviations[frame[:below] > CONTRAST_DB]
        if len(deviations) >= CONTRAST_BINS:
            found.append(np.percentile(deviations, 95) - np.median(deviations))
    return float(np.median(found)) if found else float("nan")


def evenness(samples: NDArray[np.floating], rate: int) -> Evenness:
    """Of (n,) samples of one held point, ten seconds of them. Any thread."""
    levels = window_levels(samples, rate)
    away = levels - levels.mean()
    return Evenness(float(np.abs(away).max(initial=0.0)), period(levels[:, None]))


def window_levels(samples: NDArray[np.floating], rate: int) -> NDArray[np.float64]:
    """The levels of (n,) samples in windows of `WINDOW_S`, one each `STEP_S`: dB relative to the
    loudest."""
    size, step = round(WINDOW_S * rate), round(STEP_S * rate)
    energy = np.cumsum(np.concatenate([[0.0], np.square(samples, dtype=np.float64)]))
    starts = np.arange(0, len(samples) - size + 1, step)
    power = (energy[starts + size] - energy[starts]) / size
    loudest = max(float(power.max(initial=0.0)), 1e-20)
    return 10 * np.log10(np.maximum(power / loudest, 10 ** (SILENT_DB / 10)))


def period(levels: NDArray[np.float64], floor_db: float = 0.0) -> float:
    """The highest autocorrelation of (n, bands) dB, one row each `STEP_S`, at `LAGS_S`; 0 if they
    do not vary.

    Levels that vary by less than `floor_db` (their standard deviation) count as if by that much.
    """
    away = levels - levels.mean(axis=0)
    whole = max(float(np.mean(np.square(away))), floor_db**2)
    first, last = (round(lag / STEP_S) for lag in LAGS_S)
    return max(
        (
            float(np.mean(away[lag:] * away[:-lag])) / whole
            for lag in range(first, min(last, len(away) - 1) + 1)
            if whole > 1e-12
        ),
        default=0.0,
    )
