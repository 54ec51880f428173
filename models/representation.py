"""A sound as frames of magnitudes in dB: what the model learns and the voices play."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: C in gamma = C * L**2 for a window of length L: the width of the Gaussian whose phase
#: gradients are nearest to the window's (Prusa & Sondergaard, PGHI, 2017).
GAMMA: dict[str, float] = {"gauss": 0.170547, "hann": 0.25645, "blackman": 0.17954}

BASS_DB, BASS_HZ = -10.0, 1000.0  # the least weight in a loudness, and below which frequency
FLOOR = 1e-10  # a magnitude below any recording's noise: keeps log10 finite


def window(name: str, n: int) -> NDArray[np.float64]:
    """A periodic analysis window of `n` samples, float64, peak 1 at sample n // 2.

    "gauss" is the truncated Gaussian exp(-pi l^2 / gamma) that has fallen to 1 % at its edge.
    Raises ValueError for any other name than those of `GAMMA`.
    """
    if name not in GAMMA:
        raise ValueError(f"unknown window {name!r}: choose one of {', '.join(sorted(GAMMA))}")
    if name == "gauss":
        position = np.arange(n) - n // 2
        return np.exp(-np.pi * position**2 / (GAMMA["gauss"] * n**2))
    angle = 2 * np.pi * np.arange(n) / n
    if name == "hann":
        return 0.5 - 0.5 * np.cos(angle)
    return 0.42 - 0.5 * np.cos(angle) + 0.08 * np.cos(2 * angle)


@dataclass(frozen=True)
class Representation:
    """How a sound becomes a (frames, bins) spectrogram, and how its dB map to 0...1.

    Frame f is centred on sample f * hop. Immutable, so any thread may use it.
    """

    sample_rate: int = 48000
    n_fft: int = 1024
    hop: int = 256
    window: str = "gauss"
    frames: int = 188
    range_db: float = 90.0
    texture_bands: int = 0  # columns of a decoded frame after the bins, see `columns`

    @property
    def bins(self) -> int:
        return self.n_fft // 2 + 1

    @property
    def columns(self) -> int:
        """Of a decoded frame: dB in each bin, then how noise-like each band is, 0...1."""
        return self.bins + self.texture_bands

    @property
    def seconds(self) -> float:
        return self.frames * self.hop / self.sample_rate

    @property
    def samples(self) -> int:
        """Length of the audio that the frames stand for."""
        return self.frames * self.hop

    def magnitudes(self, audio: Floats) -> Floats:
        """(n,) mono samples to (frames, bins) linear magnitudes; a full-scale sine gives 1.

        Audio beyond the last frame is ignored; short audio is followed by silence.
        """
        half = self.n_fft // 2
        padded = np.zeros(half + (self.frames - 1) * self.hop + half, np.float32)
        heard = audio[: len(padded) - half]
        padded[half : half + len(heard)] = heard
        shape = window(self.window, self.n_fft)
        sliding = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft)[:: self.hop]
        spectrum = np.fft.rfft(sliding * shape, axis=1)
        return np.asarray(np.abs(spectrum) * (2 / shape.sum()), np.float32)

    def decibels(self, magnitudes: Floats) -> Floats:
        """(frames, bins) linear to dB in -range_db...0, relative to the sound's own peak bin.

        Silence (no bin above -200 dB) is -range_db everywhere.
        """
        peak = float(magnitudes.max(initial=0.0))
        if peak <= FLOOR:
            return np.full(magnitudes.shape, -self.range_db, np.float32)
        relative = np.maximum(magnitudes / np.float32(peak), np.float32(FLOOR))
        db = np.float32(20) * np.log10(relative)
        return np.asarray(np.maximum(db, np.float32(-self.range_db)), np.float32)

    def scaled(self, decibels: Floats) -> Floats:
        """dB in -range_db...0 to the model's 0...1 (1 is the peak), float32."""
        return np.asarray(decibels / np.float32(self.range_db) + np.float32(1), np.float32)

    def unscaled(self, scaled: Floats) -> Floats:
        """The model's 0...1 back to dB in -range_db...0, float32. The inverse of `scaled`."""
        return np.asarray((scaled - np.float32(1)) * np.float32(self.range_db), np.float32)

    def decoded(self, output: Floats) -> Floats:
        """A decoder's output (..., columns) in 0...1 as decoded frames (..., columns)."""
        if not self.texture_bands:
            return self.unscaled(output)
        spectrum, texture = self.unscaled(output[..., : self.bins]), output[..., self.bins :]
        return np.concatenate([spectrum, texture], axis=-1)

    def spectrum(self, decoded: Floats) -> Floats:
        """The dB (..., bins) of decoded frames (..., columns): a view. What measures, draws or
        compares decoded frames sees them through this."""
        return decoded[..., : self.bins]

    def untextured(self, decibels: Floats) -> Floats:
        """dB (frames, bins) as decoded frames (frames, columns) of which nothing is noise."""
        return np.pad(decibels, ((0, 0), (0, self.texture_bands)))


