from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from latentpad.models.audio import reading
from latentpad.models.audio.sound_file import read_sound_file
from latentpad.models.representation import Floats, Representation

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
    samples = reading.read_samples(path, R)
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
    late = reading.read_samples(path, R)
    soundfile.write(path, burst(rate, 0.5, level=level), rate, subtype="FLOAT")
    # The same but for where the rate's grid lies.
    usual = reading.read_samples(path, R)
    assert np.abs(np.abs(np.fft.rfft(late)) - np.abs(np.fft.rfft(usual))).max() < 20 * level
    assert np.argmax(np.abs(late) > 0.1 * level) == pytest.approx(165, abs=20)


def test_bytes_and_files_are_heard_alike(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", burst(44100, 0.2), 44100)
    from_file, seconds = reading.read_mono(tmp_path / "a.flac", R)
    from_bytes, same = reading.read_mono((tmp_path / "a.flac").read_bytes(), R)
    np.testing.assert_array_equal(from_file, from_bytes)
    assert seconds == same == pytest.approx(0.5)


def onset(sound: Floats, rate: int = 48000) -> float:
    """Where a file of these samples is first at a tenth of its peak, s after it begins."""
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format="WAV", subtype="FLOAT")
    samples, _ = reading.read_mono(file.getvalue(), R)
    return int(np.argmax(np.abs(samples) > 0.1 * np.abs(samples).max())) / R.sample_rate


def late(kind: str) -> Floats:
    """A burst after 0.3 s of something that nobody hears."""
    sound = burst(48000, 0.3).astype(np.float64)
    time = np.arange(len(sound)) / 48000
    before: dict[str, Any] = {
        "offset": 0.01,
        "negative offset": -0.01,
        "large offset": 0.2,
        "offset after 1 ms": 0.01 * (time > 0.001),
        "offset that comes up": 0.01 * np.clip(time / 0.01, 0, 1),
        "offset with noise": 0.01 + 3e-4 * np.random.default_rng(0).normal(size=len(time)),
        "offset that goes": 0.05 * np.exp(-time / 0.1),
        "drift": 0.02 - 0.05 * time,
        "rumble of 2 Hz": 0.1 * np.sin(2 * np.pi * 2 * time + 1),
        "rumble of 8 Hz": 0.02 * np.sin(2 * np.pi * 8 * time + 1),
    }
    return (sound + before[kind]).astype(np.float32)


@pytest.mark.parametrize(
    "kind",
    [
        "offset", "negative offset", "large offset", "offset after 1 ms", "offset that comes up",
        "offset with noise", "offset that goes", "drift", "rumble of 2 Hz", "rumble of 8 Hz",
    ],
)  # fmt: skip
def test_what_nobody_hears_is_no_beginning(kind: str) -> None:
    assert onset(late(kind)) == pytest.approx(0.010, abs=0.0015)


@pytest.mark.parametrize("silence", [0.02, 0.03, 0.05, 0.1, 5.0])
def test_an_offset_of_any_length_is_taken_away(silence: float) -> None:
    sound = burst(48000, silence)
    assert onset(sound + np.float32(0.01)) == pytest.approx(onset(sound), abs=0.0005)
    sides = np.stack([sound + np.float32(0.01), sound - np.float32(0.02)], axis=1)
    assert onset(sides) == pytest.approx(onset(sound), abs=0.0005)


@pytest.mark.parametrize("hertz", [30, 40, 60])
def test_a_low_tone_that_swells_is_heard_from_its_beginning(hertz: int) -> None:
    time = np.arange(48000) / 48000
    swell = (time * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
    quiet = np.zeros(4800, np.float32)
    begin = int(np.argmax(np.abs(swell) >= reading.THRESHOLD * np.abs(swell).max())) / 48000
    tenth = int(np.argmax(np.abs(swell) > 0.1 * np.abs(swell[:24000]).max())) / 48000
    heard = onset(np.concatenate([quiet, swell]))
    assert heard == pytest.approx(0.010 + tenth - begin, abs=0.02)


DATA = Path(__file__).parent / "unfinished"


@pytest.mark.parametrize(
    ("name", "frames", "seconds"),
    [
        ("pipe.flac", 13230, 0.3),  # no length
        ("pipe.wav", 13230, 0.3),  # a length of 0xFFFFFFFF
        ("pipe.caf", 13230, 0.3),  # a length of -1
        ("pipe.ogg", 13230, 0.3),
        ("pipe.opus", None, 0.3),
        ("pipe.mp3", None, 0.3),
        ("cut.flac", 9216, 9216 / 44100),
        ("cut.wav", 6000, 6000 / 44100),
        ("cut.caf", 6000, 6000 / 44100),
    ],
)
@pytest.mark.parametrize("whole", [False, True])
def test_a_file_without_its_length_gives_all_that_is_there(
    name: str, frames: int | None, seconds: float, whole: bool
) -> None:
    path = DATA / name
    found = read_sound_file(path.read_bytes() if whole else path, 60.0)
    if frames is not None:
        assert len(found.samples) == frames
    assert found.whole and found.seconds == pytest.approx(seconds, abs=0.06)
    time = np.arange(len(found.samples)) / found.rate
    if frames is not None:
        np.testing.assert_allclose(
            found.samples[:, 0], 0.3 * np.sin(2 * np.pi * 440 * time),
            atol=0.1 if name.endswith("ogg") else 2e-3,
        )  # fmt: skip
    assert reading.read_samples(path, R).max() > 0.1


def test_a_wav_whose_writer_was_killed_has_its_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, burst(16000, 0.0), 16000)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = bytes(4)
    path.write_bytes(data)
    assert reading.read_mono(path, R)[1] == pytest.approx(0.3)
    # Empty in truth: what comes after is no sound.
    path.write_bytes(bytes(data[: at + 4]) + b"LIST\x04\0\0\0INFO")
    with pytest.raises(reading.AudioError, match="holds no samples"):
        reading.read_samples(path, R)


