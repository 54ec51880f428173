from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from models import audio
from models.representation import Floats, Representation

R = Representation(sample_rate=16000, n_fft=256, hop=128, frames=64)


def burst(rate: int, silence: float, seconds: float = 0.3, level: float = 0.5) -> Floats:
    """A tone of 440 Hz after `silence` seconds of nothing."""
    time = np.arange(int(seconds * rate)) / rate
    tone = level * np.sin(2 * np.pi * 440 * time)
    return np.concatenate([np.zeros(round(silence * rate)), tone]).astype(np.float32)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff"])
@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (48000, 6)])
def test_every_format_rate_and_channels_give_the_same_sound(
    tmp_path: Path, suffix: str, rate: int, channels: int
) -> None:
    lossy = suffix in ("ogg", "mp3")
    if lossy:  # six are surround there, and not alike
        channels = min(channels, 2)
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.repeat(burst(rate, 0.7)[:, None], channels, axis=1), rate)
    samples = audio.sound(path, R)
    assert samples.dtype == np.float32
    assert samples.shape == (R.samples,)
    # The level is kept, and 10 ms before the onset; lossy formats smear it by some ms.
    within = samples[800:4000]
    assert np.sqrt(np.mean(within**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
    first = int(np.argmax(np.abs(samples) > 0.05)) / 16000
    assert first == pytest.approx(0.010, abs=0.035 if lossy else 0.0015)


@given(silence=st.floats(0.02, 3), level=st.floats(0.001, 0.9), rate=st.integers(8000, 96000))
@settings(max_examples=25)
def test_silence_before_a_sound_changes_nothing_but_its_place(
    tmp_path_factory: pytest.TempPathFactory, silence: float, level: float, rate: int
) -> None:
    path = tmp_path_factory.mktemp("a") / "a.wav"
    soundfile.write(path, burst(rate, silence, level=level), rate, subtype="FLOAT")
    late = audio.sound(path, R)
    soundfile.write(path, burst(rate, 0.5, level=level), rate, subtype="FLOAT")
    # The same but for where the rate's grid lies.
    usual = audio.sound(path, R)
    assert np.abs(np.abs(np.fft.rfft(late)) - np.abs(np.fft.rfft(usual))).max() < 20 * level
    assert np.argmax(np.abs(late) > 0.1 * level) == pytest.approx(165, abs=20)


def test_bytes_and_files_are_heard_alike(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", burst(44100, 0.2), 44100)
    from_file, seconds = audio.heard(tmp_path / "a.flac", R)
    from_bytes, same = audio.heard((tmp_path / "a.flac").read_bytes(), R)
    np.testing.assert_array_equal(from_file, from_bytes)
    assert seconds == same == pytest.approx(0.5)


def test_only_the_first_minute_is_listened_to(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", burst(8000, 61), 8000)
    with pytest.raises(audio.AudioError, match=r"a\.wav: is silent in its first minute"):
        audio.sound(tmp_path / "a.wav", R)


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_a_sound_of_some_samples_is_a_sound(tmp_path: Path, samples: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(samples, 0.5), 44100)
    heard = audio.sound(tmp_path / "a.wav", R)
    assert heard.shape == (R.samples,)
    assert np.isfinite(heard).all()


@pytest.mark.parametrize("samples", [0, 10, 200])
def test_fitted_cuts_or_adds_silence(samples: int) -> None:
    result = audio.fitted(np.ones(samples, np.float32), 100)
    assert result.shape == (100,)
    assert result.sum() == min(samples, 100)


def test_what_is_no_sound_is_named_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("hello")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 48000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(1000), 48000)
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 48000, subtype="FLOAT")
    for name, reason in (
        ("bad", "not readable as audio"),
        ("gone", "is no file"),
        ("empty", "holds no samples"),
        ("silent", "is silent"),
        ("nan", "not numbers"),
    ):
        with pytest.raises(audio.AudioError, match=rf"{name}\.wav: .*{reason}"):
            audio.sound(tmp_path / f"{name}.wav", R)
