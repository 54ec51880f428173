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
    clips: Sequence[Clip],
    representation: Representation,
    shown: Callable[[int], None] = lambda done: None,
    log: Callable[[str], None] = lambda line: None,
) -> None:
    """Write every clip's spectrogram to `folder`, for `read`.

    Clips that cannot be read, or are silent, are left out, with a line to `log`. The spectrograms
    are on disk, so memory does not grow with the number of sounds. `shown` is called with the
    number of clips done.
    """
    partial = folder / "sounds.partial"
    kept, peaks = [], []
    with partial.open("wb") as file:
        for i, clip in enumerate(clips):
            try:
                sound, peak = spectrogram(clip, representation)
            except AudioError as error:
                log(f"{error}: left out")
            else:
                file.write(sound.astype(np.float16).tobytes())
                kept.append(i)
                peaks.append(peak)
            shown(i + 1)
    if len(kept) < len(clips):
        log(f"{len(clips) - len(kept)} of {len(clips)} sounds left out")
    os.replace(partial, folder / "sounds.f16")
    partial = folder / "read.partial.npz"
    np.savez(partial, kept=np.array(kept, np.int64), peaks=np.array(peaks, np.float32))
    os.replace(partial, folder / "read.npz")


class StoredSpectrograms:
    """(L, frames, bins) float16 in 0...1 in a file; the rounding is under 0.1 dB.

    Read on demand, and not memory-mapped: the pages of a map stay in a process for as long as the
    system likes. Any thread may read.
    """

    def __init__(self, path: Path, frames: int, bins: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._shape, self._size = (frames, bins), 2 * frames * bins
        self._count = path.stat().st_size // self._size

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, indices: Any) -> NDArray[np.float16]:
        """One sound of an int, B sounds of (B,) ints, as (B, frames, bins)."""
        data = b"".join(
            os.pread(self._file.fileno(), self._size, int(i) * self._size)
            for i in np.ravel(indices)
        )
        return np.frombuffer(data, np.float16).reshape(*np.shape(indices), *self._shape)


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
    """Batches of `sounds[chosen]`, for Keras.

    Without a `strength`: one epoch, unchanged and in order. With a `strength` (0 too): shuffled and
    varied, epoch after epoch without an end.

    A batch is a function of the seed, the epoch and its index, so a training that is resumed gets
    the same batches as one that was not interrupted. Keras asks for the next ones, in order, on a
    thread of its own while it trains on one, and beyond the epoch's end while it validates.
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
        self.first_epoch = 0
        """The epoch that batch 0 belongs to."""

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self._chosen) // self._batch)

    @property
    def num_batches(self) -> int | None:
        return len(self) if self._strength is None else None

    def __getitem__(self, index: int) -> tuple[Floats]:
        return (self.part(index, 0, 1),)

    def part(self, index: int, member: int, members: int) -> Floats:
        """The share of batch `index` for one of `members` replicas, each varied independently.

        All shares have one size: a batch that does not divide is filled up with sounds from the
        beginning of the epoch.
        """
        epoch, index = divmod(index, len(self))
        epoch += self.first_epoch
        order = self._chosen
        if self._strength is not None:
            order = np.random.default_rng((self._seed, epoch)).permutation(order)
        batch = order[index * self._batch : (index + 1) * self._batch]
        missing = -len(batch) % members
        batch = np.concatenate([batch, np.resize(order, missing)])[member::members]
        sounds = self._sounds[np.sort(batch)].astype(np.float32)
        if self._strength:
            rng = np.random.default_rng((self._seed, epoch, index, member))
            sounds = augmentation.augmented(sounds, rng, self._strength)
        return sounds
