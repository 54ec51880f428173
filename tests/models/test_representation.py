from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentpad.models.representation import (
    GAMMA,
    Floats,
    Representation,
    content_end,
    decisive,
    frame_levels,
    levels,
    loudness,
    onset,
    outline,
    window,
)

USUAL = Representation()


def sine(hertz: float, level: float = 1.0, samples: int = 48128) -> Floats:
    return (level * np.sin(2 * np.pi * hertz * np.arange(samples) / 48000)).astype(np.float32)


def in_db(audio: Floats, representation: Representation = USUAL) -> Floats:
    return representation.decibels(representation.magnitudes(audio))


def burst(start: int, length: int = 6000, seed: int = 0) -> Floats:
    audio = np.zeros(48128, np.float32)
    audio[start : start + length] = np.random.default_rng(seed).normal(0, 0.1, length)
    return audio


@pytest.mark.parametrize("name", sorted(GAMMA))
def test_windows_are_periodic_and_peak_at_the_middle(name: str) -> None:
    shape = window(name, 1024)
    assert shape.dtype == np.float64
    assert shape[512] == pytest.approx(1)
    np.testing.assert_allclose(shape[1:], shape[:0:-1], atol=1e-12)


def test_gauss_falls_to_one_percent_at_the_edge() -> None:
    assert window("gauss", 1024)[0] == pytest.approx(0.01, rel=1e-4)


def test_unknown_window_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'hamming'.*blackman, gauss, hann"):
        window("hamming", 1024)


@pytest.mark.parametrize("name", sorted(GAMMA))
@pytest.mark.parametrize("n_fft", [512, 1024])
def test_full_scale_sine_has_magnitude_one(name: str, n_fft: int) -> None:
    r = Representation(n_fft=n_fft, window=name)
    magnitudes = r.magnitudes(sine(48000 / 512 * 20))
    assert magnitudes.shape == (188, r.bins)
    assert magnitudes.dtype == np.float32
    np.testing.assert_allclose(magnitudes[10:180].max(axis=1), 1, atol=1e-3)


def test_frame_is_centred_on_its_hop() -> None:
    click = np.zeros(48000, np.float32)
    click[40 * 256] = 1
    levels = USUAL.magnitudes(click).sum(axis=1)
    assert levels.argmax() == 40
    assert levels[39] == pytest.approx(levels[41], rel=1e-4)
    assert not levels[:38].any()


@pytest.mark.parametrize("samples", [0, 1, 700, 48128, 100000])
def test_any_length_of_audio_gives_the_same_shape(samples: int) -> None:
    assert USUAL.magnitudes(np.ones(samples, np.float32)).shape == (188, 513)


@given(st.floats(1e-4, 1), st.floats(100, 20000))
@settings(max_examples=20)
def test_decibels_do_not_depend_on_gain(gain: float, hertz: float) -> None:
    loud = in_db(sine(hertz))
    assert loud.max() == 0
    assert loud.min() >= -90
    np.testing.assert_allclose(in_db(sine(hertz, gain)), loud, atol=0.01)


def test_silence_lies_on_the_floor() -> None:
    assert (in_db(np.zeros(48000, np.float32)) == -90).all()


@given(st.floats(-90, 0, width=32), st.sampled_from([40.0, 90.0, 100.0]))
def test_unscaled_undoes_scaled(level: float, range_db: float) -> None:
    r = Representation(range_db=range_db)
    frames = np.full((2, 3), max(level, -range_db), np.float32)
    scaled = r.scaled(frames)
    assert (scaled >= 0).all()
    assert (scaled <= 1).all()
    np.testing.assert_allclose(r.unscaled(scaled), frames, atol=1e-4)


@pytest.mark.parametrize("name", sorted(GAMMA))
def test_full_scale_kilohertz_is_zero_db_loud(name: str) -> None:
    r = Representation(window=name)
    assert loudness(in_db(sine(984.375), r), r) == pytest.approx(0, abs=0.2)


def test_loudness_follows_level_and_the_ear() -> None:
    magnitudes = USUAL.magnitudes(sine(984.375, 0.1))
    absolute = 20 * np.log10(np.maximum(magnitudes, 1e-7))
    assert loudness(absolute, USUAL) == pytest.approx(-20, abs=0.3)
    assert loudness(in_db(sine(468.75)), USUAL) == pytest.approx(-3.6, abs=0.7)


