"""Griffin-Lim over a whole sound: what is computed in blocks is what the papers say."""

from __future__ import annotations

import numpy as np
import pytest

from latentpad.benchmarks.phase import FINE, convergence
from latentpad.benchmarks.signals import Floats, noise, pluck, tone
from latentpad.models.audio.griffinlim import griffinlim, overlap_add, stft
from latentpad.models.representation import window
from tests.models.numpy_griffinlim import waveform


@pytest.fixture(scope="module")
def magnitudes() -> Floats:
    return FINE.magnitudes(pluck())


def test_a_transform_and_back_is_the_sound() -> None:
    hop, n_fft = 64, 512
    w = window("gauss", n_fft).astype(np.float32)
    sound = noise()[: 40 * hop + n_fft]
    norm = np.zeros(len(sound), np.float32)
    for at in range(0, len(sound) - n_fft + 1, hop):
        norm[at : at + n_fft] += w**2
    spectrum = stft(sound, hop, w)
    frames = np.lib.stride_tricks.sliding_window_view(sound, n_fft)[::hop] * w
    np.testing.assert_allclose(spectrum, np.fft.rfft(frames), atol=1e-3)
    hops = np.zeros((len(sound) // hop, hop), np.float32)
    overlap_add(spectrum, w, hops)
    np.testing.assert_allclose(hops.reshape(-1) / norm, sound, atol=1e-4)


def test_more_iterations_and_momentum_come_nearer(magnitudes: Floats) -> None:
    few, many, fast = (
        convergence(
            magnitudes,
            griffinlim(magnitudes, FINE.hop, FINE.window, iterations=n, momentum=momentum),
        )
        for n, momentum in ((4, 0.0), (32, 0.0), (32, 0.99))
    )
    assert fast < many - 3 < few - 6


def test_the_same_seed_gives_the_same_samples(magnitudes: Floats) -> None:
    one, same, other = (
        griffinlim(magnitudes, FINE.hop, FINE.window, iterations=4, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-3


def test_it_comes_as_near_as_one_written_frame_by_frame(magnitudes: Floats) -> None:
    """They start from other phases, so only what they reach can be compared."""
    ours = griffinlim(magnitudes, FINE.hop, FINE.window)
    theirs = waveform(magnitudes, FINE)
    assert convergence(magnitudes, ours) == pytest.approx(convergence(magnitudes, theirs), abs=1.5)


def test_a_tone_has_its_length_its_level_and_its_place() -> None:
    sound = tone(1000)
    sound[:12000] = 0
    m = FINE.magnitudes(sound)
    made = griffinlim(m, FINE.hop, FINE.window)
    assert made.shape == (FINE.samples,) and made.dtype == np.float32
    np.testing.assert_allclose(
        np.sqrt(np.mean(made[20000:40000] ** 2)), 0.5 / np.sqrt(2), rtol=0.05
    )
    assert np.abs(made[:11500]).max() < 0.05


def test_silence_stays_silent() -> None:
    made = griffinlim(np.zeros((16, 513), np.float32), 128, "gauss", iterations=4)
    assert np.isfinite(made).all() and np.abs(made).max() < 1e-6


@pytest.mark.parametrize("block", [1, 7, 96])
def test_the_sound_does_not_depend_on_how_many_frames_are_taken_at_a_time(
    block: int, magnitudes: Floats, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sound() -> Floats:
        return griffinlim(magnitudes[:50], FINE.hop, FINE.window, iterations=3)

    monkeypatch.setattr("latentpad.models.audio.griffinlim.BLOCK", 50)
    at_once = sound()
    monkeypatch.setattr("latentpad.models.audio.griffinlim.BLOCK", block)
    np.testing.assert_allclose(sound(), at_once, atol=1e-4)


def test_one_frame_is_a_sound() -> None:
    made = griffinlim(np.ones((1, 33), np.float32), 8, "hann", iterations=2)
    assert made.shape == (8,) and np.isfinite(made).all()