@given(st.binary(max_size=200), st.sampled_from(["pipe.wav", "pipe.caf", "pipe.flac", "cut.caf"]))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_a_sound_or_are_not(data: bytes, name: str) -> None:
    whole = bytearray((DATA / name).read_bytes())
    whole[8 : 8 + len(data)] = data
    with contextlib.suppress(reading.Unreadable):
        assert np.isfinite(reading.read_mono(bytes(whole), R)[0]).all()


def stereo(kind: str) -> tuple[Floats, Floats]:
    """Two channels, and what must be heard of them, as magnitudes."""
    rate = np.arange(16000) / 16000
    low, high = np.sin(2 * np.pi * 200 * rate), np.sin(2 * np.pi * 2000 * rate)
    noise = np.random.default_rng(0).normal(size=(2, 16000)) / 4
    pairs = {
        "alike": ((low, low), low),
        "one silent": ((low, 0 * low), low / 2),
        "against each other": ((low, -low), low),
        "almost against each other": ((low, -0.8 * low), low),
        "the high against each other": ((low + high, low - high), low + high),
        "of nothing in common": ((noise[0], noise[1]), noise.mean(axis=0)),
    }
    sides, right = pairs[kind]
    return (0.3 * np.stack(sides, axis=1)).astype(np.float32), (0.3 * right).astype(np.float32)


@pytest.mark.parametrize(
    "kind",
    ["alike", "one silent", "against each other", "almost against each other",
     "the high against each other", "of nothing in common"],
)  # fmt: skip
def test_sides_that_cancel_are_not_mixed_away(kind: str) -> None:
    sides, right = stereo(kind)
    np.testing.assert_allclose(reading.downmix(sides), right, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 6, 8])
def test_channels_that_do_not_cancel_are_averaged_to_the_bit(count: int) -> None:
    noise = np.random.default_rng(1).normal(size=(30000, count)).astype(np.float32)
    for samples in (noise, np.repeat(noise[:, :1], count, axis=1), noise * (np.arange(count) == 0)):
        np.testing.assert_array_equal(reading.downmix(samples), samples.mean(axis=1))


def test_six_channels_of_which_two_cancel_are_heard() -> None:
    time = np.arange(16000) / 16000
    samples = np.zeros((16000, 6), np.float32)
    samples[:, 4] = 0.3 * np.sin(2 * np.pi * 300 * time)
    samples[:, 5] = -samples[:, 4]
    np.testing.assert_array_equal(reading.downmix(samples), samples[:, 4])


@pytest.mark.parametrize(
    "kind", ["alike", "one silent", "against each other", "of nothing in common"]
)
@pytest.mark.parametrize("rate", [16000, 44100])
def test_a_wide_sound_has_its_own_sides_and_is_as_loud(kind: str, rate: int) -> None:
    sides, _ = stereo(kind)
    file = io.BytesIO()
    soundfile.write(file, np.pad(sides, ((3000, 0), (0, 0))), rate, format="WAV", subtype="FLOAT")
    found = reading.read_stereo(file.getvalue(), R)
    mono, _ = reading.read_mono(file.getvalue(), R)
    np.testing.assert_array_equal(found.mono, mono)
    assert found.sides.shape == (R.samples, 2)
    power = np.square(found.sides, dtype=np.float64).mean()
    assert power == pytest.approx(np.square(mono, dtype=np.float64).mean(), rel=1e-4)
    left, right = found.sides.T
    if kind == "alike":
        np.testing.assert_array_equal(left, mono)
        np.testing.assert_array_equal(right, mono)
    elif kind == "one silent":
        assert not right.any() and left.any()
    elif kind == "against each other":
        np.testing.assert_allclose(left, -right, atol=1e-6)
    else:
        assert abs(np.corrcoef(left, right)[0, 1]) < 0.1


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_one_channel_or_more_than_two_have_sides_alike(channels: int) -> None:
    file = io.BytesIO()
    noise = 0.1 * np.random.default_rng(0).normal(size=(9000, channels))
    soundfile.write(file, noise, 16000, format="WAV")
    found = reading.read_stereo(file.getvalue(), R)
    np.testing.assert_array_equal(found.sides, np.stack([found.mono, found.mono], axis=1))


def test_only_the_first_minute_is_listened_to(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", burst(8000, 61), 8000)
    with pytest.raises(reading.AudioError, match=r"a\.wav: is silent in its first minute"):
        reading.read_samples(tmp_path / "a.wav", R)


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_a_sound_of_some_samples_is_a_sound(tmp_path: Path, samples: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(samples, 0.5), 44100)
    heard = reading.read_samples(tmp_path / "a.wav", R)
    assert heard.shape == (R.samples,)
    assert np.isfinite(heard).all()


@pytest.mark.parametrize("samples", [0, 10, 200])
def test_fitted_cuts_or_adds_silence(samples: int) -> None:
    result = reading.fit_length(np.ones(samples, np.float32), 100)
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
        with pytest.raises(reading.AudioError, match=rf"{name}\.wav: .*{reason}"):
            reading.read_samples(tmp_path / f"{name}.wav", R)
