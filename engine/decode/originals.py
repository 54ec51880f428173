"""A library's recordings, for `/mode original`: the nearest anchor as it was recorded."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from latentpad.engine.decode.sound import DecodedSound, describe
from latentpad.models.representation import FLOOR, Floats

if TYPE_CHECKING:
    from latentpad.models.libraries.library import Library

CACHE_SIZE = 64  # recordings; 400 kB each for a second of stereo at 48 kHz


class Recording(NamedTuple):
    """A recording, normalised so that its sound's gain applies."""

    sound: DecodedSound  # its properties, as those of a decoded sound
    wave: Floats  # (samples,) (left + right) / 2
    side: Floats | None  # (samples,) (left - right) / 2; None: it is zero


class Originals:
    """The recordings of a library, each read when it is first asked for. Only the decoding
    thread; a file takes some milliseconds."""

    def __init__(self, library: Library) -> None:
        import scipy.signal  # noqa: F401  (models.audio.reading needs it; its import takes half a second)

        self._library = library
        self.get = lru_cache(CACHE_SIZE)(self._read)

    def _read(self, anchor: int) -> Recording | None:
        """The anchor's recording.

        None if there is none or it cannot be read: then the model's decoded sound is played.
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
        sound = describe(r.untextured(r.decibels(magnitudes)), r)
        left, right = sides.T / peak
        half = np.float32(0.5)
        side = None if np.array_equal(left, right) else half * (left - right)
        return Recording(sound, half * (left + right), side)
