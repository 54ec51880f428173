"""Descriptors: sounds whose order is known come out in that order, whatever their level."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from latentpad.models.audio.descriptors import MEASURED, NAMES, SILENCE, Descriptors, measure, table
from latentpad.models.representation import Floats, Representation

LIVE = Representation()
SMALL = Representation(sample_rate=16000, n_fft=256, hop=128, frames=32, range_db=80.0)
Audio = NDArray[np.float64]


def time(r: Representation = LIVE) -> Audio:
    return np.arange(r.samples) / r.sample_rate


def noise(seed: int = 0, r: Representation = LIVE) -> Audio:
    return np.random.default_rng(seed).normal(size=r.samples)


def below(hertz: float, audio: Audio, r: Representation = LIVE) -> Audio:
    """What is left of a sound under a first-order low-pass."""
    spectrum = np.fft.rfft(audio)
    frequency = np.fft.rfftfreq(len(audio), 1 / r.sample_rate)
    return np.fft.irfft(spectrum / (1 + (frequency / hertz) ** 2), len(audio))


def heard(audio: Audio, r: Representation = LIVE) -> Descriptors:
    return measure(r.decibels(r.magnitudes(audio.astype(np.float32))), r)


def rising(values: list[float]) -> bool:
    return all(b > a for a, b in itertools.pairwise(values))


def test_noise_through_a_wider_filter_is_brighter_and_less_deep() -> None:
    result = [heard(below(f, noise())) for f in (200, 500, 1000, 2000, 5000, 20000)]
    assert rising([d.brightness for d in result])
    assert rising([-d.depth for d in result])


@settings(max_examples=30)
@given(st.floats(100, 12000), st.floats(1.1, 1.8))
def test_a_higher_tone_is_brighter(hertz: float, step: float) -> None:
    low, high = (heard(np.sin(2 * np.pi * f * time())) for f in (hertz, hertz * step))
    assert high.brightness > low.brightness


def test_a_tone_is_as_bright_as_its_erb_rate() -> None:
    result = heard(np.sin(2 * np.pi * 1000 * time())).brightness
    assert result == pytest.approx(21.4 * np.log10(1 + 4.37), abs=0.1)


def test_noise_is_noisier_than_any_mixture_and_a_tone_least() -> None:
    tone = np.sin(2 * np.pi * 1000 * time())
    result = [heard(tone + 10 ** (s / 20) * noise()).noisiness for s in (-60, -40, -20, 0, 20)]
    assert rising(result)
    assert result[0] < -30 and -5 < result[-1] < -2


def test_the_colour_of_noise_does_not_make_it_a_tone() -> None:
    for hertz in (300, 1000, 5000):
        assert heard(below(hertz, noise())).noisiness > -6


@pytest.mark.parametrize("carrier", ["noise", "tone"])
def test_a_slower_attack_is_slower_and_softer(carrier: str) -> None:
    sound = noise() if carrier == "noise" else np.sin(2 * np.pi * 440 * time())
    starts = (0.005, 0.02, 0.05, 0.1, 0.3)
    result = [heard(sound * np.clip((time() - 0.2) / s, 0, 1)) for s in starts]
    assert rising([d.attack for d in result])
    assert rising([-d.hardness for d in result])
    for seconds, descriptors in zip(starts[2:], result[2:], strict=True):
        assert descriptors.attack == pytest.approx(np.log10(seconds), abs=0.12)


def test_a_hard_hit_is_hard_over_all_bands() -> None:
    decay = np.exp(-time() / 0.05)
    assert heard(noise() * decay).hardness > heard(below(300, noise()) * decay).hardness + 0.1


def test_a_longer_sound_is_longer() -> None:
    decays = (0.01, 0.03, 0.1, 0.3)
    result = [heard(noise() * np.exp(-time() / d)).duration for d in decays]
    assert rising(result)
    # 90 % of the energy of exp(-2t/d) lies between -d/2 ln 0.95 and -d/2 ln 0.05.
    assert result[2] == pytest.approx(0.05 * np.log(0.95 / 0.05), rel=0.1)


@settings(max_examples=20)
@given(st.floats(-60, 40), st.integers(0, 5))
def test_gain_changes_nothing(decibels: float, seed: int) -> None:
    sound = below(2000, noise(seed)) * np.exp(-time() / 0.1)
    np.testing.assert_allclose(
        heard(sound * 10 ** (decibels / 20)), heard(sound), rtol=1e-3, atol=1e-3
    )


@settings(max_examples=20)
@given(st.integers(1, 80))
def test_when_a_sound_comes_changes_nothing(frames: int) -> None:
    sound = noise() * np.exp(-time() / 0.03) * (time() > 0.05) * (time() < 0.3)
    later = np.roll(sound, frames * LIVE.hop)
    np.testing.assert_allclose(heard(later), heard(sound), atol=2e-3)


@settings(max_examples=60)
@given(arrays(np.float32, (8, 129), elements=st.floats(-80, 0, width=32)))
def test_any_frames_have_finite_descriptors(frames: Floats) -> None:
    result = measure(frames, SMALL)
    assert np.isfinite(result).all()
    assert 0 <= result.hardness <= 1 and 0 <= result.duration <= 8 * 128 / 16000


def test_silence_a_click_and_a_constant_have_descriptors() -> None:
    for r in (LIVE, SMALL):
        click, late, constant = np.zeros((3, r.samples))
        click[0] = late[r.samples // 2] = 1
        constant[:] = 1
        assert heard(np.zeros(r.samples), r) == SILENCE
        for sound in (click, late, constant):
            assert np.isfinite(heard(sound, r)).all()
        assert heard(late, r).duration < 0.05 < heard(constant, r).duration
        assert heard(late, r).brightness > heard(constant, r).brightness
    one = np.full((1, LIVE.bins), -LIVE.range_db, np.float32)
    one[0, 100] = 0
    assert np.isfinite(measure(one, LIVE)).all()
    assert measure(np.empty((0, LIVE.bins), np.float32), LIVE) == SILENCE


def test_a_table_has_a_column_for_each_descriptor() -> None:
    sounds = [LIVE.decibels(LIVE.magnitudes(noise(s).astype(np.float32))) for s in range(3)]
    result = table(iter(sounds), LIVE)
    assert tuple(result) == MEASURED and set(NAMES) == {*MEASURED, "loudness"}
    for k, sound in enumerate(sounds):
        row = [result[name][k] for name in MEASURED]
        np.testing.assert_array_equal(row, np.array(measure(sound, LIVE), np.float32))
    assert all(len(values) == 0 for values in table([], LIVE).values())
