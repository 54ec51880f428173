from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentpad.models.metrics import similarity
from latentpad.models.representation import Floats, Representation, audible

R = Representation()
SEEDS = st.integers(0, 2**32 - 1)


def pluck() -> Floats:
    time = np.arange(R.samples) / 48000
    tones = sum(np.sin(2 * np.pi * 220 * k * time) / k for k in range(1, 9))
    return (0.2 * tones * np.exp(-6 * time) * (time > 0.02)).astype(np.float32)


def hiss(seed: int, seconds: float = 0.5) -> Floats:
    """White noise, full scale about four times its root mean square."""
    sound = np.random.default_rng(seed).normal(0, 0.25, round(seconds * R.sample_rate))
    return sound.astype(np.float32)


def hum(seconds: float = 1.0) -> Floats:
    """Forty harmonics that stay."""
    time = np.arange(int(seconds * R.sample_rate)) / R.sample_rate
    tones = sum(np.sin(2 * np.pi * 220 * k * time) / k for k in range(1, 41))
    return (0.2 * np.asarray(tones)).astype(np.float32)


def with_noise(sound: Floats, db: float, seed: int) -> Floats:
    """Noise so many dB above the sound, by their root mean squares."""
    noise = hiss(seed, len(sound) / R.sample_rate)
    level = 10 ** (db / 20) * np.sqrt(np.mean(sound**2) / np.mean(noise**2))
    return (sound + level * noise).astype(np.float32)


def spectra(seed: int, lowest: float = -90.0) -> tuple[Floats, Floats, Floats]:
    """Three of (20, 16) dB, every frame of which is content where `lowest` is -40 or more."""
    frames = np.random.default_rng(seed).uniform(lowest, 0, (3, 20, 16)).astype(np.float32)
    return frames[0], frames[1], frames[2]


def linear(frames_db: Floats) -> Floats:
    return np.asarray(10 ** (frames_db / 20), np.float32)


def test_the_floor_is_silent_when_heard() -> None:
    frames = np.array([[0, -40, -89, -90]], np.float32)
    np.testing.assert_allclose(audible(frames, R), [[1, 0.01, 0, 0]], rtol=1e-5)


def test_mae_counts_only_the_references_content() -> None:
    reference = np.full((10, 5), -90, np.float32)
    reference[2:5] = -10
    other = reference.copy()
    other[2:5] += 4
    other[7] = 0
    assert similarity.mae_db(reference, other) == pytest.approx(4)
    assert similarity.mae_db(reference, reference) == 0


def test_spectral_convergence_in_db() -> None:
    sound = np.ones((3, 4), np.float32)
    assert similarity.spectral_convergence(sound, 0.9 * sound) == pytest.approx(-20, abs=1e-4)


@given(SEEDS)
def test_of_magnitudes_nothing_is_nearer_than_the_same(seed: int) -> None:
    one, other, _ = spectra(seed)
    assert similarity.mae_db(one, one) == 0 < similarity.mae_db(one, other)
    same, far = (similarity.spectral_convergence(linear(one), linear(x)) for x in (one, other))
    assert same < far


@given(SEEDS, st.floats(0.01, 100), st.floats(1.01, 10))
def test_of_magnitudes_a_larger_error_is_farther(seed: int, size: float, times: float) -> None:
    one, error, _ = spectra(seed)
    near, far = one + np.float32(size) * error, one + np.float32(size * times) * error
    assert similarity.mae_db(one, near) < similarity.mae_db(one, far)
    assert similarity.mae_db(one, far) == pytest.approx(
        times * similarity.mae_db(one, near), rel=1e-3, abs=1e-3
    )
    one, error = linear(one), linear(error)
    near, far = one + np.float32(size) * error, one + np.float32(size * times) * error
    assert similarity.spectral_convergence(one, near) < similarity.spectral_convergence(one, far)


@given(SEEDS)
def test_where_all_is_content_the_mae_is_a_distance(seed: int) -> None:
    one, other, third = spectra(seed, -40)
    assert similarity.mae_db(one, other) == similarity.mae_db(other, one)
    way_round = similarity.mae_db(one, third) + similarity.mae_db(third, other)
    assert similarity.mae_db(one, other) <= way_round + 1e-4


@given(SEEDS, st.floats(-100, 100))
def test_only_how_levels_differ_counts(seed: int, db: float) -> None:
    one, other, _ = spectra(seed)
    louder = similarity.mae_db(one + np.float32(db), other + np.float32(db))
    assert louder == pytest.approx(similarity.mae_db(one, other), abs=1e-3)
    pairs = (one, other), (one + np.float32(db), other + np.float32(db))
    result = [similarity.spectral_convergence(linear(a), linear(b)) for a, b in pairs]
    assert result[0] == pytest.approx(result[1], abs=1e-3)


