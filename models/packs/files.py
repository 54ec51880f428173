"""Reads the files of a model pack with checks: TOML field by field, arrays by their headers."""

from __future__ import annotations

import csv
import io
import lzma
import math
import re
import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentpad.models.audio.texture import BANDS
from latentpad.models.errors import LatentpadError
from latentpad.models.files import toml
from latentpad.models.representation import GAMMA, Representation
from latentpad.models.text import reason

MOST_CELLS = 1 << 24  # frames * bins of one sound: 64 MB
MOST_BYTES = 1 << 29  # all arrays of an .npz
MOST_ARRAYS = 100
MOST_TOML = 1 << 20  # bytes
MOST_CSV = 1 << 28
# What zipfile and numpy raise on a damaged file.
DAMAGED = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error, ValueError,
    OSError, RuntimeError, EOFError, OverflowError, RecursionError, MemoryError, SyntaxError,
    KeyError, tokenize.TokenError,
)  # fmt: skip
LONGEST = 1000  # characters of a text
LARGEST = 1e9  # of a number, so infinities and integers of a thousand digits are refused
LIMITS: dict[str, tuple[float, float]] = {
    "sample_rate": (8000, 192000),
    "n_fft": (64, 16384),
    "hop": (16, 16384),
    "frames": (1, 100000),
    "range_db": (20, 200),
    "texture_bands": (0, BANDS),
}


class PackError(LatentpadError):
    """A pack that cannot be used: one line naming the folder, the file and the field."""


@dataclass(frozen=True)
class Toml:
    """model.toml, read field by field, so that an error names the field."""

    folder: Path
    content: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Toml:
        """Raises PackError."""
        text = _text(folder, "model.toml", MOST_TOML)
        try:
            return cls(folder, toml.loads(text))
        except ValueError as error:
            what = str(error).splitlines()[0]
            raise PackError(f"{folder}: model.toml is not valid TOML: {what}") from None

    def error(self, field: str, what: str) -> PackError:
        return PackError(f"{self.folder}: model.toml: {field} {what}")

    def table(self, name: str) -> dict[str, Any]:
        table = self.content if not name else self.content.get(name)
        if not isinstance(table, dict):
            raise self.error(f"[{name}]", "is missing")
        return table

    def value(self, table: str, key: str, kinds: tuple[type, ...], kind: str) -> Any:
        label = f"{table}.{key}" if table else key
        values = self.table(table)
        if key not in values:
            raise self.error(label, "is missing")
        if not isinstance(values[key], kinds) or isinstance(values[key], bool):
            raise self.error(label, f"is not {kind}")
        if kinds == (int,) and abs(values[key]) >= 1 << 63:
            raise self.error(label, "is a number of too many digits")
        return values[key]

    def text(self, table: str, key: str) -> str:
        text = str(self.value(table, key, (str,), "text"))
        if not text.isprintable() or len(text) > LONGEST:
            raise self.error(f"{table}.{key}".lstrip("."), f"is no line of {LONGEST} at most")
        return text

    def integer(self, table: str, key: str) -> int:
        return int(self.value(table, key, (int,), "a whole number"))

    def number(self, table: str, key: str) -> float:
        value = self.value(table, key, (int, float), "a number")
        return math.inf if abs(value) > LARGEST else float(value)

    def numbers(self, table: str, key: str, length: int) -> tuple[float, ...]:
        values = self.value(table, key, (list,), "a list")
        valid = len(values) == length and all(
            isinstance(v, int | float) and abs(v) <= LARGEST for v in values
        )
        if not valid:
            raise self.error(f"{table}.{key}", f"is not a list of {length} numbers")
        return tuple(float(v) for v in values)


def representation(toml: Toml) -> Representation:
    """The [audio] table, every field within `LIMITS`. Raises PackError."""
    values: dict[str, Any] = {
        key: toml.integer("audio", key) for key in ("sample_rate", "n_fft", "hop", "frames")
    }
    values["range_db"] = toml.number("audio", "range_db")
    # Models from elsewhere, and those of earlier versions, tell no texture.
    texture = "texture_bands" in toml.table("audio")
    values["texture_bands"] = toml.integer("audio", "texture_bands") if texture else 0
    for key, (low, high) in LIMITS.items():
        if not low <= values[key] <= high:
            raise toml.error(f"audio.{key}", f"is {values[key]}, outside {low:g}...{high:g}")
    if values["n_fft"] & (values["n_fft"] - 1):
        raise toml.error("audio.n_fft", f"is {values['n_fft']}, not a power of two")
    if values["hop"] > values["n_fft"] // 2:
        raise toml.error("audio.hop", f"is {values['hop']}, more than half of n_fft")
    if values["texture_bands"] not in (0, BANDS):
        raise toml.error("audio.texture_bands", f"is {values['texture_bands']}, not {BANDS}")
    shape = toml.text("audio", "window")
    if shape not in GAMMA:
        raise toml.error("audio.window", f"{shape!r} is unknown (known: {', '.join(GAMMA)})")
    result = Representation(window=shape, **values)
    if result.frames * result.bins > MOST_CELLS:
        raise toml.error("audio.frames", f"{result.frames} x {result.bins} bins is too large")
    return result


