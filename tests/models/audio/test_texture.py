"""How noise-like a sound is, by band and time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from latentpad.models.audio.texture import (
    BANDS,
    bands,
    frame_texture,
    interpolation,
    step_frames,
    steps,
    texture,
)
from latentpad.models.representation import Floats, Representation

WIDE = Representation()
LONG = Representation(n_fft=2048, hop=512, frames=94)
LOW = Representation(sample_rate=16000, n_fft=256, hop=128, frames=125)
LAST = 2  # steps at both ends, whose windows reach over the edge of the sound


def of(samples: NDArray[np.floating], r: Representation) -> Floats:
    return texture(r.decibels(r.magnitudes(samples.astype(np.float32))), r)


def white(r: Representation) -> Floats:
    return (0.1 * np.random.default_rng(1).normal(size=r.samples)).astype(np.float32)


def saw(r: Representation) -> Floats:
    """A saw whose partials are five bins apart."""
    time, pitch = np.arange(r.samples) / r.sample_rate, 5 * r.sample_rate / r.n_fft
    partials = np.arange(1, r.n_fft // 11)[:, None]
    return (np.sin(2 * np.pi * pitch * partials * time) / partials).sum(axis=0).astype(np.float32)


@pytest.mark.parametrize("r", [WIDE, LONG, LOW], ids=["1024", "2048", "16 kHz"])
def test_noise_is_texture_and_a_steady_tone_is_none(r: Representation) -> None:
    noise, tone = of(white(r), r), of(saw(r), r)
    assert noise.shape == tone.shape == (steps(r), BANDS)
    assert noise[LAST:-LAST].mean() > 0.8 and noise[LAST:-LAST].mean(axis=0).min() > 0.5
    assert tone[LAST:-LAST].mean() < 0.12


def test_noise_that_decays_is_as_much_texture_as_noise_that_stays() -> None:
    decay: Floats = np.exp(-5 * np.arange(WIDE.samples) / WIDE.sample_rate)
    steady, decaying = of(white(WIDE), WIDE), of(white(WIDE) * decay, WIDE)
    assert abs(steady - decaying)[LAST:-LAST].mean() < 0.05


def test_clicks_and_plucked_partials_are_no_texture() -> None:
    time = np.arange(WIDE.samples) / WIDE.sample_rate
    clicks = np.zeros(WIDE.samples)
    clicks[::4800] = 1
    pluck = np.sin(2 * np.pi * 600 * time) * np.exp(-20 * time)
    for sound in (clicks, pluck):
        assert of(sound, WIDE)[LAST:-LAST].mean() < 0.02


def test_a_tone_in_noise_is_told_by_band() -> None:
    time = np.arange(WIDE.samples) / WIDE.sample_rate
    mixed = 0.5 * np.sin(2 * np.pi * 1500 * time) + 0.5 * white(WIDE)
    by_band = of(mixed, WIDE)[LAST:-LAST].mean(axis=0)
    edges = bands(WIDE)
    tone = int(np.searchsorted(edges, 1500 * WIDE.n_fft / WIDE.sample_rate, "right")) - 1
    assert by_band[tone] < 0.15
    assert np.delete(by_band, [tone - 1, tone, tone + 1]).min() > 0.5


def test_silence_has_no_texture() -> None:
    assert not of(np.zeros(WIDE.samples, np.float32), WIDE).any()
    half = white(WIDE)
    half[WIDE.samples // 2 :] = 0
    assert not of(half, WIDE)[steps(WIDE) // 2 + LAST :].any()


def test_each_band_has_a_bin_at_least_and_all_bins_are_in_one() -> None:
    for r in (WIDE, LONG, LOW):
        edges = bands(r)
        assert edges[0] == 0 and (np.diff([*edges, r.bins]) >= 1).all()


@pytest.mark.parametrize("r", [WIDE, LONG, LOW])
def test_values_of_bands_become_values_of_bins_without_a_jump(r: Representation) -> None:
    lower, part = interpolation(r)
    assert lower.min() == 0 and lower.max() <= BANDS - 2
    assert part.min() >= 0 and part.max() <= 1
    rising = lower + part
    assert (np.diff(rising) >= 0).all() and np.diff(rising).max() <= 1
    for k, (first, end) in enumerate(pairwise([*bands(r), r.bins])):
        assert rising[first:end].mean() == pytest.approx(k, abs=0.2)


def test_the_texture_of_frames_is_that_of_their_steps_without_a_jump() -> None:
    rng = np.random.default_rng(3)
    sound = rng.normal(size=WIDE.samples) * (np.arange(WIDE.samples) < WIDE.samples // 2)
    frames = WIDE.decibels(WIDE.magnitudes(sound.astype(np.float32)))
    found, measured = frame_texture(frames, WIDE), texture(frames, WIDE)
    assert found.shape == (WIDE.frames, BANDS) and found.dtype == np.float32
    size = step_frames(WIDE)
    middle = slice(10 * size, 20 * size)
    assert found[middle].mean() == pytest.approx(measured[10:20].mean(), abs=0.05)
    steepest = np.abs(np.diff(measured, axis=0)).max() / size
    assert np.abs(np.diff(found, axis=0)).max() <= steepest + 1e-5