def audible(frames_db: Floats, representation: Representation, margin: float = 2.0) -> Floats:
    """(frames, bins) dB to linear magnitudes; levels within `margin` dB of the floor become 0.

    A floor that is not removed is heard as a hiss: -60 dB of it costs two grades.
    """
    linear = np.float32(10) ** (frames_db / np.float32(20))
    return np.where(frames_db > margin - representation.range_db, linear, np.float32(0))


def power(frames_db: Floats) -> Floats:
    """dB to power, float32 (exp is faster than a power: this runs at every decode)."""
    result: Floats = np.exp(frames_db * np.float32(np.log(10) / 10))
    return result


@lru_cache(maxsize=8)
def a_weights(representation: Representation) -> Floats:
    """(bins,) power weights: A-weighting (IEC 61672), over the window's noise bandwidth.

    The division makes a full-scale 1 kHz sine, spread over the window's main lobe, count as 1. Bass
    counts by `BASS_DB` at least: what is brought to one loudness by the ear alone, a stomp would be
    raised until its bass is far over full scale.
    """
    f2 = np.fft.rfftfreq(representation.n_fft, 1 / representation.sample_rate) ** 2
    a = 12194.0**2 * f2**2 / ((f2 + 20.6**2) * (f2 + 12194.0**2))
    a /= np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2))
    shape = window(representation.window, representation.n_fft)
    bandwidth = representation.n_fft * np.sum(shape**2) / shape.sum() ** 2
    weights = (a * 10**0.1) ** 2
    bass = f2 < BASS_HZ**2
    weights[bass] = np.maximum(weights[bass], 10 ** (BASS_DB / 10))
    return np.asarray(weights / bandwidth, np.float32)


class Outline(NamedTuple):
    """What a voice needs to know of a sound to play it."""

    loudness: float  # dB, see `loudness`
    onset: float  # frame, see `onset`
    end: float  # frame, see `content_end`


class Levels(NamedTuple):
    """The levels of the frames of a sound."""

    weighted: Floats  # (frames,) A-weighted power; of a full-scale 1 kHz sine 1
    total: Floats  # (frames,) dB, all bins alike


def levels(frames_db: Floats, representation: Representation) -> Levels:
    """The levels of (..., frames, bins) dB. Any thread."""
    energy = power(frames_db)
    total = np.float32(10) * np.log10(energy.sum(axis=-1) + np.float32(1e-20))
    return Levels(energy @ a_weights(representation), total)


def outline(frames_db: Floats, representation: Representation) -> Outline:
    """Level, onset and end of (frames, bins) dB at once. Any thread; about 0.1 ms a second."""
    return outline_of(levels(frames_db, representation), representation)


def outline_of(levels: Levels, representation: Representation) -> Outline:
    """The outline of a sound from the levels of all its frames. Any thread."""
    r = representation
    return Outline(_loudest(levels.weighted, r)[1], _onset(levels.total, r), _end(levels.total, r))


def decisive(levels: Levels, representation: Representation) -> tuple[range, range]:
    """The frames whose levels decide the outline's loudness, and those that decide its onset.

    Any thread. Any other levels give the same, if they are soft enough.
    """
    r, count = representation, len(levels.total)
    start, _ = _loudest(levels.weighted, r)
    first, reach = _rise(levels.total, r, float(levels.total.max()))
    return (
        range(start, min(start + loudest_frames(r), count)),
        range(max(0, first - 1), min(first + reach + 1, count)),
    )


