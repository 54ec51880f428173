"""The grades of one pair of sounds, or of many."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from latentpad.models.metrics.peaq.averages import averaged
from latentpad.models.metrics.peaq.patterns import LEVEL_DB, Patterns, ear_patterns
from latentpad.models.metrics.peaq.verdict import Peaq, verdict


def compared(reference: Patterns, other: Patterns) -> Peaq:
    """The grade of two sounds' `ear_patterns`.

    Raises:
        ValueError: the sounds differ in length or in channels, or were heard at two levels.
    """
    if len(reference.magnitudes) != len(other.magnitudes):
        raise ValueError(
            f"two sounds to compare must have as many channels: {len(reference.magnitudes)} "
            f"and {len(other.magnitudes)}"
        )
    if reference.samples != other.samples:
        raise ValueError(
            f"two sounds to compare must have one length: {reference.samples} and "
            f"{other.samples} samples"
        )
    if reference.level_db != other.level_db:
        raise ValueError(
            f"two sounds to compare must be heard at one level: {reference.level_db:g} and "
            f"{other.level_db:g} dB"
        )
    variables = averaged(reference, other)
    return verdict(variables.values, variables.missing)


def peaq(reference: ArrayLike, other: ArrayLike, *, level_db: float = LEVEL_DB) -> Peaq:
    """How much worse than `reference` another sound is: PEAQ's basic version.

    Both are (n,) mono or (n, 2) stereo floats at 48 kHz of full scale 1, aligned to the sample. For
    less than a second some variables have no frames. `Peaq.missing` names them; `repeated` makes
    the sound longer.

    Frames of digital silence count with the full bandwidth, frames of very soft noise do not. So
    compare samples of 16 bits: `np.round(32768 * sound) / 32768`.

    Args:
        level_db: sound pressure level of a full-scale sine, dB.

    Raises:
        ValueError: as `ear_patterns` and `compared`.
    """
    return compared(
        ear_patterns(reference, level_db=level_db), ear_patterns(other, level_db=level_db)
    )


def peaqs(
    references: Sequence[ArrayLike], others: Sequence[ArrayLike], *, level_db: float = LEVEL_DB
) -> list[Peaq]:
    """`peaq` of each pair, on one core.

    A reference that is the same object as the one before is analysed once. To use more cores,
    divide the pairs among processes.

    Raises:
        ValueError: not as many references as others, or as `peaq`.
    """
    if len(references) != len(others):
        raise ValueError(f"{len(references)} references and {len(others)} others are no pairs")
    grades: list[Peaq] = []
    last: ArrayLike | None = None
    patterns: Patterns | None = None
    for reference, other in zip(references, others, strict=True):
        if patterns is None or reference is not last:
            last, patterns = reference, ear_patterns(reference, level_db=level_db)
        grades.append(compared(patterns, ear_patterns(other, level_db=level_db)))
    return grades
