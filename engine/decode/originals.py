"""A library's own recordings, for `/mode original`: the nearest anchor as it was recorded."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from latentpad.engine.decode.decoder import DecodedSound, Decoder
from latentpad.models.representation import FLOOR, Floats

if TYPE_CHECKING:
    from latentpad.models.libraries.library import Library

KEPT = 64  # recordings in memory: 400 kB each for a second of stereo at 48 kHz


class Recording(NamedTuple):
    """A recording as it was made, at the level that its sound says."""

    sound: DecodedSound  # what the voices need to know of it, as of a decoded one
    wave: Floats  # (samples,) the mean of left and right
    side: Floats | None  # (samples,) half of what left has more than right; None: they are alike


class Originals:
    """Read when first asked for, by the one thread that decodes; a file takes it some ms."""

    def __init__(self, library: Library, decoder: Decoder) -> None:
        import scipy.signal  # noqa: F401  (for models.audio.reading: half a second, not at a note)

        self._library, self._decoder = library, decoder
        self.of = lru_cache(KEPT)(self._read)

    def _read(self, anchor: int) -> Recording | None:
        """The anchor's recording.

        None where there is none, or it cannot be read: the model's own decoding serves then.
        """
        from latentpad.models.audio.reading import Unreadable, read_stereo

        r = self._library.pack.representation
        path = self._library.recording(anchor)
        if path is None:
            return None
        try:
            mono, sides = read_stereo(path, r)
        except (OSError, Unreadable):
            return None
        magnitudes = r.magnitudes(mono)
        peak = np.float32(max(float(magnitudes.max(initial=0.0)), FLOOR))
        sound = self._decoder.describe(r.decibels(magnitudes))
        left, right = sides.T / peak
        half = np.float32(0.5)
        side = None if np.array_equal(left, right) else half * (left - right)
        return Recording(sound, half * (left + right), side)
