"""How the sounds of a model are heard beside their recordings: the detail of one, and of many.

What is heard are samples that a voice plays of a decoded sound. They are analysed again as a
recording is, so that what the phases make of the magnitudes counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentpad.models.metrics.detail import TONAL_DB, contrast, fine_db
from latentpad.models.representation import Floats, Representation


class Detail(NamedTuple):
    """The detail of one sound as it is heard, and of its recording."""

    fine_db: float  # `detail.fine_db` where the recording is heard
    recorded_fine_db: float
    contrast_db: float
    recorded_contrast_db: float

    @property
    def grain(self) -> float:
        """As `detail.grain`."""
        return self.fine_db / max(self.recorded_fine_db, 1e-6)


class DetailMeans(NamedTuple):
    """The detail of some sounds. NaN where there is none to take the mean of."""

    grain: float  # the mean ratio to the recordings
    contrast: float  # the mean ratio over the tonal ones
    tonal: int  # how many are tonal, by their recordings
    fine_db: float  # mean
    recorded_fine_db: float
    contrast_db: float  # median over all
    recorded_contrast_db: float


def again(samples: Floats, representation: Representation) -> Floats:
    """(n,) samples that a voice played to (frames, bins) dB, as a recording is analysed."""
    return representation.decibels(representation.magnitudes(samples))


def detail(recorded: Floats, heard: Floats, representation: Representation) -> Detail:
    """Compare a sound as it is heard with its recording, both (frames, bins) dB. Some 30 ms."""
    return Detail(
        fine_db(heard, recorded),
        fine_db(recorded),
        contrast(heard, representation),
        contrast(recorded, representation),
    )


def means(details: Sequence[Detail]) -> DetailMeans:
    """The figures of some sounds, of which there is at least one."""
    fine, recorded_fine, contrasts, recorded_contrasts = np.array(details, np.float64).T
    tonal = recorded_contrasts >= TONAL_DB
    return DetailMeans(
        _mean([each.grain for each in details]),
        _mean(contrasts[tonal] / recorded_contrasts[tonal]),
        int(tonal.sum()),
        _mean(fine),
        _mean(recorded_fine),
        _median(contrasts),
        _median(recorded_contrasts),
    )


def evenly(rows: Sequence[int], most: int) -> list[int]:
    """`most` of the rows, evenly spread, or all if there are fewer."""
    return [rows[i] for i in np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]


def _mean(values: ArrayLike) -> float:
    known = _known(values)
    return float(known.mean()) if len(known) else float("nan")


def _median(values: ArrayLike) -> float:
    known = _known(values)
    return float(np.median(known)) if len(known) else float("nan")


def _known(values: ArrayLike) -> NDArray[np.float64]:
    numbers = np.asarray(values, np.float64)
    return numbers[~np.isnan(numbers)]
