"""Sound files to mono samples at a model's rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr

from models.representation import Floats, Representation

SUFFIXES = frozenset({".wav", ".flac", ".aif", ".aiff", ".ogg", ".mp3", ".opus", ".caf", ".w64"})


class AudioError(Exception):
    """A sound file that cannot be read: one line naming the file and the reason."""


def load(path: Path, sample_rate: int) -> Floats:
    """Any file libsndfile reads to (n,) mono float32 at `sample_rate`, native level kept.

    Channels are averaged; the rate is converted by soxr HQ. Raises AudioError. Not for the
    audio or render threads: it reads a file.
    """
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: not readable as audio ({error})") from None
    mono = samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise AudioError(f"{path}: holds samples that are not numbers: export it again")
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate, quality="HQ")
    return np.asarray(mono, np.float32)


def fitted(audio: Floats, samples: int) -> Floats:
    """`audio` cut or followed by silence to exactly `samples`."""
    result = np.zeros(samples, np.float32)
    heard = audio[:samples]
    result[: len(heard)] = heard
    return result


def sound(path: Path, representation: Representation) -> Floats:
    """One file as the (samples,) of a whole spectrogram: `load`, then `fitted`."""
    return fitted(load(path, representation.sample_rate), representation.samples)


def files(folder: Path) -> list[Path]:
    """Every sound file under `folder`, by suffix, in a fixed order."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
