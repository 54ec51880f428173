"""A library's own recordings, for `/mode original`: the nearest anchor as it was recorded."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from engine.decoder import Decoder, Sound
from models.representation import FLOOR, Floats

if TYPE_CHECKING:
    from models.libraries.library import Library

KEPT = 64  # recordings in memory: 200 kB each for a second at 48 kHz


class Originals:
    """Read when first asked for, by the one thread that decodes; a file takes it some ms."""

    def __init__(self, library: Library, decoder: Decoder) -> None:
        self._library, self._decoder = library, decoder
        self.of = lru_cache(KEPT)(self._read)

    def _read(self, anchor: int) -> tuple[Sound, Floats] | None:
        """The anchor's recording as a sound and as (samples,) float32 of the sound's own level.

        None where there is none, or it cannot be read: the model's own decoding serves then.
        """
        from models.audio import Unreadable, heard

        r = self._library.pack.representation
        path = self._library.recording(anchor)
        if path is None:
            return None
        try:
            samples, _ = heard(path.read_bytes(), r)
        except (OSError, Unreadable):
            return None
        magnitudes = r.magnitudes(samples)
        peak = max(float(magnitudes.max(initial=0.0)), FLOOR)
        sound = self._decoder.describe(r.decibels(magnitudes))
        return sound, np.asarray(samples / np.float32(peak), np.float32)
