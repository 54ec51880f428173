from __future__ import annotations

import numpy as np
import pytest

from models import measures
from models.griffinlim import audible
from models.representation import Floats, Representation

R = Representation()


def pluck() -> Floats:
    time = np.arange(R.samples) / 48000
    tones = sum(np.sin(2 * np.pi * 220 * k * time) / k for k in range(1, 9))
    return (0.2 * tones * np.exp(-6 * time) * (time > 0.02)).astype(np.float32)


def test_the_floor_is_silent_when_heard() -> None:
    frames = np.array([[0, -40, -89, -90]], np.float32)
    np.testing.assert_allclose(audible(frames, R), [[1, 0.01, 0, 0]], rtol=1e-5)


def test_mae_counts_only_the_references_content() -> None:
    reference = np.full((10, 5), -90, np.float32)
    reference[2:5] = -10
    other = reference.copy()
    other[2:5] += 4
    other[7] = 0
    assert measures.mae_db(reference, other) == pytest.approx(4)
    assert measures.mae_db(reference, reference) == 0


def test_spectral_convergence_in_db() -> None:
    sound = np.ones((3, 4), np.float32)
    assert measures.spectral_convergence(sound, 0.9 * sound) == pytest.approx(-20, abs=1e-4)


def test_visqol_ranks_a_copy_over_noise() -> None:
    sound = pluck()
    noisy = sound + np.random.default_rng(0).normal(0, 0.1, len(sound)).astype(np.float32)
    same = measures.visqol(sound, sound, R)
    assert same == pytest.approx(4.73, abs=0.01)
    assert measures.visqol(sound, noisy, R) < same - 0.4


def test_visqol_of_whole_sounds_hears_how_they_begin() -> None:
    sound, rng = pluck(), np.random.default_rng(0)
    begins = np.arange(len(sound)) < 0.2 * R.sample_rate
    hissing = (sound + begins * rng.normal(0, 0.3, len(sound))).astype(np.float32)
    whole, late = (measures.visqol(sound, hissing, R, whole=whole) for whole in (True, False))
    assert whole < measures.EQUAL - 0.25
    # Given as they are, it hears little of that: its first patch begins 0.28 s into them.
    assert late > whole + 0.2


@pytest.mark.parametrize("seconds", [0.01, 0.3, 0.59, 0.61, 1.0, 3.0])
def test_visqol_hears_sounds_of_any_length(seconds: float) -> None:
    rng = np.random.default_rng(0)
    sound, other = rng.normal(0, 0.1, (2, int(seconds * R.sample_rate))).astype(np.float32)
    assert measures.visqol(sound, sound, R) == pytest.approx(measures.EQUAL, abs=1e-6)
    tone = np.sin(0.05 * np.arange(len(other))).astype(np.float32)
    assert measures.visqol(sound, tone, R) < measures.EQUAL - 0.1


def test_silence_is_nothing_like_a_sound_and_just_like_silence() -> None:
    sound = pluck()
    assert measures.visqol(sound, 0 * sound, R) == measures.visqol(0 * sound, sound, R) == 1
    assert measures.visqol(0 * sound, 0 * sound, R) == measures.EQUAL
