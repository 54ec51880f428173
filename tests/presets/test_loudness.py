"""The factory's presets side by side: as loud as one another, and not alike."""

from __future__ import annotations

from itertools import combinations

import pytest

from latentpad.benchmarks.loudness import PresetLoudness, factory
from latentpad.engine.parameters import ROW

pytestmark = pytest.mark.early

ALIKE = 0.15  # of the lower spectral centroid


@pytest.fixture(scope="module")
def measured() -> dict[str, PresetLoudness]:
    return factory()


def test_every_preset_is_as_loud_as_the_others(measured: dict[str, PresetLoudness]) -> None:
    loudness = {name: round(heard.lufs, 1) for name, heard in measured.items()}
    assert all(-22 <= lufs <= -18 for lufs in loudness.values()), loudness


def test_no_preset_lives_on_the_limiter(measured: dict[str, PresetLoudness]) -> None:
    ceiling = ROW["/ceiling"].default[0]
    for name, heard in measured.items():
        assert heard.peak_db <= ceiling + 1e-3, name
        assert heard.reduction_db > -3 and heard.limited < 0.05, name


def test_any_two_presets_differ_in_mode_or_brightness(measured: dict[str, PresetLoudness]) -> None:
    for (name, one), (other, two) in combinations(measured.items(), 2):
        low, high = sorted((one.centroid, two.centroid))
        assert one.mode != two.mode or high >= (1 + ALIKE) * low, f"{name} and {other}"


def test_shots_are_not_originals_in_another_mode(measured: dict[str, PresetLoudness]) -> None:
    low, high = sorted((measured["shots"].centroid, measured["originals"].centroid))
    assert high >= (1 + ALIKE) * low
