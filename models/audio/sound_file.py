"""All samples of a sound file, whatever its header says of their number."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from latentpad.models.representation import Floats
from latentpad.models.text import reason

MOST_SAMPLES = 30_000_000  # of all channels together, decoded at once: 120 MB
MOST_REPAIRED = 256 << 20  # bytes of a file whose header is repaired in memory
MOST_CHUNKS = 1000  # before a file's data
RATES = (1_000, 768_000)  # Hz


class Unreadable(Exception):
    """A file that is no usable sound; the message gives the reason in a few words."""


class SoundData(NamedTuple):
    """The beginning of a sound file, or all of it."""

    samples: Floats  # (n, channels)
    rate: int  # Hz
    seconds: float  # of the whole file
    whole: bool  # nothing comes after `samples`


class _Stream(soundfile.SoundFile):
    """Read from its beginning to its end, without asking for its length.

    A FLAC from a pipe does not know its length, and a file that was cut off is shorter than its
    header says. soundfile would seek to the end of what it has read, which fails for both.
    """

    def seekable(self) -> bool:
        return False


def read_sound_file(file: bytes | Path, seconds: float) -> SoundData:
    """The first `seconds` of anything that libsndfile reads. Raises Unreadable.

    If a file is cut off or damaged, what comes before the damage.
    """
    # Opening a pipe would block.
    if isinstance(file, Path) and not file.is_file():
        raise Unreadable("is no file")
    try:
        try:
            data = _read(io.BytesIO(file) if isinstance(file, bytes) else file, seconds)
        except soundfile.LibsndfileError:
            if (repaired := _repaired(file)) is None:
                raise
            data = _read(io.BytesIO(repaired), seconds)
        if not len(data.samples) and (repaired := _repaired(file)) is not None:
            data = _read(io.BytesIO(repaired), seconds)
    except (soundfile.SoundFileError, OSError, ValueError, MemoryError, TypeError) as error:
        raise Unreadable(f"is not readable as audio ({reason(error).split(': ')[-1]})") from None
    if not len(data.samples):
        raise Unreadable("holds no samples")
    return data


def _read(source: io.BytesIO | Path, seconds: float) -> SoundData:
    with _Stream(source) as opened:
        rate, length = opened.samplerate, opened.frames
        if not RATES[0] <= rate <= RATES[1]:
            raise Unreadable(f"has a sample rate of {rate} Hz")
        most = min(int(seconds * rate), MOST_SAMPLES // opened.channels)
        # The system provides memory only as it is written.
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


def _repaired(file: bytes | Path) -> bytes | None:
    """The file with a valid length of its samples; None if its header has one.

    Programs that write to a pipe, or were killed, leave the size of a WAV's or CAF's data at 0 or
    -1, or larger than the file.
    """
    if isinstance(file, Path):
        if file.stat().st_size > MOST_REPAIRED:
            return None
        file = file.read_bytes()
    if file[:4] == b"RIFF":
        position, width, order, unknown_size = 12, 4, "little", 0xFFFFFFFF
    elif file[:4] == b"caff":
        position, width, order, unknown_size = 8, 8, "big", 0xFFFFFFFFFFFFFFFF
    else:
        return None
    for _ in range(MOST_CHUNKS):
        begin = position + 4 + width
        size = int.from_bytes(file[position + 4 : begin], order)  # type: ignore[arg-type]
        available = len(file) - begin
        if available <= 0:
            return None
        if file[position : position + 4] == b"data":
            if 0 < size <= available or (size == 0 and _is_chunk(file[begin:])):
                return None
            size_field = min(available, unknown_size)
            return file[: position + 4] + size_field.to_bytes(width, order) + file[begin:]  # type: ignore[arg-type]
        position = begin + size + (size % 2 if width == 4 else 0)
    return None


def _is_chunk(rest: bytes) -> bool:
    """Whether the bytes begin the next chunk of a WAV and not samples."""
    size = int.from_bytes(rest[4:8], "little")
    return rest[:4].isascii() and rest[:4].decode().isprintable() and size + 8 <= len(rest)
