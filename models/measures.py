"""How near one sound is to another: the figures a model is judged by."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from models.representation import Floats, Representation, frame_levels


def content(frames_db: Floats) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(frames,) True where the frame's level is within 60 dB of the loudest frame's."""
    levels = frame_levels(frames_db)
    return np.asarray(levels > levels.max() - 60)


def mae_db(reference: Floats, other: Floats) -> float:
    """Mean absolute error in dB of two (frames, bins) in dB, over the reference's content."""
    frames = content(reference)
    return float(np.abs(reference[frames] - other[frames]).mean())


def spectral_convergence(reference: Floats, other: Floats) -> float:
    """|| |reference| - |other| || / || reference || in dB, of linear (frames, bins)."""
    error = float(np.linalg.norm(reference - other))
    return 20 * float(np.log10(max(error, 1e-10) / max(float(np.linalg.norm(reference)), 1e-10)))


@lru_cache(maxsize=1)
def _visqol() -> Any:
    from visqol import VisqolApi

    judge = VisqolApi()
    judge.create(mode="audio")
    return judge


def visqol(reference: Floats, other: Floats, representation: Representation) -> float:
    """ViSQOL v3 audio mode (Chinen et al., 2020), MOS-LQO 1...5, of two waveforms.

    It listens at 48 kHz, to patches of half a second: other rates are resampled and short sounds
    followed by silence. Nearly blind to phase. Under 0.1 s of computing a pair, after a first
    call of some seconds.
    """
    sounds = [reference, other]
    if representation.sample_rate != 48000:
        import soxr

        sounds = [soxr.resample(s, representation.sample_rate, 48000) for s in sounds]
    length = max(48000, *(len(s) for s in sounds))
    first, second = (np.pad(np.asarray(s, np.float64), (0, length - len(s))) for s in sounds)
    return float(_visqol().measure_from_arrays(first, second, 48000).moslqo)
