"""The sounds as a training reads them: spectrograms on disk, varied anew in every epoch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from models import augment
from models.dataset import Clip, spectrogram
from models.representation import Floats, Representation


def write(
    path: Path, found: Sequence[Clip], representation: Representation, shown: Any = lambda n: None
) -> Floats:
    """Every clip's spectrogram into the file `path`; the (L,) peak bin of each sound in dBFS.

    (L, frames, bins) float16 in 0...1: a thousandth of the range, which is less than 0.1 dB. On
    disk, so that ten thousand sounds take no more memory than a hundred. `shown` is told how
    many are done. Raises models.audio.AudioError.
    """
    r = representation
    partial = path.with_suffix(".partial")
    table = open_memmap(partial, "w+", np.float16, (len(found), r.frames, r.bins))
    peaks = np.empty(len(found), np.float32)
    for i, clip in enumerate(found):
        table[i], peaks[i] = spectrogram(clip, r)
        shown(i + 1)
    table.flush()
    del table
    os.replace(partial, path)
    return peaks


def read(path: Path) -> NDArray[np.float16]:
    """What `write` has written, memory-mapped."""
    return np.asarray(np.load(path, mmap_mode="r"))


class Lessons(keras.utils.PyDataset):
    """Batches of `sounds[chosen]`, a function of seed, epoch and place: a training taken up
    again after an interruption sees what it would have seen.

    With `strength` None they come as they are, in order.
    """

    def __init__(
        self,
        sounds: NDArray[np.float16],
        chosen: Sequence[int],
        batch: int,
        seed: int = 0,
        strength: float | None = None,
    ) -> None:
        super().__init__()
        self._sounds, self._chosen = sounds, np.asarray(chosen)
        self._batch, self._seed, self._strength = batch, seed, strength
        self.epoch = 0

    def __len__(self) -> int:
        return -(-len(self._chosen) // self._batch)

    def __getitem__(self, at: int) -> tuple[Floats]:
        order = self._chosen
        if self._strength is not None:
            order = np.random.default_rng((self._seed, self.epoch)).permutation(order)
        batch = order[at * self._batch : (at + 1) * self._batch]
        sounds = self._sounds[np.sort(batch)].astype(np.float32)
        if self._strength:
            rng = np.random.default_rng((self._seed, self.epoch, at))
            sounds = augment.augmented(sounds, rng, self._strength)
        return (sounds,)
