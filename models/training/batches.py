"""The sounds as a training reads them: spectrograms on disk, varied anew in every epoch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from latentpad.models.audio.reading import AudioError
from latentpad.models.representation import Floats, Representation
from latentpad.models.training import augmentation
from latentpad.models.training.dataset import Clip, spectrogram


def write(
    folder: Path,
    found: Sequence[Clip],
    representation: Representation,
    shown: Callable[[int], None] = lambda done: None,
    log: Callable[[str], None] = lambda line: None,
) -> None:
    """Every clip's spectrogram into `folder`, to be opened by `read`.

    What cannot be read, or is silent, is left out, with a line to `log`. On disk, so that ten
    thousand sounds take no more memory than a hundred. `shown` is told how many are done.
    """
    partial = folder / "sounds.partial"
    kept, peaks = [], []
    with partial.open("wb") as file:
        for i, clip in enumerate(found):
            try:
                sound, peak = spectrogram(clip, representation)
            except AudioError as error:
                log(f"{error}: left out")
            else:
                file.write(sound.astype(np.float16).tobytes())
                kept.append(i)
                peaks.append(peak)
            shown(i + 1)
    if len(kept) < len(found):
        log(f"{len(found) - len(kept)} of {len(found)} sounds left out")
    os.replace(partial, folder / "sounds.f16")
    partial = folder / "read.partial.npz"
    np.savez(partial, kept=np.array(kept, np.int64), peaks=np.array(peaks, np.float32))
    os.replace(partial, folder / "read.npz")


class StoredSpectrograms:
    """(L, frames, bins) float16 in 0...1 in a file: a thousandth of the range, under 0.1 dB.

    Read as it is asked for, and not mapped: pages of a map stay in a process for as long as the
    system likes. Any thread may read.
    """

    def __init__(self, path: Path, frames: int, bins: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._shape, self._size = (frames, bins), 2 * frames * bins
        self._count = path.stat().st_size // self._size

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at: Any) -> NDArray[np.float16]:
        """One sound of an int, B sounds of (B,) ints, as (B, frames, bins)."""
        data = b"".join(
            os.pread(self._file.fileno(), self._size, int(i) * self._size) for i in np.ravel(at)
        )
        return np.frombuffer(data, np.float16).reshape(*np.shape(at), *self._shape)


class StoredClips(NamedTuple):
    """What `write` has written of L clips."""

    sounds: StoredSpectrograms
    peaks: Floats  # (L,) peak bin in dBFS
    kept: list[int]  # which clips could be read


def read(folder: Path, representation: Representation) -> StoredClips | None:
    """What `write` has written to `folder`; None if it has not finished there."""
    if not (folder / "read.npz").is_file():
        return None
    with np.load(folder / "read.npz") as archive:
        kept, peaks = archive["kept"], archive["peaks"]
    sounds = StoredSpectrograms(folder / "sounds.f16", representation.frames, representation.bins)
    return StoredClips(sounds, peaks, [int(i) for i in kept])


class Batches(keras.utils.PyDataset):
    """Batches of `sounds[chosen]`: of one epoch, as they are and in order, or with a `strength`
    (0 too) shuffled and varied, epoch after epoch without an end.

    A batch is a function of seed, epoch and place in it: a training taken up again after an
    interruption sees what it would have seen. Keras asks for the next ones, in order, on a thread
    of its own while it learns from one, and beyond the epoch's end while it validates.
    """

    def __init__(
        self,
        sounds: StoredSpectrograms | NDArray[np.float16],
        chosen: Sequence[int],
        batch: int,
        seed: int = 0,
        strength: float | None = None,
    ) -> None:
        super().__init__()
        self._sounds, self._chosen = sounds, np.asarray(chosen)
        self._batch, self._seed, self._strength = batch, seed, strength
        self.begun = 0
        """The epoch that batch 0 belongs to."""

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self._chosen) // self._batch)

    @property
    def num_batches(self) -> int | None:
        return len(self) if self._strength is None else None

    def __getitem__(self, at: int) -> tuple[Floats]:
        return (self.part(at, 0, 1),)

    def part(self, at: int, member: int, members: int) -> Floats:
        """What one of `members` replicas sees of batch `at`: shares of one size, varied apart.

        Where a batch does not divide, it is filled up with sounds from the epoch's beginning.
        """
        epoch, at = divmod(at, len(self))
        epoch += self.begun
        order = self._chosen
        if self._strength is not None:
            order = np.random.default_rng((self._seed, epoch)).permutation(order)
        batch = order[at * self._batch : (at + 1) * self._batch]
        lacking = -len(batch) % members
        batch = np.concatenate([batch, np.resize(order, lacking)])[member::members]
        sounds = self._sounds[np.sort(batch)].astype(np.float32)
        if self._strength:
            rng = np.random.default_rng((self._seed, epoch, at, member))
            sounds = augmentation.augmented(sounds, rng, self._strength)
        return sounds
