"""One comparison: every figure of how near one sound is to another. Runs in worker processes."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from latentpad.engine.play.resynthesis import resynthesise
from latentpad.models.metrics import similarity
from latentpad.models.metrics.peaq import Patterns, compared, ear_patterns, repeated
from latentpad.models.representation import Floats, Representation

#: Changes when a figure is computed otherwise: what was kept under another is not used.
VERSION = 1
RATE = 48000
PEAQ_SECONDS = 3.0  # BS.1387 leaves out the first half second, and a footstep is shorter


class Figures(NamedTuple):
    """How near a sound is to its reference."""

    mae_db: float  # of the magnitudes, over the reference's content
    convergence_db: float  # of the magnitudes
    log_spectral_db: float  # of the waveforms, at several resolutions
    visqol: float  # MOS-LQO, 1...5
    odg: float  # PEAQ basic, about -4...0.2
    peaq_valid: float  # 1 where every variable of PEAQ had frames to look at


class Reference(NamedTuple):
    """What sounds are compared with: a recording, or an anchor as the model decodes it."""

    name: bytes  # tells it from any other
    frames: Floats  # (frames, bins) dB
    sound: Floats | None  # (n,) at the representation's rate; None: as a voice plays the frames


def limit_threads() -> None:
    """One thread a worker: there is a worker for each core. For what it has yet to import; what
    it has imported already, to be given a job, `comparing._alone` tells."""
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


def rehearse(representation: Representation) -> None:
    """Judge two noises, which compiles all kernels where none are kept: once, where it can be
    told, and not in every worker at once."""
    r = representation
    noises = np.random.default_rng(0).normal(scale=0.1, size=(2, r.samples)).astype(np.float32)
    one, other = (r.decibels(r.magnitudes(noise)) for noise in noises)
    judge(r, Reference(b"", one, None), other[None])


def judge(representation: Representation, reference: Reference, others: Floats) -> list[Figures]:
    """Each of (n, frames, bins) dB, as a voice plays it, compared with one reference.

    Pure: the same figures anywhere, any process. About a third of a second each on one core.
    """
    r = representation
    frames = reference.frames
    sound = resynthesise(frames, r) if reference.sound is None else reference.sound
    known = _at_rate(sound, r)
    length = max(len(known), -(-r.samples * RATE // r.sample_rate))
    patterns = _heard(known, length)
    result = []
    for other in others:
        sound = _at_rate(resynthesise(other, r), r)
        grade = compared(patterns, _heard(sound, length))
        result.append(
            Figures(
                similarity.mae_db(frames, other),
                similarity.spectral_convergence(_linear(frames), _linear(other)),
                similarity.log_spectral_db(known, sound),
                similarity.visqol(known, sound, replace(r, sample_rate=RATE)),
                grade.odg,
                float(grade.valid),
            )
        )
    return result


def _heard(sound: Floats, length: int) -> Patterns:
    """What PEAQ hears: of 16 bits, as silence with a hiss however soft would not be silence."""
    whole = np.zeros(length)
    whole[: len(sound)] = np.round(32768 * sound.astype(np.float64)[:length]) / 32768
    return ear_patterns(repeated(whole, PEAQ_SECONDS))


def _linear(frames_db: Floats) -> Floats:
    return np.asarray(10 ** (frames_db / 20), np.float32)


def _at_rate(sound: Floats, r: Representation) -> Floats:
    if r.sample_rate == RATE:
        return sound
    import soxr

    return np.asarray(soxr.resample(sound, r.sample_rate, RATE), np.float32)
