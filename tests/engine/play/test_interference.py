"""The level of an evened loop as heard: frames that overlap interfere, and may not be heard to."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from latentpad.benchmarks.signals import noise, tone
from latentpad.engine.play.interference import MOST_DB
from latentpad.models.metrics import detail
from tests.engine.stage import FINE, Stage, clicks, rms_db

Floats = NDArray[np.float32]
RATE = FINE.sample_rate


def rumble(low: float = 200.0, high: float = 215.0) -> Floats:
    """Noise of a narrow band: its partials add up and cancel."""
    spectrum = np.fft.rfft(noise(RATE, FINE.seconds))
    frequency = np.fft.rfftfreq(FINE.samples, 1 / RATE)
    spectrum[(frequency < low) | (frequency > high)] = 0
    narrow = np.fft.irfft(spectrum, FINE.samples)
    return np.asarray(0.3 * narrow / np.abs(narrow).max(), np.float32)


def loop(sound: Floats, even: float, texture: float = 0.0) -> Floats:
    """A loop of a sound, after its beginning."""
    stage = Stage()
    stage.set("/loop/even", even)
    stage.set("/texture", texture)
    stage.put(0, sound, onset=20, end=160)
    stage.start(0)
    stage.play(0.3)
    return stage.mono(6.0)


def swing(samples: Floats) -> float:
    return detail.evenness(samples, RATE)[0]


@pytest.mark.parametrize("texture", [0.0, 0.5, 1.0])
def test_a_loop_of_a_narrow_band_of_noise_keeps_its_level(texture: float) -> None:
    assert swing(loop(rumble(), 0, texture)) > 8
    assert swing(loop(rumble(), 1, texture)) < 4


def test_it_is_as_loud_as_without() -> None:
    heard = [rms_db(loop(rumble(), even, texture=1)) for even in (0, 1)]
    assert heard[1] == pytest.approx(heard[0], abs=1)


@pytest.mark.parametrize("frequency", [80.0, 110.0, 440.0])
def test_a_bass_tone_keeps_its_waveform(frequency: float) -> None:
    """A gain that followed the waveform would put a third harmonic beside the tone."""
    heard = loop(tone(frequency, RATE, FINE.seconds), 1)
    spectrum = np.abs(np.fft.rfft(heard * np.blackman(len(heard))))
    width, bin_hz = 12, RATE / len(heard)

    def peak(hz: float) -> float:
        middle = round(hz / bin_hz)
        return float(spectrum[middle - width : middle + width + 1].max())

    assert peak(3 * frequency) < 0.005 * peak(frequency)


def test_an_even_loop_begins_without_a_click_and_ends_in_silence() -> None:
    stage = Stage()
    stage.set("/loop/even", 1)
    stage.set("/attack", 0.05)
    stage.put(0, rumble(), onset=60, end=120)
    serial = stage.start(0)
    beginning = stage.mono(0.2)
    later = stage.mono(1.0)
    assert np.abs(beginning).max() < 2 * np.abs(later).max()
    assert clicks(beginning).max() < 3 * clicks(later).max()
    stage.release(0, serial)
    stage.play(2.0)
    assert np.abs(stage.play(0.1)).max() < 1e-9


def test_the_evening_is_forgotten_when_the_row_is_turned_off() -> None:
    """A drone that was evened and no longer is sounds as one that never was, some frames later."""
    heard = []
    for first in (0, 1):
        stage = Stage()
        stage.set("/loop/even", first)
        stage.put(0, tone(440, RATE, FINE.seconds), onset=60, end=120)
        stage.start(0)
        stage.play(0.3)
        stage.set("/loop/even", 0)
        stage.play(0.5)
        heard.append(stage.mono(0.5))
    assert rms_db(heard[1]) == pytest.approx(rms_db(heard[0]), abs=0.1)


def test_what_two_tones_cancel_is_not_raised_without_bound() -> None:
    """Two tones of one level, 3 Hz apart, are silent three times a second."""
    sound = np.asarray(
        0.5 * (tone(400, RATE, FINE.seconds) + tone(403, RATE, FINE.seconds)), np.float32
    )
    stage = Stage()
    stage.set("/loop/even", 1)
    stage.put(0, sound, onset=4, end=180)
    stage.start(0)
    stage.play(0.2)
    heard = stage.mono(2.0)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() < 10 ** (MOST_DB / 20) * np.abs(sound).max()
