"""Reading the files of a model pack with distrust: TOML field by field, arrays by their headers."""

from __future__ import annotations

import math
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.representation import GAMMA, Representation

MOST_CELLS = 1 << 24  # frames * bins of one sound: 64 MB
MOST_BYTES = 1 << 29  # one array of an .npz
LIMITS: dict[str, tuple[float, float]] = {
    "sample_rate": (8000, 192000),
    "n_fft": (64, 16384),
    "hop": (16, 16384),
    "frames": (1, 100000),
    "range_db": (20, 200),
}


class PackError(Exception):
    """A pack that cannot be used: one line naming the folder, the file and the field."""


@dataclass(frozen=True)
class Toml:
    """model.toml, asked field by field, so that a complaint names the field."""

    folder: Path
    content: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Toml:
        try:
            return cls(folder, tomllib.loads((folder / "model.toml").read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise PackError(f"{folder}: model.toml is not valid TOML: {error}") from None

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
        return values[key]

    def text(self, table: str, key: str) -> str:
        return str(self.value(table, key, (str,), "text"))

    def whole(self, table: str, key: str) -> int:
        return int(self.value(table, key, (int,), "a whole number"))

    def number(self, table: str, key: str) -> float:
        return float(self.value(table, key, (int, float), "a number"))

    def numbers(self, table: str, key: str, length: int) -> tuple[float, ...]:
        values = self.value(table, key, (list,), "a list")
        good = len(values) == length and all(
            isinstance(v, int | float) and math.isfinite(v) for v in values
        )
        if not good:
            raise self.error(f"{table}.{key}", f"is not a list of {length} numbers")
        return tuple(float(v) for v in values)


def representation(toml: Toml) -> Representation:
    """The [audio] table, every field within `LIMITS`. Raises PackError."""
    values: dict[str, Any] = {
        key: toml.whole("audio", key) for key in ("sample_rate", "n_fft", "hop", "frames")
    }
    values["range_db"] = toml.number("audio", "range_db")
    for key, (low, high) in LIMITS.items():
        if not low <= values[key] <= high:
            raise toml.error(f"audio.{key}", f"is {values[key]}, outside {low:g}...{high:g}")
    if values["n_fft"] & (values["n_fft"] - 1):
        raise toml.error("audio.n_fft", f"is {values['n_fft']}, not a power of two")
    if values["hop"] > values["n_fft"] // 2:
        raise toml.error("audio.hop", f"is {values['hop']}, more than half of n_fft")
    shape = toml.text("audio", "window")
    if shape not in GAMMA:
        raise toml.error("audio.window", f"{shape!r} is unknown (known: {', '.join(GAMMA)})")
    result = Representation(window=shape, **values)
    if result.frames * result.bins > MOST_CELLS:
        raise toml.error("audio.frames", f"{result.frames} x {result.bins} bins is too large")
    return result


def arrays(folder: Path, file: str) -> dict[str, NDArray[Any]]:
    """Every array of an .npz: no objects, none larger than the file holds. Raises PackError."""
    found: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(folder / file) as archive:
            for member in archive.infolist():
                name = member.filename.removesuffix(".npy")
                with archive.open(member) as stream:
                    major = np.lib.format.read_magic(stream)[0]
                    header = np.lib.format.read_array_header_1_0
                    if major > 1:
                        header = np.lib.format.read_array_header_2_0
                    shape, _, dtype = header(stream)
                    size = math.prod(shape) * dtype.itemsize
                    if dtype.hasobject:
                        raise PackError(f"{folder}: {file}: {name} holds Python objects: refused")
                    if member.file_size > MOST_BYTES or size != member.file_size - stream.tell():
                        raise PackError(f"{folder}: {file}: {name} has an absurd size {shape}")
                with archive.open(member) as stream:
                    found[name] = np.lib.format.read_array(stream, allow_pickle=False)
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PackError(f"{folder}: {file} cannot be read: {reason}") from None
    return found
