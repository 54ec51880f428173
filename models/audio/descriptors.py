"""Descriptors: what a listener would call a sound, measured from its frames in dB.

The names are those of AudioCommons' timbral models, by whose brightness, hardness and depth the
Timbral Explorer placed sounds (Pearce, Brookes & Mason, deliverable D5.6, 2018); the formulas are
plainer ones, so that a recording, a decoded sound and a library without recordings are measured
alike. Everything is relative to the sound's own level: its gain changes nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentpad.models.representation import Floats, Representation, a_weights, power

Float64 = NDArray[np.float64]

HEARD_DB = 60  # below its loudest frame a frame counts as silence
NEIGHBOURS = 8  # bins on each side with which a bin is compared
CROSSOVER = 500.0  # Hz: AudioCommons' limit of what makes a sound deep
EXTREME_DB = 60.0
BAND = 2.0  # ERBs


class Descriptors(NamedTuple):
    """Descriptors of one sound, or, with (L,) fields, of L sounds."""

    brightness: float
    """ERB rate (Cams; Glasberg & Moore, 1990) of the centre of its A-weighted power."""
    hardness: float
    """0...1: the steepest rise within a window's length of its loudness in bands two ERBs wide
    (power ** 0.3: Stevens, 1955), mean over bands. A hard sound rises fast and over all of them:
    AudioCommons hears hardness in the attack's time, gradient and spectrum."""
    noisiness: float
    """dB by which its peaks stand out, negative: about 0 for clicks, -4 for noise, -20 for tones.
    The power-weighted mean of each bin's level less that of the bins beside it: a local spectral
    flatness (Johnston, 1988) that a slope does not change. Partials less than eight bins apart are
    not distinguished from noise."""
    attack: float
    """log10 s of the rise, as MPEG-7's LogAttackTime (Peeters et al., 2011): from a tenth to
    half of the peak amplitude, as long as a straight line through both takes to the peak."""
    depth: float
    """dB of its power below 500 Hz against that above."""
    duration: float
    """s from 5 % to 95 % of its A-weighted energy."""


MEASURED = Descriptors._fields
NAMES = (*MEASURED, "loudness")
"""The axes of a plane of descriptors, the two defaults first. The loudness is that of
models.packs.pack.Anchors. New names are added at the end: an axis is an index into this tuple."""

SILENCE = Descriptors(0.0, 0.0, -EXTREME_DB, 0.0, 0.0, 0.0)


def measure(frames_db: Floats, representation: Representation) -> Descriptors:
    """The descriptors of (frames, bins) dB. Any thread; about 1 ms a second of sound.

    All are finite, whatever the sound: silence gives `SILENCE`.
    """
    r = representation
    loudest = float(frames_db.max(initial=-r.range_db))
    if not frames_db.size or loudest <= -r.range_db:
        return SILENCE
    energy = power(frames_db - np.float32(loudest))
    total = energy.sum(axis=1)
    energy[total < total.max() * 10 ** (-HEARD_DB / 10)] = 0
    weighted = energy * a_weights(r)
    envelope = weighted.sum(axis=1, dtype=np.float64)
    if envelope.max() <= 0:  # only inaudible frequencies
        weighted, envelope = energy, energy.sum(axis=1, dtype=np.float64)
    spectrum = weighted.sum(axis=0, dtype=np.float64)
    seconds = r.hop / r.sample_rate
    return Descriptors(
        brightness=float(spectrum @ _cams(r) / spectrum.sum()),
        hardness=_hardness(energy, r),
        noisiness=_noisiness(frames_db, weighted, float(spectrum.sum())),
        attack=float(np.log10(_rise(np.sqrt(envelope / envelope.max())) * seconds)),
        depth=_depth(energy.sum(axis=0, dtype=np.float64), r),
        duration=_duration(envelope) * seconds,
    )


def table(sounds: Any, representation: Representation) -> dict[str, Floats]:
    """(L,) float32 of each of `MEASURED`, of any iterable of (frames, bins) dB."""
    rows = np.array([measure(frames, representation) for frames in sounds], np.float32)
    return dict(zip(MEASURED, rows.reshape(-1, len(MEASURED)).T.copy(), strict=True))


@lru_cache(maxsize=8)
def _cams(r: Representation) -> Float64:
    """(bins,) ERB rate of each bin."""
    frequency = np.fft.rfftfreq(r.n_fft, 1 / r.sample_rate)
    return np.asarray(21.4 * np.log10(1 + 0.00437 * frequency))


@lru_cache(maxsize=8)
def _edges(r: Representation) -> NDArray[np.intp]:
    """First bin of each band; low bands are as wide as their one bin."""
    return np.unique((_cams(r)[1:] / BAND).astype(int), return_index=True)[1] + 1


def _noisiness(frames_db: Floats, weights: Floats, total: float) -> float:
    heard = weights.any(axis=1)
    levels, weights = frames_db[heard], weights[heard]
    n = min(NEIGHBOURS, levels.shape[1] - 1)
    # Point-symmetric continuation at both ends: there too a bin has as many neighbours on each
    # side, and a slope is no peak.
    low, high = levels[:, :1], levels[:, -1:]
    extended = 2 * low - levels[:, n:0:-1], levels, 2 * high - levels[:, -2 : -n - 2 : -1]
    sums = np.cumsum(np.hstack([np.zeros_like(low), *extended]), axis=1, dtype=np.float64)
    neighbours_mean = (sums[:, 2 * n + 1 :] - sums[:, : -2 * n - 1]) / (2 * n + 1)
    return -float(np.einsum("fb,fb->", weights, levels - neighbours_mean)) / total


def _rise(envelope: Float64) -> float:
    """Frames from nothing to the peak of an amplitude envelope whose maximum is 1."""
    envelope = np.r_[0.0, envelope]
    half = int(np.argmax(envelope >= 0.5))
    tenth = int(np.flatnonzero(envelope[:half] < 0.1)[-1]) + 1

    def crossing(index: int, level: float) -> float:
        before, after = envelope[index - 1], envelope[index]
        return float(index - (after - level) / (after - before))

    return (crossing(half, 0.5) - crossing(tenth, 0.1)) / 0.4


def _hardness(energy: Floats, r: Representation) -> float:
    # Without the frames whose windows reach over the end: a sound that is cut there would count as
    # hard.
    frame_count = max(1, len(energy) - -(-r.n_fft // (2 * r.hop)))
    bands = np.add.reduceat(energy[:frame_count], _edges(r), axis=1)
    if not bands.any():  # only a constant
        return 0.0
    loudness = np.asarray((bands / bands.max()) ** 0.3, np.float64)
    lag = max(1, r.n_fft // r.hop)
    earlier = np.vstack([np.zeros((lag, loudness.shape[1])), loudness[:-lag]])[: len(loudness)]
    return float(np.maximum(loudness - earlier, 0).mean(axis=1).max())


def _depth(spectrum: Float64, r: Representation) -> float:
    crossover = round(CROSSOVER * r.n_fft / r.sample_rate)
    # Without the constant, which is inaudible.
    low, high = spectrum[1 : crossover + 1].sum(), spectrum[crossover + 1 :].sum()
    if low + high <= 0:
        return EXTREME_DB
    tiny = (low + high) * 10 ** (-EXTREME_DB / 10)
    return float(10 * np.log10((low + tiny) / (high + tiny)))


def _duration(envelope: Float64) -> float:
    """Frames that hold the middle 90 % of the energy."""
    share = np.r_[0.0, np.cumsum(envelope)] / envelope.sum()
    begin, end = np.interp([0.05, 0.95], share, np.arange(len(share)))
    return float(end - begin)