def test_bass_counts_by_ten_decibels_less_at_most() -> None:
    """A stomp is not raised until its bass is over full scale."""
    for frequency in (46.875, 93.75):
        assert loudness(in_db(sine(frequency)), USUAL) == pytest.approx(-10, abs=1)


def test_loudness_is_of_the_loudest_moment() -> None:
    short, long = in_db(burst(3000, 4000)), in_db(burst(3000, 40000))
    assert loudness(short, USUAL) == pytest.approx(loudness(long, USUAL), abs=1.5)


def test_loudness_of_a_sound_shorter_than_its_moment() -> None:
    r = Representation(frames=3)
    assert np.isfinite(loudness(in_db(sine(1000, samples=768), r), r))


@given(st.integers(480, 30000), st.integers(0, 100))
@settings(max_examples=30)
def test_onset_is_just_before_a_burst(start: int, seed: int) -> None:
    early = start - 256 * onset(in_db(burst(start, seed=seed)), USUAL)
    assert -48 <= early <= 300  # samples: a millisecond late, six early


@given(st.integers(480, 30000))
@settings(max_examples=20)
def test_onset_is_just_before_a_click(start: int) -> None:
    click = np.zeros(48128, np.float32)
    click[start] = 1
    assert 0 <= start - 256 * onset(in_db(click), USUAL) <= 300


def test_onset_is_found_through_a_quiet_noise_floor() -> None:
    audio = burst(9600) + np.random.default_rng(1).normal(0, 1e-4, 48128).astype(np.float32)
    assert 256 * onset(in_db(audio), USUAL) == pytest.approx(9600, abs=300)


def test_onset_and_end_of_silence_are_the_whole_sound() -> None:
    silence = in_db(np.zeros(48000, np.float32))
    assert onset(silence, USUAL) == 0
    assert content_end(silence, USUAL) == 188


@given(st.integers(1000, 20000), st.integers(2000, 20000))
@settings(max_examples=20)
def test_content_ends_where_the_sound_does(start: int, length: int) -> None:
    end = 256 * content_end(in_db(burst(start, length)), USUAL)
    assert start + length <= end <= start + length + 512 + 256


def test_content_of_a_sound_that_never_ends_is_all_of_it() -> None:
    assert content_end(in_db(sine(1000)), USUAL) == 188


def test_frame_levels_add_the_bins() -> None:
    assert frame_levels(np.zeros((2, 10), np.float32)) == pytest.approx([10, 10])


@pytest.mark.parametrize("start", [0, 100, 5000, 30000, 42000])
def test_frames_that_do_not_decide_loudness_or_onset_may_be_any_softer(start: int) -> None:
    sound = in_db(burst(start))
    loudest, rise = decisive(levels(sound, USUAL), USUAL)
    kept = outline(sound, USUAL)
    for part, field in ((loudest, "loudness"), (rise, "onset")):
        others = [f for f in range(len(sound)) if f not in {*part, *loudest}]
        softer = sound.copy()
        softer[others] = np.maximum(softer[others] - 20, -USUAL.range_db)
        assert getattr(outline(softer, USUAL), field) == pytest.approx(getattr(kept, field))


def test_a_decoded_frame_is_decibels_and_then_the_texture() -> None:
    r = Representation(n_fft=64, hop=16, frames=5, texture_bands=24)
    assert (r.bins, r.columns) == (33, 57)
    output = np.random.default_rng(0).uniform(size=(5, 57)).astype(np.float32)
    decoded = r.decoded(output)
    np.testing.assert_array_equal(r.spectrum(decoded), r.unscaled(output[:, :33]))
    np.testing.assert_array_equal(decoded[:, 33:], output[:, 33:])
    plain = r.untextured(r.spectrum(decoded))
    np.testing.assert_array_equal(r.spectrum(plain), r.spectrum(decoded))
    assert plain.shape == (5, 57) and not plain[:, 33:].any()
    without = replace(r, texture_bands=0)
    np.testing.assert_array_equal(without.decoded(output[:, :33]), r.spectrum(decoded))
    assert without.columns == 33