@settings(max_examples=10)
@given(SEEDS, st.floats(-30, 0))
def test_the_log_spectral_distance_of_noises_is_a_distance(seed: int, db: float) -> None:
    # Noise is content in every frame, and no bin of it is 100 dB below its peak.
    one, other, third = (hiss((seed + k) % 2**32) for k in range(3))
    softer = np.float32(10 ** (db / 20)) * one
    distance = similarity.log_spectral_db
    assert distance(one, one) == 0 < distance(one, other)
    assert distance(one, other) == pytest.approx(distance(other, one), abs=1e-3)
    assert distance(one, other) <= distance(one, third) + distance(third, other) + 1e-3
    assert distance(one, softer) == pytest.approx(-db, abs=1e-2)


@settings(max_examples=5)
@given(SEEDS)
def test_more_noise_is_farther_in_every_spectral_measure(seed: int) -> None:
    sound = pluck()
    clean = R.magnitudes(sound)
    result = []
    for db in (-75, -60, -45, -30, -15, 0):
        noisy = with_noise(sound, db, seed)
        heard = R.magnitudes(noisy)
        result.append(
            (
                similarity.mae_db(R.decibels(clean), R.decibels(heard)),
                similarity.spectral_convergence(clean, heard),
                similarity.log_spectral_db(sound, noisy),
            )
        )
    assert (np.diff(result, axis=0) > 0).all(), result


def test_visqol_ranks_a_copy_over_noise() -> None:
    sound = pluck()
    noisy = sound + np.random.default_rng(0).normal(0, 0.1, len(sound)).astype(np.float32)
    same = similarity.visqol(sound, sound, R)
    assert same == pytest.approx(4.73, abs=0.01)
    assert similarity.visqol(sound, noisy, R) < same - 0.4


def test_visqol_of_whole_sounds_hears_how_they_begin() -> None:
    sound, rng = pluck(), np.random.default_rng(0)
    begins = np.arange(len(sound)) < 0.2 * R.sample_rate
    hissing = (sound + begins * rng.normal(0, 0.3, len(sound))).astype(np.float32)
    whole, late = (similarity.visqol(sound, hissing, R, whole=whole) for whole in (True, False))
    assert whole < similarity.EQUAL - 0.25
    # Given as they are, it hears little of that: its first patch begins 0.28 s into them.
    assert late > whole + 0.2


@pytest.mark.parametrize("seconds", [0.01, 0.3, 0.59, 0.61, 1.0, 3.0])
def test_visqol_hears_sounds_of_any_length(seconds: float) -> None:
    rng = np.random.default_rng(0)
    sound, other = rng.normal(0, 0.1, (2, int(seconds * R.sample_rate))).astype(np.float32)
    assert similarity.visqol(sound, sound, R) == pytest.approx(similarity.EQUAL, abs=1e-6)
    tone = np.sin(0.05 * np.arange(len(other))).astype(np.float32)
    assert similarity.visqol(sound, tone, R) < similarity.EQUAL - 0.1


def test_silence_is_nothing_like_a_sound_and_just_like_silence() -> None:
    sound = pluck()
    assert similarity.visqol(sound, 0 * sound, R) == similarity.visqol(0 * sound, sound, R) == 1
    assert similarity.visqol(0 * sound, 0 * sound, R) == similarity.EQUAL


@settings(max_examples=3)
@given(SEEDS)
@pytest.mark.parametrize("sound", [pluck(), hum()], ids=["pluck", "hum"])
def test_more_noise_never_has_a_better_visqol(sound: Floats, seed: int) -> None:
    # Only as far as it was fitted: a pluck with noise 10 dB below it has 4.3 again, and one with
    # noise 20 dB below it 2.9.
    result = [
        similarity.visqol(sound, with_noise(sound, db, seed), R) for db in (-80, -60, -40, -20)
    ]
    assert result == sorted(result, reverse=True)
    assert result[0] <= similarity.EQUAL + 1e-6 and result[-1] < similarity.EQUAL - 1


@settings(max_examples=4)
@given(st.floats(-60, 20), st.sampled_from([-1, 1]))
def test_visqol_hears_neither_gain_nor_polarity_of_the_other(db: float, sign: int) -> None:
    sound = pluck()
    other = with_noise(sound, -40, 0)
    turned = (sign * 10 ** (db / 20) * other).astype(np.float32)
    assert similarity.visqol(sound, turned, R) == pytest.approx(
        similarity.visqol(sound, other, R), abs=1e-6
    )


def test_visqol_of_whole_sounds_hears_neither_silence_after_them_nor_a_short_delay() -> None:
    sound = pluck()
    other = with_noise(sound, -40, 0)
    known = similarity.visqol(sound, other, R)
    longer = np.pad(other, (0, R.sample_rate))
    assert similarity.visqol(sound, longer, R) == pytest.approx(known, abs=1e-6)
    assert similarity.visqol(np.pad(sound, (0, 777)), other, R) == pytest.approx(known, abs=1e-6)
    late = np.pad(sound, (R.sample_rate // 100, 0))
    assert similarity.visqol(sound, late, R) == pytest.approx(similarity.EQUAL, abs=1e-3)
