"""The decoded sounds of all voices: a block of shared memory, one for each pack that is played.

Its size depends on the pack, so it is apart from the rest of the board: when another pack is
played, the board stays, and the new pack's sounds get a block of their own. The block has no name
in the file system. It lives as long as a process has it open, so nothing is left behind when
processes are killed.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import reduction
from typing import Any

import numpy as np

from latentpad.engine.atomic import AtomicCursors
from latentpad.engine.parameters import BLENDED, LATENT_MAX, VOICES

BUFFERS = 3
CACHE_LINE = 64


@dataclass(frozen=True)
class SoundShape:
    """The dimensions of a pack's decoded sounds."""

    frames: int
    bins: int
    samples: int  # in one decoded sound
    texture_bands: int = field(default=0, kw_only=True)  # see `Representation`


def _fields(shape: SoundShape) -> list[tuple[str, type, tuple[int, ...]]]:
    """All are written by the decoding process."""
    f, i, columns = np.float64, np.int64, shape.bins + shape.texture_bands
    return [
        ("published", i, (VOICES,)),
        ("fills", i, (VOICES,)),  # counts the windows that were added to published sounds
        ("sound_request", i, (VOICES, BUFFERS)),
        ("sound_gain", f, (VOICES, BUFFERS)),  # dB that brings it to the common level
        ("sound_level", f, (VOICES, BUFFERS)),  # dB, level of the recordings there
        ("sound_onset", f, (VOICES, BUFFERS)),  # frames
        ("sound_end", f, (VOICES, BUFFERS)),  # frames
        ("sound_latent", f, (VOICES, BUFFERS, LATENT_MAX)),  # NaN beyond those of the pack
        ("sound_grain", f, (VOICES, BUFFERS, 2 * BLENDED)),  # anchors and amounts, then NaN
        ("sound_original", i, (VOICES, BUFFERS)),  # the anchor whose recording it is, or -1
        ("sound_wave", i, (VOICES, BUFFERS)),  # NO_WAVE, MONO or STEREO
        # the large fields last
        ("sound_filled", np.bool_, (VOICES, BUFFERS, shape.frames)),  # the frames that are decoded
        ("frame_levels", np.float32, (VOICES, BUFFERS, shape.frames)),  # dB, of all bins
        ("sounds", np.float32, (VOICES, BUFFERS, shape.frames, columns)),
        ("waves", np.float32, (VOICES, BUFFERS, shape.samples)),  # (left + right) / 2
        ("sides", np.float32, (VOICES, BUFFERS, shape.samples)),  # (left - right) / 2
    ]


CURSORS = ("published", "fills")


class SoundMemory:
    """Named arrays in one block of shared memory, by which voices get their decoded sounds.

    `fields` are the arrays by name; a `Board` shows them as its own. The block is shared with
    another process by its file descriptor `fd`: as an argument of a process that is being spawned,
    or sent on a socket and opened there with `SoundMemory(shape, fd)`, which then owns it.
    """

    def __init__(self, shape: SoundShape, fd: int | None = None) -> None:
        """Raises `OSError` if there is no memory."""
        self.shape = shape
        fields = _fields(shape)
        size = sum(field_bytes(kind, dims) for _, kind, dims in fields)
        self.fd = _anonymous_file(size) if fd is None else fd
        self.fields = arrays(mmap.mmap(self.fd, size), fields, CURSORS)
        if fd is None:
            self.fields["sound_latent"][:] = np.nan
            self.fields["sound_grain"][:] = np.nan

    def __del__(self) -> None:
        with suppress(AttributeError, OSError):
            os.close(self.fd)

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, (self.shape, reduction.DupFd(self.fd))


def arrays(
    memory: Any, fields: list[tuple[str, type, tuple[int, ...]]], cursors: tuple[str, ...]
) -> dict[str, Any]:
    """The arrays of `fields` (name, type, dimensions) that lie one after the other in `memory`; an
    `AtomicCursors` for those named in `cursors`."""
    named: dict[str, Any] = {}
    position = 0
    for name, kind, dims in fields:
        array: np.ndarray = np.frombuffer(memory, kind, int(np.prod(dims)), position)
        array = array.reshape(dims)
        named[name] = AtomicCursors(array) if name in cursors else array
        position += field_bytes(kind, dims)
    return named


def field_bytes(kind: type, dims: tuple[int, ...]) -> int:
    """Bytes of a field, rounded up to whole cache lines."""
    size = int(np.prod(dims)) * np.dtype(kind).itemsize
    return (size + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE


def _opened(shape: SoundShape, passed: Any) -> SoundMemory:
    """In a spawned process: the block that was its argument."""
    return SoundMemory(shape, passed.detach())


def _anonymous_file(size: int) -> int:
    """A file descriptor of `size` zeros in memory that no path leads to."""
    if sys.platform == "linux":
        fd = os.memfd_create("latentpad sounds")
    else:
        fd, path = tempfile.mkstemp()
        os.unlink(path)
    try:
        os.ftruncate(fd, size)
    except OSError:
        os.close(fd)
        raise
    return fd
