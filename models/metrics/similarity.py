"""The similarity of two sounds: the figures by which a model is judged."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from latentpad.models import extras
from latentpad.models.representation import Floats, Representation, frame_levels


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


EQUAL, WORST = 4.732101253042339, 1.0  # ViSQOL of two equal sounds, and its scale's end
WINDOW, STEP, PATCH = 3840, 960, 30  # its frames in samples at 48 kHz, and frames in a patch
AHEAD = (PATCH // 2 - 1) * STEP  # samples before its first patch


@lru_cache(maxsize=1)
def _visqol() -> Any:
    extras.check("visqol", "this figure needs ViSQOL")
    from visqol import VisqolApi

    judge = VisqolApi()
    judge.create(mode="audio")
    return judge


def visqol(
    reference: Floats, other: Floats, representation: Representation, *, whole: bool = True
) -> float:
    """ViSQOL v3 audio mode (Chinen et al., 2020), MOS-LQO 1...5, of two waveforms.

    ViSQOL compares patches of 0.6 s, the first of which begins 0.28 s after the start of its input,
    when a footstep is nearly over. With `whole`, silence is put before the sounds (as its
    guidelines advise), and after them until both have ended. Otherwise silence is only added after
    them, up to the minimum length of 1 s: this gives the figure of those who do so, which does not
    depend on the beginning of a sound.

    It works at 48 kHz; other rates are resampled. It hardly depends on phase. Under 0.1 s for a
    pair, after a first call of some seconds. Two silent sounds count as equal, and silence as
    entirely unlike a sound, as ViSQOL gives no number for either.

    Raises models.extras.ExtraError if ViSQOL, of the extra `evaluate`, is not installed.
    """
    there = [bool(np.any(reference)), bool(np.any(other))]
    if not all(there):
        return WORST if any(there) else EQUAL
    sounds = [np.asarray(s, np.float64) for s in (reference, other)]
    if representation.sample_rate != 48000:
        import soxr

        sounds = [soxr.resample(s, representation.sample_rate, 48000) for s in sounds]
    if whole:
        patches = -(-max(_end(s) for s in sounds) // (PATCH * STEP))
        length = ((PATCH // 2) + PATCH * patches) * STEP + WINDOW
        sounds = [np.concatenate([np.zeros(AHEAD), s])[:length] for s in sounds]
    else:
        length = max(48000, *(len(s) for s in sounds))
    first, second = (np.pad(s, (0, length - len(s))) for s in sounds)
    return float(_visqol().measure_from_arrays(first, second, 48000).moslqo)


def _end(sound: np.ndarray[Any, Any]) -> int:
    """The sample after which a sound stays 60 dB below its peak."""
    return int(np.flatnonzero(np.abs(sound) > 1e-3 * np.abs(sound).max())[-1]) + 1


def log_spectral_db(reference: Floats, other: Floats) -> float:
    """Mean distance in dB between two waveforms' log spectra, at windows of 256 to 4,096 samples.

    The root of the mean square over bins, the mean over frames of the reference's content and over
    five resolutions (Gray & Markel, Distance measures for speech processing, 1976; several
    resolutions after Yamamoto, Song & Kim, Parallel WaveGAN, 2020). The shorter is followed by
    silence.
    """
    length = max(len(reference), len(other), 4096)
    pair = [np.pad(np.asarray(s, np.float32), (0, length - len(s))) for s in (reference, other)]
    distances = []
    for size in (256, 512, 1024, 2048, 4096):
        shape = np.hanning(size).astype(np.float32)
        first, second = (
            np.abs(
                np.fft.rfft(np.lib.stride_tricks.sliding_window_view(s, size)[:: size // 4] * shape)
            )
            for s in pair
        )
        floor = 1e-5 * max(float(first.max()), 1e-10)  # 100 dB below the reference's peak
        a, b = (20 * np.log10(np.maximum(s, floor)) for s in (first, second))
        frames = content(a)
        distances.append(np.sqrt(np.square(a[frames] - b[frames]).mean(axis=1)).mean())
    return float(np.mean(distances))


def grade(odg: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """PEAQ's objective difference grade (about -4...0.2) on the reports' scale of 1...5."""
    return np.clip(np.asarray(odg) + 5, 1, 5)
