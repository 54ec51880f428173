"""The grades of ten pairs against those of P. Kabal's PQevalAudio (AFsp)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from latentpad.models.metrics.peaq import Peaq, compared, ear_patterns
from tests.models.metrics.peaq.pairs import from_16_bits, pairs

REFERENCE = Path(__file__).parents[3] / "reference"
AFSP: dict[str, dict[str, float]] = json.loads((REFERENCE / "peaq.json").read_text())
MADE: dict[str, dict[str, Any]] = json.loads((REFERENCE / "peaq_pairs.json").read_text())
NAMES = {
    "WinModDiff1": "WinModDiff1B",
    "AvgModDiff1": "AvgModDiff1B",
    "AvgModDiff2": "AvgModDiff2B",
    "RmsNoiseLoud": "RmsNoiseLoudB",
    "BandwidthRef": "BandwidthRefB",
    "BandwidthTest": "BandwidthTestB",
    "TotalNMR": "Total NMRB",
    "RelDistFrames": "RelDistFramesB",
    "ADB": "ADBB",
    "MFPD": "MFPDB",
    "EHS": "EHSB",
}


@pytest.fixture(scope="module")
def sounds() -> dict[str, tuple[NDArray[np.int16], NDArray[np.int16]]]:
    return pairs()


@pytest.fixture(scope="module")
def grades(sounds: dict[str, tuple[NDArray[np.int16], NDArray[np.int16]]]) -> dict[str, Peaq]:
    return {
        name: compared(ear_patterns(from_16_bits(one)), ear_patterns(from_16_bits(two)))
        for name, (one, two) in sounds.items()
    }


def test_the_pairs_are_those_that_the_figures_are_of(
    sounds: dict[str, tuple[NDArray[np.int16], NDArray[np.int16]]],
) -> None:
    result = {
        name: tuple(hashlib.sha256(sound.tobytes()).hexdigest() for sound in pair)
        for name, pair in sounds.items()
    }
    assert result == {name: (of["ref_sha256"], of["deg_sha256"]) for name, of in MADE.items()}


@pytest.mark.parametrize("pair", AFSP)
def test_each_variable_is_within_a_thousandth_of_the_reference_programs(
    grades: dict[str, Peaq], pair: str
) -> None:
    grade, expected = grades[pair], AFSP[pair]
    result = {name: getattr(grade, name) for name in NAMES}
    assert result == pytest.approx(
        {name: expected[theirs] for name, theirs in NAMES.items()}, rel=1e-3, abs=1e-10
    )


@pytest.mark.parametrize("pair", AFSP)
def test_the_grade_is_the_reference_programs(grades: dict[str, Peaq], pair: str) -> None:
    grade, expected = grades[pair], AFSP[pair]
    assert grade.di == pytest.approx(expected["Distortion Index"], abs=2e-3)
    assert grade.odg == pytest.approx(expected["Objective Difference Grade"], abs=2e-3)


def test_only_noise_of_full_bandwidth_has_no_bandwidth(grades: dict[str, Peaq]) -> None:
    missing = {name: grade.missing for name, grade in grades.items() if not grade.valid}
    assert missing == {"p09_pink_clip0.2": ("BandwidthRef", "BandwidthTest")}
