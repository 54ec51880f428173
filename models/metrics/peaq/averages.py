"""The eleven model output variables of a sound, from the contributions of its frames.

Source: BS.1387-1, annex 2, sections 4 and 5.2. If no frame qualifies, a variable is 0, as in
Kabal's program.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentpad.models.metrics.peaq import variables
from latentpad.models.metrics.peaq.ear import FRAMES_A_SECOND, Float64, smoothed
from latentpad.models.metrics.peaq.patterns import Patterns, adapted

DELAY = int(np.ceil(0.5 * FRAMES_A_SECOND))
"""Frames at the beginning that the modulation and loudness variables leave out."""
LOUDNESS_DELAY = int(np.ceil(0.05 * FRAMES_A_SECOND))
"""Frames that the loudness variable leaves out after both sounds can first be heard."""
AUDIBLE_SONE = 0.1
WINDOW = int(0.1 * FRAMES_A_SECOND)
"""Frames that the windowed average takes together."""


@dataclass(frozen=True)
class Variables:
    """The model output variables by the recommendation's names, and which of them are missing."""

    values: dict[str, float]
    missing: tuple[str, ...]
    """The variables for which no frame of some channel qualified: a 0 went into their mean."""


def averaged(reference: Patterns, other: Patterns) -> Variables:
    """The model output variables of two sounds of as many frames and channels.

    The frames are those with the reference's data. The ear's filters also process all earlier ones,
    so that they have settled.
    """
    first, stop = reference.first, reference.last + 1
    kept = slice(first, stop)
    values: dict[str, Float64] = {}

    one, two, weight = variables.modulation_differences(
        reference.modulations, other.modulations, reference.envelopes
    )
    late = slice(max(DELAY, first), stop)
    values["WinModDiff1"] = _windowed(one[:, late])
    values["AvgModDiff1"] = _weighted(one[:, late], weight[:, late])
    values["AvgModDiff2"] = _weighted(two[:, late], weight[:, late])

    before = slice(stop)
    loudness = variables.noise_loudness(
        *adapted(reference.excitations[:, before], other.excitations[:, before]),
        reference.modulations[:, before],
        other.modulations[:, before],
    )
    begins = _audible(reference.loudness[:, kept], other.loudness[:, kept]) + first
    late = slice(max(DELAY, begins + LOUDNESS_DELAY), stop)
    values["RmsNoiseLoud"] = np.sqrt(_qualified(loudness[:, late] ** 2))

    magnitudes, other_magnitudes = reference.magnitudes[:, kept], other.magnitudes[:, kept]
    bandwidth, other_bandwidth = variables.bandwidths(magnitudes, other_magnitudes)
    values["BandwidthRef"] = _qualified(bandwidth)
    values["BandwidthTest"] = _qualified(other_bandwidth)

    excitations, other_excitations = reference.excitations[:, kept], other.excitations[:, kept]
    mean, greatest = variables.noise_to_mask(magnitudes, other_magnitudes, excitations)
    values["TotalNMR"] = 10 * np.log10(mean.mean(axis=1))
    values["RelDistFrames"] = (greatest > 10**0.15).mean(axis=1)

    heard, steps = variables.detection(excitations, other_excitations)
    values["ADB"] = _distorted(heard, steps)
    values["MFPD"] = smoothed(heard[:, None], 0.9, 0.1).max(axis=0)

    sounding = reference.sounding[:, kept] | other.sounding[:, kept]
    harmonics = 1000 * variables.error_harmonics(magnitudes, other_magnitudes)
    values["EHS"] = _qualified(np.where(sounding, harmonics, variables.NOT_QUALIFIED))

    missing = tuple(name for name, each in values.items() if np.isnan(each).any())
    means = {name: float(np.nan_to_num(each).mean()) for name, each in values.items()}
    return Variables(means, missing)


# Below, (channels, frames) become (channels,), and NaN stands for no frame that qualifies; it
# does not leave this module.


def _qualified(values: Float64) -> Float64:
    """The mean of each channel's frames that qualify."""
    kept = [channel[channel >= 0] for channel in values]
    return np.array([channel.mean() if len(channel) else np.nan for channel in kept])


def _weighted(values: Float64, weights: Float64) -> Float64:
    """The mean of the values, each by its weight."""
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    return np.asarray((values * weights).sum(axis=1) / weights.sum(axis=1))


def _windowed(values: Float64) -> Float64:
    """The root mean square of the squared means, over 100 ms, of the square roots."""
    if values.shape[1] < WINDOW:
        return np.full(len(values), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(np.sqrt(values), WINDOW, axis=1)
    return np.sqrt((windows.mean(axis=-1) ** 4).mean(axis=1))


def _distorted(heard: Float64, steps: Float64) -> Float64:
    """The average distorted block, (1,): the log of the steps, in frames heard to be distorted.

    0 if there is no such frame, as in the recommendation.
    """
    distorted: NDArray[np.bool_] = heard > 0.5
    if not distorted.any():
        return np.zeros(1)
    mean = steps[distorted].mean()
    return np.array([np.log10(mean) if mean > 0 else -0.5])


def _audible(loudness: Float64, other: Float64) -> int:
    """The first frame in which both sounds can be heard, in any channel; their number if none."""
    both = np.flatnonzero(((loudness > AUDIBLE_SONE) & (other > AUDIBLE_SONE)).any(axis=0))
    return int(both[0]) if len(both) else loudness.shape[1]