class ArrayHeader(NamedTuple):
    """The shape and dtype of an array, from its header."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def headers(folder: Path, file: str) -> dict[str, ArrayHeader]:
    """The headers of all arrays of an .npz. No array has objects, or is larger than the file.
    Raises PackError."""
    headers_by_name: dict[str, ArrayHeader] = {}
    try:
        with zipfile.ZipFile(folder / file) as archive:
            members = archive.infolist()
            total_size = sum(member.file_size for member in members)
            if len(members) > MOST_ARRAYS or total_size > MOST_BYTES:
                sizes = f"{len(members)} arrays of {total_size >> 20} MB together"
                raise PackError(f"{folder}: {file} unpacks to {sizes}: an absurd size")
            for member in members:
                name = member.filename.removesuffix(".npy")
                if not re.fullmatch(r"[\w -]{1,64}", name) or name in headers_by_name:
                    raise PackError(f"{folder}: {file} holds {member.filename[:80]!r}: refused")
                with archive.open(member) as stream:
                    major = np.lib.format.read_magic(stream)[0]
                    header = np.lib.format.read_array_header_1_0
                    if major > 1:
                        header = np.lib.format.read_array_header_2_0
                    shape, _, dtype = header(stream)
                    size = math.prod(shape) * dtype.itemsize
                    if dtype.hasobject:
                        raise PackError(f"{folder}: {file}: {name} holds Python objects: refused")
                    if min(shape, default=0) < 0 or size != member.file_size - stream.tell():
                        raise PackError(f"{folder}: {file}: {name} has an absurd size {shape}")
                    headers_by_name[name] = ArrayHeader(shape, dtype)
    except DAMAGED as error:
        raise _unreadable(folder, file, error) from None
    return headers_by_name


def arrays(folder: Path, file: str) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz, after a check of their `headers`. Raises PackError."""
    names = headers(folder, file)
    try:
        with zipfile.ZipFile(folder / file) as archive:
            arrays_by_name: dict[str, NDArray[Any]] = {}
            for name, member in zip(names, archive.infolist(), strict=True):
                with archive.open(member) as stream:
                    arrays_by_name[name] = np.lib.format.read_array(stream, allow_pickle=False)
            return arrays_by_name
    except DAMAGED as error:
        raise _unreadable(folder, file, error) from None


def memory_mapped(
    folder: Path, file: str, shape: tuple[int, ...], dtype: type[np.generic], most: int
) -> NDArray[Any]:
    """An .npy of this shape and type and of at most `most` bytes, mapped to memory and read-only.
    Raises PackError."""
    try:
        if (size := (folder / file).stat().st_size) > most:
            raise PackError(f"{folder}: {file} has {size >> 20} MB: an absurd size")
        array = np.load(folder / file, mmap_mode="r", allow_pickle=False)
    except DAMAGED as error:
        raise _unreadable(folder, file, error) from None
    if not isinstance(array, np.ndarray):
        raise PackError(f"{folder}: {file} is no single array")
    if array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous:
        raise PackError(
            f"{folder}: {file} is {array.dtype} {array.shape}, not {dtype.__name__} {shape}"
        )
    return array


def sensible(values: NDArray[Any]) -> bool:
    """Whether all are numbers within ±`LARGEST`. No abs: that of the lowest integer is negative."""
    return bool(((values >= -LARGEST) & (values <= LARGEST)).all())


def table(folder: Path, file: str) -> list[dict[str, str]]:
    """The rows of a CSV with a heading. Raises PackError."""
    text = _text(folder, file, MOST_CSV)
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), restkey="", restval=""))
    except csv.Error as error:
        raise _unreadable(folder, file, error) from None
    if any("" in row for row in rows):
        raise PackError(f"{folder}: {file} has a row longer than its heading")
    return rows


def _text(folder: Path, file: str, most: int) -> str:
    try:
        if (folder / file).stat().st_size > most:
            raise PackError(f"{folder}: {file} is larger than {most >> 20} MB")
        return (folder / file).read_bytes().decode()
    except (OSError, ValueError) as error:
        raise _unreadable(folder, file, error) from None


def _unreadable(folder: Path, file: str, error: Exception) -> PackError:
    return PackError(f"{folder}: {file} cannot be read: {reason(error)}")
