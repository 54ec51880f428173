"""Grain, contrast and evenness tell noise, partials and loops apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from latentpad.models.metrics.detail import TONAL_DB, contrast, evenness, grain
from latentpad.models.representation import Floats, Representation

R = Representation()
RATE = R.sample_rate


def frames(samples: NDArray[np.floating], r: Representation = R) -> Floats:
    return r.decibels(r.magnitudes(samples.astype(np.float32)))


def white(seconds: float = R.seconds, seed: int = 0) -> NDArray[np.float64]:
    return 0.1 * np.random.default_rng(seed).normal(size=round(seconds * RATE))


def saw(r: Representation = R) -> NDArray[np.float64]:
    time, partials = np.arange(r.samples) / r.sample_rate, np.arange(1, 27)[:, None]
    return np.asarray((np.sin(2 * np.pi * 880 * partials * time) / partials).sum(axis=0))


def test_another_noise_has_the_grain_of_a_noise_and_a_blur_of_it_has_less() -> None:
    recorded, other = frames(white()), frames(white(seed=1))
    assert grain(recorded, recorded) == 1
    assert grain(recorded, other) == pytest.approx(1, abs=0.05)
    assert grain(recorded, uniform_filter(recorded, (3, 5))) < 0.7


def test_silence_has_no_grain_to_compare_with() -> None:
    silence = np.full((R.frames, R.bins), -90, np.float32)
    assert math.isnan(grain(silence, silence)) and math.isnan(contrast(silence, R))


def test_partials_have_more_contrast_than_noise_at_any_window() -> None:
    for r in (R, Representation(n_fft=2048, hop=512, frames=94)):
        assert contrast(frames(saw(r), r), r) > TONAL_DB + 4
        noise = white(r.seconds)[: r.samples]
        assert 5 < contrast(frames(noise, r), r) < 10


def test_a_blur_takes_the_contrast() -> None:
    tone = frames(saw())
    assert contrast(uniform_filter(tone, (1, 9)), R) < 0.5 * contrast(tone, R)


def test_a_steady_noise_is_even_and_a_loop_that_stutters_is_not() -> None:
    steady = evenness(white(10.0), RATE)
    assert steady.swing < 2 and steady.period < 0.9
    time = np.arange(10 * RATE) / RATE
    stutter = evenness(white(10.0) * np.exp(-12 * (time % 0.426)), RATE)
    assert stutter.swing > 15 and stutter.period > 0.8


def test_silence_is_even() -> None:
    assert evenness(np.zeros(RATE, np.float32), RATE) == (0, 0)
