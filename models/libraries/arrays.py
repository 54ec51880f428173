"""A library's numbers: .npy files that grow at their end and are opened memory-mapped.

    latents.npy (L, D), loudness.npy and onset.npy (L,), descriptors.npy (L, K), float32

They only become longer. To remove rows, a new generation of all files is written beside them
(latents-1.npy, ...), so that a process that has the old ones open keeps its numbers. The
descriptors are those of models.audio.descriptors.MEASURED, NaN for a sound that was not measured; a
library may lack them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from latentpad.models.audio.descriptors import MEASURED
from latentpad.models.libraries.header import LibraryError
from latentpad.models.packs.files import sensible
from latentpad.models.representation import Floats
from latentpad.models.text import reason

DESCRIPTORS = "descriptors"
COLUMNS = ("latents", "loudness", "onset", DESCRIPTORS)


def file(folder: Path, name: str, generation: int) -> Path:
    """The path of a column."""
    return folder / (f"{name}-{generation}.npy" if generation else f"{name}.npy")


def open_column(folder: Path, name: str, generation: int, rows: int, dim: int) -> Floats:
    """The first `rows` of a column, memory-mapped and read-only: no copy. Raises LibraryError."""
    path, width = file(folder, name, generation), _width(name, dim)
    try:
        with path.open("rb") as stream:
            offset = _read_header(stream, width)
            size = os.fstat(stream.fileno()).st_size
    except FileNotFoundError:
        raise LibraryError(f"{path}: is missing: copy the whole library again") from None
    # NumPy raises the exceptions of Python's parser for a damaged header.
    except Exception as error:
        raise LibraryError(
            f"{path}: cannot be read ({reason(error)}): copy the whole library again"
        ) from None
    if size < offset + rows * 4 * int(np.prod(width, dtype=int)):
        raise LibraryError(f"{path}: is too short for {rows} sounds: copy the whole library again")
    if not rows:
        return np.empty((0, *width), np.float32)
    # As a plain array, which Numba and pickle support.
    values = np.asarray(np.memmap(path, np.float32, "r", offset, (rows, *width)))
    if not sensible(np.nan_to_num(values, nan=0.0) if name == DESCRIPTORS else values):
        raise LibraryError(
            f"{path}: holds values that are not finite, or beyond 1e9: make the library again"
        )
    return values


def descriptor_column(folder: Path, generation: int, rows: int) -> Floats:
    """(rows, K) descriptors; all NaN if the column is missing or of an earlier version."""
    try:
        return open_column(folder, DESCRIPTORS, generation, rows, 0)
    except LibraryError:
        return no_descriptors(rows)


def no_descriptors(rows: int) -> Floats:
    """(rows, K) NaN."""
    return np.full((rows, len(MEASURED)), np.nan, np.float32)


def supply(folder: Path, generation: int, rows: int) -> None:
    """Make a new column of NaN if descriptors cannot be appended to it. Raises OSError."""
    try:
        open_column(folder, DESCRIPTORS, generation, rows, 0)
        return
    except LibraryError:
        new_path = folder / ".descriptors-new.npy"
    with new_path.open("wb") as stream:
        _write_header(stream, rows, (len(MEASURED),))
        stream.write(no_descriptors(rows).tobytes())
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(new_path, file(folder, DESCRIPTORS, generation))


def append(folder: Path, name: str, generation: int, rows: int, values: Floats) -> None:
    """Write `values` after the first `rows`, over existing data. Raises OSError."""
    assert values.dtype == np.float32
    width = values.shape[1:]
    with file(folder, name, generation).open("r+b") as stream:
        offset = _read_header(stream, width)
        stream.seek(offset + rows * 4 * int(np.prod(width, dtype=int)))
        stream.write(values.tobytes())
        stream.flush()
        stream.seek(0)
        # The length in the header is for other programs: this one reads it from the table.
        _write_header(stream, rows + len(values), width)
        stream.flush()
        os.fsync(stream.fileno())


def begin(folder: Path, generation: int, dim: int) -> None:
    """Write empty columns. Raises OSError."""
    for name in COLUMNS:
        with file(folder, name, generation).open("wb") as stream:
            _write_header(stream, 0, _width(name, dim))


def stale_columns(folder: Path, generation: int) -> list[Path]:
    """Columns of all other generations, which a complete or an interrupted removal has left."""
    current = {file(folder, name, generation) for name in COLUMNS}
    named = re.compile(rf"({'|'.join(COLUMNS)})(-[1-9]\d*)?\.npy")
    return [p for p in folder.glob("*.npy") if named.fullmatch(p.name) and p not in current]


def _width(name: str, dim: int) -> tuple[int, ...]:
    widths = {"latents": (dim,), DESCRIPTORS: (len(MEASURED),)}
    return widths.get(name, ())


def _write_header(stream: BinaryIO, rows: int, width: tuple[int, ...]) -> None:
    # numpy reserves space for a longer first axis, so the data need not be moved.
    shape: Any = {"descr": "<f4", "fortran_order": False, "shape": (rows, *width)}
    np.lib.format.write_array_header_1_0(stream, shape)


def _read_header(stream: BinaryIO, width: tuple[int, ...]) -> int:
    """The offset of the data of a float32 (rows, *width). Raises ValueError."""
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("unknown version")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype != np.dtype("<f4") or fortran or not shape or shape[1:] != width:
        raise ValueError(f"holds {dtype} of shape {shape}")
    return stream.tell()
