"""A sound file's samples, all that there are, whatever its header says of their number."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from latentpad.models.representation import Floats
from latentpad.models.text import reason

MOST_SAMPLES = 30_000_000  # of all channels together, decoded at once: 120 MB
MOST_MENDED = 256 << 20  # bytes of a file whose header is mended in memory
MOST_CHUNKS = 1000  # before a file's data
RATES = (1_000, 768_000)  # Hz


class Unreadable(Exception):
    """Why a file is no usable sound, in a few words."""


class SoundData(NamedTuple):
    """The beginning of a sound file, or all of it."""

    samples: Floats  # (n, channels)
    rate: int  # Hz
    seconds: float  # of the whole file
    whole: bool  # nothing comes after `samples`


class _Stream(soundfile.SoundFile):
    """Read from its beginning to its end, without asking where that is.

    A FLAC from a pipe does not know its length, and a file that was cut off is shorter than it
    says. soundfile would seek to the end of what it has read, which fails in both.
    """

    def seekable(self) -> bool:
        return False


def read_sound_file(file: bytes | Path, seconds: float) -> SoundData:
    """The first `seconds` of anything that libsndfile reads. Raises Unreadable.

    Of a file that is cut off or damaged, what comes before that.
    """
    # A pipe would be waited for.
    if isinstance(file, Path) and not file.is_file():
        raise Unreadable("is no file")
    try:
        try:
            found = _read(io.BytesIO(file) if isinstance(file, bytes) else file, seconds)
        except soundfile.LibsndfileError:
            if (mended := _mended(file)) is None:
                raise
            found = _read(io.BytesIO(mended), seconds)
        if not len(found.samples) and (mended := _mended(file)) is not None:
            found = _read(io.BytesIO(mended), seconds)
    except (soundfile.SoundFileError, OSError, ValueError, MemoryError, TypeError) as error:
        raise Unreadable(f"is not readable as audio ({reason(error).split(': ')[-1]})") from None
    if not len(found.samples):
        raise Unreadable("holds no samples")
    return found


def _read(source: io.BytesIO | Path, seconds: float) -> SoundData:
    with _Stream(source) as opened:
        rate, length = opened.samplerate, opened.frames
        if not RATES[0] <= rate <= RATES[1]:
            raise Unreadable(f"has a sample rate of {rate} Hz")
        most = min(int(seconds * rate), MOST_SAMPLES // opened.channels)
        # Memory is taken as it is written to.
        samples = np.empty((most, opened.channels), np.float32)
        fault = None
        try:
            opened.read(out=samples)
        except soundfile.LibsndfileError as error:
            fault = error
        count = opened.tell()
        if fault is not None and not count:
            raise fault
    whole = count < most or count == length
    return SoundData(
        samples[:count].copy() if count < most else samples,
        rate,
        (count if whole or not 0 < length < 1 << 40 else length) / rate,
        whole,
    )


def _mended(file: bytes | Path) -> bytes | None:
    """The file with a length for its samples where its header has none; None where it has.

    Programs that write to a pipe, or that were killed, leave the size of a WAV's or CAF's data at
    0 or -1, or larger than what is there.
    """
    if isinstance(file, Path):
        if file.stat().st_size > MOST_MENDED:
            return None
        file = file.read_bytes()
    if file[:4] == b"RIFF":
        first, width, order, none = 12, 4, "little", 0xFFFFFFFF
    elif file[:4] == b"caff":
        first, width, order, none = 8, 8, "big", 0xFFFFFFFFFFFFFFFF
    else:
        return None
    for _ in range(MOST_CHUNKS):
        begin = first + 4 + width
        size = int.from_bytes(file[first + 4 : begin], order)  # type: ignore[arg-type]
        there = len(file) - begin
        if there <= 0:
            return None
        if file[first : first + 4] == b"data":
            if 0 < size <= there or (size == 0 and _is_chunk(file[begin:])):
                return None
            told = min(there, none)
            return file[: first + 4] + told.to_bytes(width, order) + file[begin:]  # type: ignore[arg-type]
        first = begin + size + (size % 2 if width == 4 else 0)
    return None


def _is_chunk(rest: bytes) -> bool:
    """Whether what follows is the next part of a WAV rather than samples."""
    size = int.from_bytes(rest[4:8], "little")
    return rest[:4].isascii() and rest[:4].decode().isprintable() and size + 8 <= len(rest)
