"""One comparison: all figures of how similar two sounds are. Runs in worker processes."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from latentpad.engine.play.resynthesis import resynthesise
from latentpad.models.metrics import similarity
from latentpad.models.metrics.peaq import Patterns, compared, ear_patterns, repeated
from latentpad.models.representation import Floats, Representation

#: Increased when a figure is computed differently: figures of another version are not reused.
VERSION = 1
RATE = 48000
PEAQ_SECONDS = 3.0  # sounds are repeated: BS.1387 skips the first half second


class Figures(NamedTuple):
    """The similarity of a sound to its reference."""

    mae_db: float  # of the magnitudes, over the reference's content
    convergence_db: float  # of the magnitudes
    log_spectral_db: float  # of the waveforms, at several resolutions
    visqol: float  # MOS-LQO, 1...5
    odg: float  # PEAQ basic, about -4...0.2
    peaq_valid: float  # 1 where every variable of PEAQ had frames to look at


class Reference(NamedTuple):
    """The sound that others are compared with: a recording or a decoded anchor."""

    name: bytes  # unique for each reference
    frames: Floats  # (frames, bins) dB
    sound: Floats | None  # (n,) at the representation's rate; None: as a voice plays the frames
    decoded: Floats | None = None  # (frames, columns) what it plays, if it is more than `frames`


def limit_threads() -> None:
    """Limit libraries that are imported later to one thread: there is a worker for each core.

    Those imported before, for reading the job, are limited by `comparison._single_threaded`.
    """
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


def rehearse(representation: Representation) -> None:
    """Compare two noises, so that all kernels are compiled and cached.

    Once here, instead of in every worker at the same time.
    """
    r = representation
    noises = np.random.default_rng(0).normal(scale=0.1, size=(2, r.samples)).astype(np.float32)
    one, other = (r.decibels(r.magnitudes(noise)) for noise in noises)
    judge(r, Reference(b"", one, None), other[None])


def judge(representation: Representation, reference: Reference, others: Floats) -> list[Figures]:
    """Compare each of (n, frames, columns), as a voice plays it, with one reference.

    The result depends on the arguments only, in any process. About 0.3 s each on one core.
    """
    r = representation
    frames, sound = reference.frames, reference.sound
    if sound is None:
        sound = resynthesise(frames if reference.decoded is None else reference.decoded, r)
    reference_sound = _at_rate(sound, r)
    length = max(len(reference_sound), -(-r.samples * RATE // r.sample_rate))
    patterns = _patterns(reference_sound, length)
    result = []
    for other in others:
        sound, decibels = _at_rate(resynthesise(other, r), r), r.spectrum(other)
        grade = compared(patterns, _patterns(sound, length))
        result.append(
            Figures(
                similarity.mae_db(frames, decibels),
                similarity.spectral_convergence(_linear(frames), _linear(decibels)),
                similarity.log_spectral_db(reference_sound, sound),
                similarity.visqol(reference_sound, sound, replace(r, sample_rate=RATE)),
                grade.odg,
                float(grade.valid),
            )
        )
    return result


def _patterns(sound: Floats, length: int) -> Patterns:
    """PEAQ's patterns of a sound of 16 bits, so that noise below them counts as silence."""
    samples = np.zeros(length)
    samples[: len(sound)] = np.round(32768 * sound.astype(np.float64)[:length]) / 32768
    return ear_patterns(repeated(samples, PEAQ_SECONDS))


def _linear(frames_db: Floats) -> Floats:
    return np.asarray(10 ** (frames_db / 20), np.float32)


def _at_rate(sound: Floats, r: Representation) -> Floats:
    if r.sample_rate == RATE:
        return sound
    import soxr

    return np.asarray(soxr.resample(sound, r.sample_rate, RATE), np.float32)
