"""Sound files to mono samples at a model's rate: one reading for all that learns, places, plays."""

from __future__ import annotations

import io
from math import ceil
from pathlib import Path

import numpy as np
import soundfile
import soxr

from models.folder import holding
from models.representation import FLOOR, Floats, Representation

LISTENED = 60.0  # s of a file in which its sound is looked for
MOST_SAMPLES = 30_000_000  # of all channels together, decoded at once: 120 MB
RATES = (1_000, 768_000)  # Hz
THRESHOLD = 10 ** (-45 / 20)  # of the file's peak: where its sound begins
LEAD = 0.010  # s kept before that


class AudioError(Exception):
    """A sound file that cannot be read: one line naming the file and the reason."""


class Unreadable(Exception):
    """Why a file is no usable sound, in a few words."""


def heard(file: bytes | Path, representation: Representation) -> tuple[Floats, float]:
    """A file as (samples,) mono float32 at the model's rate, and its length in seconds.

    Anything libsndfile reads: any rate, channels (averaged), length. Begins 10 ms before the file
    first comes within 45 dB of its peak, is cut or followed by silence to the length of a
    spectrogram, and keeps its level. Looks at the first minute only; the rate is converted by
    soxr HQ. Not for the render thread: it reads a file. Raises Unreadable.
    """
    # A pipe would be waited for.
    if isinstance(file, Path) and not file.is_file():
        raise Unreadable("is no file")
    try:
        source = io.BytesIO(file) if isinstance(file, bytes) else file
        with soundfile.SoundFile(source) as opened:
            rate, channels, length = opened.samplerate, opened.channels, opened.frames
            if not RATES[0] <= rate <= RATES[1]:
                raise Unreadable(f"has a sample rate of {rate} Hz")
            most = min(int(LISTENED * rate), MOST_SAMPLES // channels)
            samples = opened.read(most, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, ValueError, MemoryError, TypeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Unreadable(f"is not readable as audio ({reason.split(': ')[-1]})") from None
    if not len(samples):
        raise Unreadable("holds no samples")
    mono = samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise Unreadable("holds samples that are not numbers: export it again")
    peak = float(np.abs(mono).max())
    if peak <= FLOOR:
        raise Unreadable("is silent" + (" in its first minute" if length > len(samples) else ""))
    first = int(np.argmax(np.abs(mono) >= THRESHOLD * peak))
    start = max(0, first - round(LEAD * rate))
    # Cut before the conversion, which is the dearer; a little more, for the filter's tail.
    mono = mono[start : start + ceil((representation.seconds + LEAD) * rate)]
    if rate != representation.sample_rate:
        mono = soxr.resample(mono, rate, representation.sample_rate, quality="HQ")
    # A header may lie about its length, and some formats do not know theirs.
    seconds = length / rate if 0 < length < 1 << 40 else len(samples) / rate
    return fitted(np.asarray(mono, np.float32), representation.samples), seconds


def sound(path: Path, representation: Representation) -> Floats:
    """(samples,) of a file, as `heard` hears it. Raises AudioError."""
    try:
        return heard(path, representation)[0]
    except Unreadable as error:
        raise AudioError(f"{path}: {error}") from None


def fitted(audio: Floats, samples: int) -> Floats:
    """`audio` cut or followed by silence to exactly `samples`."""
    result = np.zeros(samples, np.float32)
    heard = audio[:samples]
    result[: len(heard)] = heard
    return result


def files(folder: Path) -> list[Path]:
    """Every sound file under `folder` (models.folder), in a fixed order."""
    return [folder / inside for inside in holding(folder).sounds]
