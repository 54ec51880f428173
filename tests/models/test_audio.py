from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from models import audio
from models.representation import Representation


def test_stereo_of_another_rate_becomes_mono_at_the_same_level(tmp_path: Path) -> None:
    time = np.arange(44100) / 44100
    left = 0.5 * np.sin(2 * np.pi * 440 * time)
    soundfile.write(tmp_path / "a.wav", np.stack([left, left], axis=1), 44100, subtype="FLOAT")
    samples = audio.load(tmp_path / "a.wav", 48000)
    assert samples.dtype == np.float32
    assert samples.shape == (48000,)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)
    np.testing.assert_allclose(samples[1000:-1000], expected[1000:-1000], atol=1e-3)


@pytest.mark.parametrize("samples", [0, 10, 200])
def test_fitted_cuts_or_adds_silence(samples: int) -> None:
    result = audio.fitted(np.ones(samples, np.float32), 100)
    assert result.shape == (100,)
    assert result.sum() == min(samples, 100)


def test_sound_has_the_length_of_the_spectrogram(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", np.zeros(1000), 22050)
    r = Representation(frames=20)
    assert audio.sound(tmp_path / "a.flac", r).shape == (20 * 256,)


def test_a_file_that_is_no_audio_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("hello")
    with pytest.raises(audio.AudioError, match=r"bad\.wav: not readable as audio"):
        audio.load(tmp_path / "bad.wav", 48000)
    with pytest.raises(audio.AudioError, match=r"gone\.wav"):
        audio.load(tmp_path / "gone.wav", 48000)


def test_samples_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 48000, subtype="FLOAT")
    with pytest.raises(audio.AudioError, match="not numbers"):
        audio.load(tmp_path / "nan.wav", 48000)