def loudest_frames(representation: Representation) -> int:
    """The number of frames that the loudness is measured on, 50 ms, if the sound has as many."""
    return max(1, round(0.05 * representation.sample_rate / representation.hop))


def loudness(frames_db: Floats, representation: Representation) -> float:
    """A-weighted level in dB of the loudest 50 ms of (frames, bins) dB; bass as in `a_weights`.

    Relative to what `frames_db` is relative to: for frames from `decibels` add the peak bin's
    level to have dBFS, where a full-scale 1 kHz sine is 0.
    """
    return _loudest(power(frames_db) @ a_weights(representation), representation)[1]


def onset(frames_db: Floats, representation: Representation) -> float:
    """Frame (fractional) on which the sound's first sample lies, or a few ms before it.

    A window sees an attack half its length ahead. The first frame within 45 dB of the loudest marks
    the beginning of the rise. The attack is where the level comes within 12 dB of what it reaches
    one window length later, minus what the window looks ahead (a tenth of n_fft: the Gaussian's
    energy has a standard deviation of 0.1165 n_fft). At n_fft 1024, 48 kHz: a step is found 2 ms
    early, an impulse 4 ms, a 100 ms ramp up to 8 ms late. Silence gives 0.
    """
    return outline(frames_db, representation).onset


def onset_within(levels: Floats, representation: Representation) -> float | None:
    """The onset of a sound of which the first frames are known, by their levels in dB (n,).

    The sound's loudest frame is taken to be the loudest of these, or 0 dB: as loud as its loudest
    bin. None if these frames do not tell.
    """
    peak = max(float(levels.max()), 0.0)
    first, reach = _rise(levels, representation, peak)
    if levels[first] <= peak - 45 or first + reach >= len(levels):
        return None
    return _onset(levels, representation)


def content_end(frames_db: Floats, representation: Representation) -> float:
    """First frame from which the level stays 50 dB under the loudest; `frames` if it never does."""
    return outline(frames_db, representation).end


def frame_levels(frames_db: Floats) -> Floats:
    """(frames,) total level of each frame in dB, float32."""
    result: Floats = np.float32(10) * np.log10(power(frames_db).sum(axis=1) + np.float32(1e-20))
    return result


def _loudest(weighted: Floats, r: Representation) -> tuple[int, float]:
    """The first frame of the loudest 50 ms, and their level in dB."""
    span = min(loudest_frames(r), len(weighted))
    running = np.concatenate(([0.0], np.cumsum(weighted, dtype=np.float64)))
    sums = running[span:] - running[:-span]
    start = int(sums.argmax())
    return start, float(10 * np.log10(max(float(sums[start]) / span, FLOOR**2)))


def _silent(peak: float, r: Representation) -> bool:
    return peak < -r.range_db + 10 * np.log10(r.bins) + 1


def _rise(levels: Floats, r: Representation, peak: float) -> tuple[int, int]:
    """The first frame within 45 dB of the loudest, and the frames that a window reaches ahead."""
    return int(np.argmax(levels > peak - 45)), max(1, r.n_fft // r.hop)


def _onset(levels: Floats, r: Representation) -> float:
    peak = float(levels.max())
    if _silent(peak, r):
        return 0.0
    first, reach = _rise(levels, r, peak)
    target = float(levels[first : first + reach + 1].max()) - 12
    rise = first + int(np.argmax(levels[first:] >= target))
    if rise == 0:
        return 0.0
    below, above = float(levels[rise - 1]), float(levels[rise])
    crossing = rise - (above - target) / (above - below) if above > below else float(rise)
    return max(0.0, crossing + 0.1 * r.n_fft / r.hop)


def _end(levels: Floats, r: Representation) -> float:
    peak = float(levels.max())
    if _silent(peak, r):
        return float(len(levels))
    return float(np.flatnonzero(levels > peak - 50)[-1] + 1)
