"""Sound files as mono samples at a model's rate: used for training, placing and playing alike."""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soxr

from latentpad.models.audio.sound_file import Unreadable, read_sound_file
from latentpad.models.errors import LatentpadError
from latentpad.models.representation import FLOOR, Floats, Representation
from latentpad.models.sources.folder import scan_folder
from latentpad.models.text import printable

__all__ = [
    "AudioError",
    "StereoSound",
    "Unreadable",
    "downmix",
    "fit_length",
    "read_mono",
    "read_samples",
    "read_stereo",
    "sound_files",
]

LISTENED = 60.0  # s of a file in which the sound is searched
THRESHOLD = 10 ** (-45 / 20)  # of the file's peak: where its sound begins
LEAD = 0.010  # s kept before that
LOWEST = 20.0  # Hz: lower frequencies are inaudible
EDGE = 0.010  # s in which a recorder's offset may rise
LEVEL = 0.020  # s in which it is measured
LATER = 0.050  # s: a drift that ends less than this before the sound belongs to the sound
BLOCK = 2048  # samples in which channels are compared, octave by octave
CANCELLED = 4  # times less power than the mean of independent channels
MOST_CANCELLED = 0.3  # share of the power


class AudioError(LatentpadError):
    """A sound file that cannot be read: one line naming the file and the reason."""


class StereoSound(NamedTuple):
    """A sound as mono, and with the two channels of the recording."""

    mono: Floats  # (samples,)
    sides: Floats  # (samples, 2), left and right; their mean power is that of `mono`


class _Cut(NamedTuple):
    """A file from the beginning of its sound, at its own rate."""

    samples: Floats  # (n, channels)
    mono: Floats  # (n,)
    rate: int  # Hz
    seconds: float  # of the whole file


def read_mono(file: bytes | Path, representation: Representation) -> tuple[Floats, float]:
    """A file as (samples,) mono float32 at the model's rate, and its length in seconds.

    Reads what libsndfile reads, with any rate, length and number of channels (`downmix`). The
    result begins 10 ms before the file first comes within 45 dB of its peak; an offset, or a drift
    that is too slow to be audible, is ignored. It is cut or filled with silence to the length of a
    spectrogram, and keeps its level. Only the first minute is searched; the rate is converted by
    soxr HQ. Not for the render thread: it reads a file. Raises Unreadable.
    """
    cut = _cut(file, representation)
    return _at_rate(cut.mono, cut.rate, representation), cut.seconds


def read_stereo(file: bytes | Path, representation: Representation) -> StereoSound:
    """The same as `read_mono`, with both channels. Raises Unreadable.

    Both channels are equal if the file has one, or more than two.
    """
    cut = _cut(file, representation)
    mono = _at_rate(cut.mono, cut.rate, representation)
    if cut.samples.shape[1] != 2:
        return StereoSound(mono, np.stack([mono, mono], axis=1))
    left, right = (_at_rate(side, cut.rate, representation) for side in cut.samples.T)
    sides = np.stack([left, right], axis=1)
    loud = float(np.square(sides, dtype=np.float64).sum()) / 2
    if loud > 0 and not np.array_equal(left, right):
        sides *= np.float32(np.sqrt(np.square(mono, dtype=np.float64).sum() / loud))
    return StereoSound(mono, sides)


def read_samples(path: Path, representation: Representation) -> Floats:
    """(samples,) of a file, see `read_mono`. Raises AudioError."""
    try:
        return read_mono(path, representation)[0]
    except Unreadable as error:
        raise AudioError(f"{printable(str(path))}: {error}") from None


def fit_length(audio: Floats, samples: int) -> Floats:
    """`audio` cut or followed by silence to exactly `samples`."""
    result = np.zeros(samples, np.float32)
    kept = audio[:samples]
    result[: len(kept)] = kept
    return result


def sound_files(folder: Path) -> list[Path]:
    """Every sound file under `folder` (models.sources.folder), in a fixed order."""
    return [folder / inside for inside in scan_folder(folder).sounds]


def downmix(samples: Floats) -> Floats:
    """(n, channels) to (n,): the mean of the channels, or the loudest if they cancel one another.

    They cancel if, by octaves in blocks of 2048 samples, for most of the sound the mean has less
    than a quarter of the power that the mean of independent channels would have.
    """
    mean = samples.mean(axis=1)
    if samples.shape[1] == 1 or not _cancels(samples, mean):
        return mean
    return samples[:, int(np.square(samples, dtype=np.float64).sum(axis=0).argmax())]


