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
    noisy = sound + np.random.default_rng(0).normal(0, 0.05, len(sound)).astype(np.float32)
    same = measures.visqol(sound, sound, R)
    assert same == pytest.approx(4.73, abs=0.01)
    assert measures.visqol(sound, noisy, R) < same - 0.5
