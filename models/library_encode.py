"""Sound files as bytes to their places in a model's latent space, a batch at a time.

`encode_batch` is a pure function of what it is given and can be pickled: a thread, a process or a
worker of a Dask cluster runs it alike. It keeps the encoder it has loaded for the next batch.
"""

from __future__ import annotations

import hashlib
import io
import threading
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr

from models import pack as packs
from models.audio import fitted
from models.representation import FLOOR, Floats, Representation, outline

LISTENED = 60.0  # s of a file in which its sound is looked for
MOST_SAMPLES = 30_000_000  # of all channels together, decoded at once: 120 MB
RATES = (1_000, 768_000)  # Hz
THRESHOLD = 10 ** (-45 / 20)  # of the file's peak: where its sound begins
LEAD = 0.010  # s kept before that

_loading = threading.Lock()
_encoding = threading.Lock()  # TensorFlow takes all cores by itself: one batch at a time


class Encoded(NamedTuple):
    """B sounds of one batch; a row with a reason holds zeros. Can be pickled."""

    latents: Floats  # (B, D)
    loudness: Floats  # (B,) dBFS, see models.pack.Anchors
    onset: Floats  # (B,) frame
    duration: Floats  # (B,) s of the whole file
    reasons: tuple[str, ...]  # (B,) why a sound could not be read, "" if it could
    encoder: str  # sha256 of the encoder that was used


class Unreadable(Exception):
    """Why the bytes are no usable sound, in a few words."""


def encode_batch(pack_path: str, sounds: list[bytes]) -> Encoded:
    """Decode, cut and encode B files' bytes. Any thread or process; the first call takes seconds.

    Args:
        pack_path: folder of the pack, on the machine on which this runs.
        sounds: whole files, anything libsndfile reads, any rate, channels, length.

    Raises:
        models.pack.PackError: the pack or its encoder cannot be loaded.
    """
    encoder, pack, identity = _encoder(pack_path)
    r = pack.representation
    scaled = np.zeros((len(sounds), r.frames, r.bins), np.float32)
    loudness, onset, duration = np.zeros((3, len(sounds)), np.float32)
    reasons = [""] * len(sounds)
    for i, data in enumerate(sounds):
        try:
            audio, duration[i] = heard(data, r)
        except Unreadable as error:
            reasons[i] = str(error)
            continue
        magnitudes = r.magnitudes(audio)
        decibels = r.decibels(magnitudes)
        level, onset[i], _ = outline(decibels, r)
        loudness[i] = level + 20 * np.log10(max(float(magnitudes.max()), FLOOR))
        scaled[i] = r.scaled(decibels)
    with _encoding:
        encoded = np.asarray(encoder(scaled, training=False), np.float32)
    latents = encoded[:, : pack.latent_dim].copy()
    for i, place in enumerate(latents):
        if not np.isfinite(place).all():
            reasons[i] = reasons[i] or "the model finds no place for it"
    latents[[bool(reason) for reason in reasons]] = 0
    return Encoded(latents, loudness, onset, duration, tuple(reasons), identity)


def heard(data: bytes, representation: Representation) -> tuple[Floats, float]:
    """A file's bytes as (samples,) mono at the model's rate, and the file's length in seconds.

    Begins 10 ms before the file first comes within 45 dB of its peak, is cut or followed by
    silence to the length of a spectrogram, and keeps its level. Looks at the first minute only.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate, channels, length = file.samplerate, file.channels, file.frames
            if not RATES[0] <= rate <= RATES[1]:
                raise Unreadable(f"has a sample rate of {rate} Hz")
            most = min(int(LISTENED * rate), MOST_SAMPLES // channels)
            samples = file.read(most, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, ValueError, MemoryError, TypeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Unreadable(f"is not readable as audio ({reason.split(': ')[-1]})") from None
    mono = samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise Unreadable("holds samples that are not numbers: export it again")
    peak = float(np.abs(mono).max(initial=0.0))
    if peak <= FLOOR:
        raise Unreadable("is silent")
    first = int(np.argmax(np.abs(mono) >= THRESHOLD * peak))
    start = max(0, first - round(LEAD * rate))
    # Cut before the conversion, which is the dearer; a little more, for the filter's tail.
    mono = mono[start : start + ceil((representation.seconds + LEAD) * rate)]
    if rate != representation.sample_rate:
        mono = soxr.resample(mono, rate, representation.sample_rate, quality="HQ")
    # A header may lie about its length, and some formats do not know theirs.
    seconds = length / rate if 0 < length < 1 << 40 else len(samples) / rate
    return fitted(np.asarray(mono, np.float32), representation.samples), seconds


def identity(pack_path: Path) -> str:
    """What tells one latent space from another: sha256 of the encoder's file. Raises OSError.

    Of the decoder's where a pack has no encoder: its sounds are placed by sound maps only.
    """
    encoder = pack_path / "encoder.keras"
    with (encoder if encoder.is_file() else pack_path / "decoder.keras").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _encoder(pack_path: str) -> tuple[Any, packs.Pack, str]:
    file = Path(pack_path) / "encoder.keras"
    with _loading:
        # A worker may outlive the pack it has loaded.
        return _load(pack_path, file.stat().st_mtime_ns if file.exists() else 0)


@lru_cache(maxsize=2)
def _load(pack_path: str, written: int) -> tuple[Any, packs.Pack, str]:
    from models import networks

    pack = packs.load(pack_path)
    return networks.load_encoder(pack), pack, identity(pack.path)
