"""grain.npy in a pack's folder: the residuals of its anchors (`models.grain`)."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np

from latentpad.models.grain import Steps
from latentpad.models.packs import files
from latentpad.models.packs.limits import MOST_GRAIN_BYTES
from latentpad.models.packs.pack import Pack, PackError

FILE = "grain.npy"
NONE = -128  # no step of a residual: fills the rows of anchors without one


class PackResiduals:
    """The residuals in a pack's grain.npy, memory-mapped. Any thread."""

    def __init__(self, pack: Pack) -> None:
        """Raises PackError if the file is broken."""
        self._rows = files.memory_mapped(pack.path, FILE, _shape(pack), np.int8, MOST_GRAIN_BYTES)

    def residual(self, anchor: int) -> Steps | None:
        """As `models.grain.Residuals.residual`: a copy, which waits for no disk later."""
        row: Steps = np.array(self._rows[anchor])
        return None if row[0, 0] == NONE else row


def has_file(pack: Pack) -> bool:
    """Whether there is a grain.npy beside the pack, valid or not."""
    return (pack.path / FILE).is_file()


def write(pack: Pack, residuals: Iterable[Steps | None]) -> None:
    """Write the residual of every anchor, or None, as a whole file or not at all.

    Raises PackError, and what `residuals` raises.
    """
    target, new = pack.path / FILE, pack.path / f".{FILE}-new"
    shape = _shape(pack)
    if np.prod(shape, dtype=np.int64) > MOST_GRAIN_BYTES:
        raise PackError(
            f"{pack.path}: {FILE} would have {np.prod(shape) >> 30} GB: too many sounds"
        )
    try:
        with new.open("wb") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": "|i1", "fortran_order": False, "shape": shape}
            )
            for row in residuals:
                file.write((np.full(shape[1:], NONE, np.int8) if row is None else row).tobytes())
        os.replace(new, target)
    except OSError as error:
        raise PackError(f"{target}: cannot be written: {error.strerror or error}") from None
    finally:
        new.unlink(missing_ok=True)


def _shape(pack: Pack) -> tuple[int, int, int]:
    r = pack.representation
    return len(pack.anchors), r.frames, r.bins
