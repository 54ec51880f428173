"""A sound file that grows. Its header is correct at any moment, however the program ends.

24 bits, two channels. WAV (beyond 4 GB as RF64 by EBU Tech 3306, which is the same file with
another header) or FLAC.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from latentpad.engine import atomic_file

if TYPE_CHECKING:
    from latentpad.models.representation import Floats

FORMATS = {".wav": "RF64", ".flac": "FLAC"}

# Commands of libsndfile that the soundfile module does not define.
UPDATE_HEADER_NOW, RF64_AUTO_DOWNGRADE = 0x1060, 0x1210


def format_of(path: Path) -> str:
    """libsndfile's name of the format for the path's suffix. Raises `ValueError`."""
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise ValueError(f"{path}: a sound is written as {' or '.join(FORMATS)}") from None


class SoundFileWriter:
    """Writes samples to an empty file that is open for reading and writing. One thread.

    Every method raises `OSError` if the system does. The file then holds all complete frames up to
    there, and after `close` its header is correct. `fd` stays open.
    """

    def __init__(self, fd: int, form: str, rate: int) -> None:
        import soundfile

        self._raw = _Raw(fd)
        self._faults = (
            soundfile.SoundFileError,
            AssertionError,
        )  # soundfile asserts that a write is complete
        self._flac = form == "FLAC"
        try:
            self._file = soundfile.SoundFile(self._raw, "w", rate, 2, "PCM_24", format=form)
        except self._faults as error:
            raise self._raw.error or OSError(str(error)) from None
        self._command(RF64_AUTO_DOWNGRADE, 1)
        try:
            self.settle()
        except OSError:
            with suppress(OSError):
                self.close()
            raise

    def write(self, samples: Floats) -> None:
        """(n, 2) float32, -1...1."""
        try:
            self._file.write(samples)
        except self._faults as error:
            raise self._raw.error or OSError(str(error)) from None
        self._raw.check()

    def settle(self) -> None:
        """Update the header to the present length of the file."""
        if self._flac:
            self._raw.settle_flac()
        else:
            self._command(UPDATE_HEADER_NOW, 0)
        self._raw.check()

    def close(self) -> None:
        try:
            self._file.close()
            self._raw.check()
        except (*self._faults, OSError) as error:
            if self._flac:  # after an error libFLAC does not complete the header
                self._raw.settle_flac()
            raise self._raw.error or OSError(str(error)) from None

    def _command(self, command: int, value: int) -> None:
        import soundfile

        soundfile._snd.sf_command(self._file._file, command, soundfile._ffi.NULL, value)


class _Raw:
    """The file object for libsndfile.

    It keeps the first error, for which libsndfile would only say "System error", and writes nothing
    after it.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.error: OSError | None = None
        self._blocks = 0  # blocks of samples written, in FLAC

    def check(self) -> None:
        if self.error is not None:
            raise self.error

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self.fd, offset, whence)

    def tell(self) -> int:
        return os.lseek(self.fd, 0, os.SEEK_CUR)

    def read(self, count: int) -> bytes:
        return os.read(self.fd, count)

    def write(self, data: bytes) -> int:
        try:  # an exception must not pass through libsndfile's C code
            if self.tell() < os.fstat(self.fd).st_size:
                return os.write(self.fd, data)
            if self.error is not None:
                return 0
            atomic_file.append(self.fd, data)
        except OSError as error:
            self.error = self.error or error
            return 0
        self._blocks += data[:1] == b"\xff"
        return len(data)

    def settle_flac(self) -> None:
        """Write the length into the header, which libFLAC does only at the end: the last 36 of
        the 144 bits after the marker and the block sizes (RFC 9639, 8.2)."""
        with suppress(OSError):
            header = os.pread(self.fd, 26, 0)
            length = self._blocks * int.from_bytes(header[8:10], "big")
            field = int.from_bytes(header[18:26], "big") >> 36 << 36 | length
            os.pwrite(self.fd, field.to_bytes(8, "big"), 18)
