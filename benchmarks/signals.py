"""Four generated sounds that are difficult for phase methods: for tests, benchmarks and docs.

Each is (samples,) float32 with a peak of at most 1, the same at every call.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def steps(rate: int = 48000, seconds: float = 1.0) -> Floats:
    """Three footsteps: a burst of noise and a low thud each, from silence to full at once."""
    rng = np.random.default_rng(0)
    sound = np.zeros(round(rate * seconds))
    time = np.arange(round(0.15 * rate)) / rate
    for start in (0.1, 0.4, 0.7):
        grain = np.convolve(rng.normal(size=len(time)) * np.exp(-time / 0.02), np.ones(6) / 6)
        thud = 0.8 * np.sin(2 * np.pi * 90 * time) * np.exp(-time / 0.03)
        step = grain[: len(time)] + thud
        start_sample = round(start * rate)
        target = sound[start_sample : start_sample + len(step)]
        target += step[: len(target)]
    return _full(sound)


def pluck(rate: int = 48000, seconds: float = 1.0, pitch: float = 220.0) -> Floats:
    """A plucked string (Karplus & Strong, 1983) after 50 ms of silence."""
    string = np.random.default_rng(0).uniform(-1, 1, round(rate / pitch))
    string -= string.mean()
    sound = np.zeros(round(rate * seconds))
    start_sample = round(0.05 * rate)
    while start_sample < len(sound):
        target = sound[start_sample : start_sample + len(string)]
        target[:] = string[: len(target)]
        start_sample += len(string)
        string = 0.996 * 0.5 * (string + np.roll(string, -1))
    return _full(sound)


def vibrato(rate: int = 48000, seconds: float = 1.0, pitch: float = 440.0) -> Floats:
    """Eight harmonics that swing by half a semitone, 5.5 times a second."""
    time = np.arange(round(rate * seconds)) / rate
    frequency = pitch * 2 ** (0.5 / 12 * np.sin(2 * np.pi * 5.5 * time))
    angle = 2 * np.pi * np.cumsum(frequency) / rate
    harmonics = [np.sin(k * angle) / k for k in range(1, 9)]
    return _full(np.sum(harmonics, axis=0))


def noise(rate: int = 48000, seconds: float = 1.0) -> Floats:
    """White noise."""
    return _full(np.random.default_rng(0).normal(size=round(rate * seconds)))


def tone(frequency: float, rate: int = 48000, seconds: float = 1.0, level: float = 0.5) -> Floats:
    """A sine, from sample 0 to the last."""
    time = np.arange(round(rate * seconds)) / rate
    return (level * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def _full(sound: NDArray[np.float64]) -> Floats:
    return (sound / np.abs(sound).max()).astype(np.float32)


SOUNDS: dict[str, Callable[[], Floats]] = {
    "steps": steps,
    "pluck": pluck,
    "vibrato": vibrato,
    "noise": noise,
}
