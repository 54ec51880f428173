"""A sound file that grows: at any moment its header tells what is in it, however the end comes.

24 bits, two channels, as WAV (beyond 4 GB as RF64, by EBU Tech 3306, which is the same file with
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

# Commands of libsndfile that the soundfile module has no names for.
UPDATE_HEADER_NOW, RF64_AUTO_DOWNGRADE = 0x1060, 0x1210


def format_of(path: Path) -> str:
    """libsndfile's name for the format that the path's ending means. Raises `ValueError`."""
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise ValueError(f"{path}: a sound is written as {' or '.join(FORMATS)}") from None


class SoundFileWriter:
    """Writes samples to an empty file that is open for reading and writing. One thread.

    Every method raises `OSError` where the system does not take it: the file then holds all
    whole frames until there, and after `close` its header tells so. `fd` stays open.
    """

    def __init__(self, fd: int, form: str, rate: int) -> None:
        import soundfile

        self._raw = _Raw(fd)
        self._faults = soundfile.SoundFileError, AssertionError  # of a short write it asserts
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
        """Make the header tell of all that is in the file."""
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
            if self._flac:  # libFLAC does not complete the header where something went wrong
                self._raw.settle_flac()
            raise self._raw.error or OSError(str(error)) from None

    def _command(self, command: int, value: int) -> None:
        import soundfile

        soundfile._snd.sf_command(self._file._file, command, soundfile._ffi.NULL, value)


class _Raw:
    """The file as libsndfile sees it.

    Keeps the first error, of which libsndfile would say "System error" only, and lets nothing
    be added after it.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.error: OSError | None = None
        self._blocks = 0  # of samples, in FLAC

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
        try:  # an exception must not pass through libsndfile, which is C
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
        """Write the length, which libFLAC does at the end only: the last 36 of the 144 bits
        after the marker and the sizes of blocks (RFC 9639, 8.2)."""
        with suppress(OSError):
            header = os.pread(self.fd, 26, 0)
            length = self._blocks * int.from_bytes(header[8:10], "big")
            field = int.from_bytes(header[18:26], "big") >> 36 << 36 | length
            os.pwrite(self.fd, field.to_bytes(8, "big"), 18)
