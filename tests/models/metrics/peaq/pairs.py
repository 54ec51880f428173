"""Ten pairs of three seconds at 48 kHz, the same at every call, that PEAQ was published for.

tests/reference/peaq_pairs.json has the SHA-256 of their samples of 16 bits, and peaq.json what
P. Kabal's PQevalAudio (AFsp) says of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]
Pair = tuple[Sound, Sound]

RATE = 48000
LENGTH = 3 * RATE
TIME = np.arange(LENGTH) / RATE


def of_16_bits(sound: Sound) -> NDArray[np.int16]:
    """Full scale 1 to samples as they are in a file."""
    return np.clip(np.round(sound * 32767.0), -32768, 32767).astype("<i2")


def from_16_bits(sound: NDArray[np.int16]) -> Sound:
    return sound / 32768.0


def half_scale(sound: Sound) -> Sound:
    return np.asarray(0.5 * sound / np.max(np.abs(sound)))


def vibrato() -> Sound:
    """Sixty harmonics of 330 Hz that swing 5.5 times a second."""
    rng = np.random.default_rng(3)
    angle = 2 * np.pi * 330.0 * TIME + (330.0 * 0.012 / 5.5) * np.sin(2 * np.pi * 5.5 * TIME)
    sound = np.zeros(LENGTH)
    for harmonic in range(1, 61):
        sound += np.sin(harmonic * angle + rng.uniform(0, 2 * np.pi)) / harmonic
    fade_in, fade_out = np.minimum(1, TIME / 0.05), np.minimum(1, (3.0 - TIME) / 0.1)
    return half_scale(sound * fade_in * fade_out)


def plucks() -> Sound:
    """A string plucked four times at four pitches (Karplus & Strong, 1983)."""
    rng = np.random.default_rng(2)
    length = 36000
    notes = []
    for pitch in (196.0, 247.0, 294.0, 392.0):
        period = round(RATE / pitch - 0.5)
        string = rng.uniform(-1, 1, period)
        passes = []
        for _ in range(-(-length // period)):
            passes.append(string)
            following = np.empty_like(string)
            following[:-1] = 0.996 * 0.5 * (string[:-1] + string[1:])
            # The last one's neighbour is the first, which has moved on already.
            following[-1] = 0.996 * 0.5 * (string[-1] + following[0])
            string = following
        notes.append(np.concatenate(passes)[:length])
    return half_scale(np.concatenate(notes))


def steps() -> Sound:
    """Six footsteps, each a burst of noise and a thud of 90 Hz, with digital silence between."""
    rng = np.random.default_rng(1)
    sound = np.zeros(LENGTH)
    length = 12000
    time = np.arange(length) / RATE
    for step in range(6):
        start = 4800 + step * 22000
        burst = rng.standard_normal(length) * np.exp(-60 * time)
        dull = np.convolve(burst, 0.25 * 0.75 ** np.arange(64))[:length]
        thud = 0.5 * np.sin(2 * np.pi * 90 * time) * np.exp(-35 * time)
        sound[start : start + length] += dull + thud
    return half_scale(sound)


def pink() -> Sound:
    """Noise that falls by 3 dB an octave."""
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(LENGTH))
    frequency = np.fft.rfftfreq(LENGTH, 1 / RATE)
    frequency[0] = frequency[1]
    return half_scale(np.fft.irfft(spectrum / np.sqrt(frequency), LENGTH))


def low_passed(sound: Sound, hz: float, taps: int = 511) -> Sound:
    """Linear phase, without delay."""
    offset = np.arange(taps) - (taps - 1) / 2
    response = 2 * hz / RATE * np.sinc(2 * hz / RATE * offset) * np.hanning(taps)
    delay = (taps - 1) // 2
    return np.convolve(sound, response)[delay : delay + len(sound)]


def noisy(sound: Sound, db: float, seed: int) -> Sound:
    """With white noise `db` above the sound's root mean square."""
    noise = np.random.default_rng(seed).standard_normal(len(sound))
    return np.asarray(sound + noise * np.sqrt(np.mean(sound**2)) * 10 ** (db / 20))


def phases_lost(sound: Sound, seed: int, frame: int = 1024, hop: int = 256) -> Sound:
    """The magnitudes of its frames with up to a radian added to their phases."""
    rng = np.random.default_rng(seed)
    window = np.hanning(frame + 1)[:frame]
    padded = np.pad(sound, (frame, frame))
    added, weight = np.zeros(len(padded)), np.zeros(len(padded))
    for start in range(0, len(padded) - frame + 1, hop):
        here = slice(start, start + frame)
        spectrum = np.fft.rfft(padded[here] * window)
        spectrum = spectrum * np.exp(1j * rng.uniform(-1.0, 1.0, len(spectrum)))
        added[here] += np.fft.irfft(spectrum, frame) * window
        weight[here] += window * window
    return np.asarray((added / np.maximum(weight, 1e-3))[frame : frame + len(sound)])


def pairs() -> dict[str, tuple[NDArray[np.int16], NDArray[np.int16]]]:
    """Name to reference and other, as samples of 16 bits, (n,) or (n, 2)."""
    voice, string, walk, noise = vibrato(), plucks(), steps(), pink()
    both = np.stack([voice, string], axis=1)
    hiss: Any = np.random.default_rng(14).standard_normal(LENGTH) * np.sqrt(np.mean(string**2))
    hissing = both.copy()
    hissing[:, 1] += hiss * 10 ** (-40 / 20)
    early = np.concatenate([walk[480:], np.zeros(480)])
    made: dict[str, Pair] = {
        "p01_vib_identity": (voice, voice),
        "p02_vib_noise-60dB": (voice, noisy(voice, -60, 11)),
        "p03_vib_noise-30dB": (voice, noisy(voice, -30, 12)),
        "p04_pluck_lp7k": (string, low_passed(string, 7000.0)),
        "p05_steps_8bit": (walk, np.round(walk * 127) / 127),
        "p06_pluck_randphase": (string, phases_lost(string, 13)),
        "p07_vib_clip0.25": (voice, np.clip(voice, -0.25, 0.25)),
        "p08_steps_preecho10ms": (walk, walk + 0.3 * early),
        "p09_pink_clip0.2": (noise, np.clip(noise, -0.2, 0.2)),
        "p10_stereo_vibL_pluckR_noiseR-40dB": (both, hissing),
    }
    return {name: (of_16_bits(one), of_16_bits(two)) for name, (one, two) in made.items()}