def _cancels(samples: Floats, mean: Floats) -> bool:
    def power(side: Floats) -> Floats:
        blocks = np.pad(side, (0, -len(side) % BLOCK)).reshape(-1, BLOCK)
        spectrum = np.fft.rfft(blocks * np.hanning(BLOCK).astype(np.float32))
        octaves = 2 ** np.arange(int(np.log2(BLOCK)))
        return np.add.reduceat(np.square(np.abs(spectrum)), octaves, axis=1)

    count = samples.shape[1]
    each = sum(power(side) for side in samples.T) / count
    lost = power(mean) < each / (CANCELLED * count)
    return bool(each[lost].sum() > MOST_CANCELLED * each.sum())


def _cut(file: bytes | Path, representation: Representation) -> _Cut:
    samples, rate, seconds, complete = read_sound_file(file, LISTENED)
    if not np.isfinite(samples).all():
        raise Unreadable("holds samples that are not numbers: export it again")
    mono = downmix(samples)
    if float(np.abs(mono).max()) <= FLOOR:
        raise Unreadable("is silent" + ("" if complete else " in its first minute"))
    first, begin = _onsets(mono, rate)
    start = max(0, begin - round(LEAD * rate))
    # Cut before the conversion, which costs more; a little longer, for the filter's tail.
    end = start + ceil((representation.seconds + LEAD) * rate)
    if begin != first:
        before = slice(max(0, start - round(LEVEL * rate)), max(1, start))
        samples = samples - np.median(samples[before], axis=0).astype(np.float32)
        mono = mono - np.float32(np.median(mono[before]))
    return _Cut(samples[start:end], mono[start:end], rate, seconds)


def _onsets(mono: Floats, rate: int) -> tuple[int, int]:
    """The first sample within 45 dB of the peak, and the first audible one.

    They differ only if an offset, or a drift below `LOWEST`, precedes the sound.
    """
    peak = float(np.abs(mono).max())
    first = int(np.argmax(np.abs(mono) >= THRESHOLD * peak))
    edge, window = round(EDGE * rate), round(LEVEL * rate)
    if len(mono) <= edge:
        return first, first
    level = mono.astype(np.float64)
    base = float(np.median(level[edge : edge + window]))
    level[:edge] = base  # as if the offset were constant from the start
    # The time before the file: constant, or a drift that continues.
    mirrored = 2 * float(mono[0]) - mono[1 : 5 * window].astype(np.float64)[::-1]
    drift = _audible(np.append(mirrored, mono), rate, mirrored[0]) - len(mirrored)
    begin = max(_audible(level, rate, base), drift)
    lead = mono[edge:begin]
    is_steady = len(lead) >= edge and abs(np.median(lead)) >= max(
        THRESHOLD * peak, 2 * float(np.ptp(lead))
    )
    return first, begin if begin - first > (0 if is_steady else LATER * rate) else first


def _audible(samples: Any, rate: int, before: float) -> int:
    """The first of (n,) float64 within 45 dB of the peak, after removing what is below `LOWEST`.

    The signal is assumed to be `before` until it begins. 0 if nothing is above `LOWEST`.
    """
    from scipy.signal import sosfilt  # takes half a second to import

    sections, steady = _highpass(rate)
    filtered = np.abs(sosfilt(sections, samples, zi=steady * before)[0])
    peak = filtered.max()
    enough = peak > THRESHOLD * np.abs(samples).max()
    return int(np.argmax(filtered >= THRESHOLD * peak)) if enough else 0


@lru_cache(8)
def _highpass(rate: int) -> tuple[Any, Any]:
    """A Butterworth filter's sections, and its state after a constant input of 1."""
    from scipy.signal import butter, sosfilt_zi

    sections = butter(4, LOWEST, "highpass", fs=rate, output="sos")
    return sections, sosfilt_zi(sections)


def _at_rate(audio: Floats, rate: int, representation: Representation) -> Floats:
    if rate != representation.sample_rate:
        audio = soxr.resample(audio, rate, representation.sample_rate, quality="HQ")
    return fit_length(np.asarray(audio, np.float32), representation.samples)
