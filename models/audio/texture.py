"""How noise-like a sound is, by band and time.

The magnitudes of noise deviate from their neighbours', before and after as well as above and below.
A steady partial does not deviate from those before and after it, a click not from those above and
below. So the smaller of both deviations tells how much of a sound is noise; that of white noise,
analysed in the same way, is 1.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from latentpad.models.representation import Floats, Representation, window

BANDS = 24
STEP_S = 0.0213  # seconds of a step, about: the frames that the decoder makes of one coarse frame
TIME, FREQUENCY = 7, 9  # frames and bins of the neighbourhood
HEARD_DB = 60.0  # below the loudest bin: softer cells do not count
NOISE_FRAMES = 512  # of white noise, for the scale


def texture(frames_db: Floats, representation: Representation) -> Floats:
    """(steps, BANDS) float32 in 0...1: 1 is noise, 0 is steady, a click, or not heard.

    `frames_db` (frames, bins) dB. Any thread; about 5 ms a second of sound.
    """
    r = representation
    deviation, weights = _deviations(frames_db)
    shares = [_means(d, weights, r) for d in deviation]
    noise = _noise(r)
    nearest = np.minimum(*(s / n for s, n in zip(shares, noise, strict=True)))
    return np.clip(nearest, 0, 1).astype(np.float32)


def frame_texture(frames_db: Floats, representation: Representation) -> Floats:
    """(frames, BANDS) float32: `texture` of each frame, with no jump from step to step."""
    r, measured = representation, texture(frames_db, representation)
    size = step_frames(r)
    middles = np.arange(len(measured)) * size + (size - 1) / 2
    frames = np.arange(len(frames_db))
    columns = [np.interp(frames, middles, column) for column in measured.T]
    return np.array(columns, np.float32).T


def bands(representation: Representation) -> NDArray[np.intp]:
    """(BANDS,) the first bin of each band: equal steps of the ERB rate (Glasberg & Moore, 1990),
    each a bin wide at least."""
    r = representation
    frequency = np.fft.rfftfreq(r.n_fft, 1 / r.sample_rate)
    cams = 21.4 * np.log10(1 + 0.00437 * frequency)
    edges = np.searchsorted(cams, np.linspace(0, cams[-1], BANDS + 1)[:-1])
    for k in range(1, BANDS):
        edges[k] = max(edges[k], edges[k - 1] + 1)
    return edges


def interpolation(representation: Representation) -> tuple[NDArray[np.intp], Floats]:
    """For each bin: the band below it, and the share of the next one, 0...1. Each (bins,).

    By these, values of the bands become values of the bins with no jump where a band ends: at the
    middle of each band is its own value.
    """
    r = representation
    edges = np.append(bands(r), r.bins)
    middles = (edges[:-1] + edges[1:] - 1) / 2
    position = np.interp(np.arange(r.bins), middles, np.arange(BANDS))
    lower = np.minimum(position.astype(np.intp), BANDS - 2)
    return lower, (position - lower).astype(np.float32)


def steps(representation: Representation) -> int:
    """The number of steps of a sound."""
    r = representation
    return -(-r.frames // step_frames(r))


def step_frames(representation: Representation) -> int:
    """Frames of a step."""
    r = representation
    return max(1, round(STEP_S * r.sample_rate / r.hop))


def _deviations(frames_db: Floats) -> tuple[tuple[Floats, Floats], Floats]:
    """The deviations of each cell in time and in frequency, dB, and its weight: its amplitude, as
    far as it is heard."""
    # Here, because whoever plays a texture imports this module, and needs no SciPy.
    from scipy.ndimage import uniform_filter1d

    loudest = frames_db.max(initial=-1e3)
    levels = np.maximum(frames_db, loudest - HEARD_DB)
    deviations = tuple(
        np.abs(levels - uniform_filter1d(levels, size, axis=axis, mode="nearest"))
        for axis, size in ((0, TIME), (1, FREQUENCY))
    )
    weights = np.where(frames_db > loudest - HEARD_DB, 10 ** ((levels - loudest) / 20), 0)
    return (deviations[0], deviations[1]), weights.astype(np.float32)


def _means(values: Floats, weights: Floats, r: Representation) -> Floats:
    """(steps, BANDS) the weighted means of (frames, bins); 0 where nothing weighs."""
    size = step_frames(r)
    first = np.arange(0, len(values), size)
    edges = bands(r)

    def summed(x: Floats) -> Floats:
        return np.add.reduceat(np.add.reduceat(x, edges, axis=1), first, axis=0)

    return np.asarray(summed(values * weights) / np.maximum(summed(weights), 1e-12), np.float32)


@lru_cache(maxsize=8)
def _noise(r: Representation) -> tuple[Floats, Floats]:
    """(BANDS,) the mean deviations of white noise in time and in frequency."""
    half = r.n_fft // 2
    white = np.random.default_rng(0).normal(size=NOISE_FRAMES * r.hop + 2 * half)
    sliding = np.lib.stride_tricks.sliding_window_view(white, r.n_fft)[:: r.hop]
    spectrum = np.abs(np.fft.rfft(sliding * window(r.window, r.n_fft), axis=1))
    frames_db = (20 * np.log10(np.maximum(spectrum, 1e-10))).astype(np.float32)
    deviations, weights = _deviations(frames_db)
    in_time, in_frequency = (_means(d, weights, r).mean(axis=0) for d in deviations)
    return in_time, in_frequency
