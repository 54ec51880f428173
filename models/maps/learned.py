"""A map learned for the finger: equal steps on it are equal steps of the sound.

Positions are moved until the sound that the instrument makes between them is nowhere steep
(models.maps.slopes). Similar sounds, by the decoder's output and not by their latents, are close
together; dissimilar neighbours are pushed apart; and a sound among dissimilar ones is moved to
similar ones. Deterministic: the same latents, decoder and seed give the same map.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from latentpad.models.maps.projection import subsampled, tsne_of
from latentpad.models.maps.slopes import STEP, Glides, pull, slopes
from latentpad.models.metrics.similarity import content
from latentpad.models.progress import ProgressCallback, no_progress
from latentpad.models.representation import Floats

Float64 = NDArray[np.float64]
Decode = Callable[[Floats], Floats]  # (n, D) float32 latents to (n, frames, bins) dB

MOST = 2000  # sounds: each takes a dozen decodes; minutes of one core
BATCH = 64  # sounds decoded at once
BANDS = 64  # bands of an averaged spectrum
COMPONENTS = 32  # principal components of the sounds, for the first map
#: Principal axes of the latents along which the sounds are nudged, at most, of those along which
#: they spread at least `NARROW` as far as along the first; and the rank of the metric.
AXES, NARROW, RANK = 32, 0.01, 8
NUDGE = 0.02  # of the latents' standard deviation along an axis: step of the decoder's derivative
GLIDES = 1024  # in each iteration, at most
PER_SOUND = 16  # glides per sound, if there are few sounds
WEIGHT = 2.0  # power of an anchor's weight: with the larger ones that are played it converges badly
#: Iterations, and the power in the mean of the slopes that they minimise: it emphasises the
#: steepest. First once, then after each of `ROUNDS` rounds in which some sounds are moved.
FIRST, EDGE_FIRST = 500, 3.0
ROUNDS, AFTER, EDGE = 12, 150, 4.0
LAST = 1000
FEW, MANY = 300, 1000  # sounds: outside, iterations are in proportion; at least a tenth
PACE = 0.012  # of the map's width, about the longest move in an iteration
FLOOR = 1e-3  # of the mean pull: below it a position moves more slowly
CLIFF = 20.0  # medians: pulls are limited to this
MISPLACED, HOMES = 16, 5  # sounds that are tried elsewhere, and the similar ones tried for each


class DecodedSounds(NamedTuple):
    """L decoded sounds, as the map needs them."""

    sounds: Floats
    """(L, COMPONENTS) principal components of the spectrograms: similar sounds are near each
    other."""
    roots: Float64
    """(L, R, D): |root @ dz| is the root mean square change in dB of the sound's content, along
    the R directions in which it changes most."""


def learn_map(
    latents: Floats, decode: Decode, seed: int = 0, progress: ProgressCallback = no_progress
) -> Floats:
    """(L, D) latents to (L, 2) float32 positions, by what `decode` makes of them.

    If there are more than `MOST` sounds, that many are mapped, evenly chosen, and the others are
    placed among them. A minute or two for some hundred sounds; `progress` is called meanwhile.
    """

    def fit(chunk: Floats) -> Floats:
        decoded = decode_sounds(chunk, decode, progress)
        progress("drawing a map of the sounds", 0, 0)
        start = tsne_of(decoded.sounds, seed)
        return flatten_slopes(start, chunk, decoded, seed, progress)

    return subsampled(latents, MOST, fit)


def decode_sounds(
    latents: Floats, decode: Decode, progress: ProgressCallback = no_progress
) -> DecodedSounds:
    """Decode (L, D) latents, each by itself and with a small step along each principal axis."""
    from sklearn.decomposition import PCA

    count, dimension = latents.shape
    axes = _axes(latents)
    nudges = NUDGE * np.maximum((latents @ axes).std(axis=0), 1e-6)
    rank = min(RANK, len(nudges))
    flat: list[Floats] = []
    roots = np.empty((count, rank, dimension))
    for start in range(0, count, BATCH):
        progress("hearing the sounds", start, count)
        chunk = latents[start : start + BATCH]
        plain = decode(chunk)
        decoded = np.stack([content(sound) for sound in plain])
        size = decoded.sum(axis=1)[:, None, None] * BANDS
        by = np.empty((len(nudges), len(chunk), plain.shape[1] * BANDS), np.float32)
        pooled = _bands(plain)
        for d, (axis, nudge) in enumerate(zip(axes.T, nudges, strict=True)):
            change = (_bands(decode(chunk + nudge * axis)) - pooled) / nudge
            by[d] = (change * np.sqrt(decoded[:, :, None] / size)).reshape(len(chunk), -1)
        by_sound = by.transpose(1, 0, 2)
        metric = (by_sound @ by_sound.transpose(0, 2, 1)).astype(np.float64)
        squares, directions = np.linalg.eigh(metric)  # ascending
        squares = np.maximum(squares, 1e-6 * squares.mean(axis=1, keepdims=True) + 1e-9)
        root = directions[:, :, -rank:] * np.sqrt(squares[:, None, -rank:])
        roots[start : start + BATCH] = (axes @ root).transpose(0, 2, 1)
        flat.append(pooled.reshape(len(chunk), -1))
    table = np.concatenate(flat)
    components = min(COMPONENTS, *table.shape)
    sounds = PCA(components, svd_solver="randomized", random_state=0).fit_transform(table)
    return DecodedSounds(np.asarray(sounds, np.float32), roots)


def _axes(latents: Floats) -> Floats:
    """(D, P) the principal axes along which the latents (L, D) spread."""
    _, spread, axes = np.linalg.svd(latents - latents.mean(axis=0), full_matrices=False)
    kept = min(int((spread >= NARROW * spread[0]).sum()), AXES)
    return np.ascontiguousarray(axes[:kept].T, np.float32)


def flatten_slopes(
    start: Floats,
    latents: Floats,
    decoded: DecodedSounds,
    seed: int = 0,
    progress: ProgressCallback = no_progress,
) -> Floats:
    """The (L, 2) positions `start`, moved until the steepest slopes are gone."""
    z, rng = latents.astype(np.float64), np.random.default_rng(seed)
    positions = _normalised(start.astype(np.float64))
    test_glides = _glides(rng, len(z), 4 * min(GLIDES, PER_SOUND * len(z)))
    patience = min(max(len(z) / FEW, 0.1), 1.0) * max(len(z) / MANY, 1.0)
    similar = cKDTree(decoded.sounds).query(decoded.sounds, min(HOMES + 1, len(z)))[1][:, 1:]

    parts = [round(turns * patience) for turns in (FIRST, *[AFTER] * ROUNDS, LAST)]
    done = 0

    def turned() -> None:
        nonlocal done
        done += 1
        progress("moving the sounds apart", done, sum(parts))

    def eased(positions: Float64, turns: int, edge: float) -> Float64:
        return _eased(positions, z, decoded.roots, round(turns * patience), edge, rng, turned)

    positions = eased(positions, FIRST, EDGE_FIRST)
    for _ in range(ROUNDS):
        positions = _moved_to_similar(positions, z, decoded.roots, similar, test_glides, rng)
        positions = eased(positions, AFTER, EDGE)
    positions = eased(positions, LAST, EDGE)
    return positions.astype(np.float32)


def _eased(
    positions: Float64,
    latents: Float64,
    roots: Float64,
    turns: int,
    edge: float,
    rng: np.random.Generator,
    turned: Callable[[], None],
) -> Float64:
    """`turns` iterations of Adam (Kingma & Ba, 2015) on the mean of the slopes to the power `edge`.

    `turned` is called after each.
    """
    mean, square = np.zeros_like(positions), np.zeros_like(positions)
    count = min(GLIDES, PER_SOUND * len(positions))
    for turn in range(1, turns + 1):
        glides = _glides(rng, len(positions), count)
        gradient = _bounded(pull(positions, latents, roots, glides, WEIGHT, edge), positions)
        mean += 0.1 * (gradient - mean)
        square += 0.001 * (gradient**2 - square)
        step = mean / (1 - 0.9**turn) / (np.sqrt(square / (1 - 0.999**turn)) + FLOOR)
        fade = 0.25 * (1 + np.cos(np.pi * turn / turns))
        positions = _normalised(positions - PACE * fade * step)
        turned()
    return positions


def _bounded(pulls: Float64, positions: Float64) -> Float64:
    """(L, 2) pulls that keep the map's centre and size, with root mean square one.

    None is far larger than the others.
    """
    pulls -= pulls.mean(axis=0)
    pulls -= positions * (pulls * positions).sum() / (positions**2).sum()
    size = np.linalg.norm(pulls, axis=1, keepdims=True)
    pulls *= np.minimum(1.0, CLIFF * np.median(size) / np.maximum(size, 1e-300))
    return np.asarray(pulls / max(float(np.sqrt((pulls**2).mean())), 1e-300))


def _moved_to_similar(
    positions: Float64,
    latents: Float64,
    roots: Float64,
    similar: NDArray[np.intp],
    test_glides: Glides,
    rng: np.random.Generator,
) -> Float64:
    """Move the sounds at the steepest positions beside similar ones, if that reduces the mean
    slope."""
    steepness = slopes(positions, latents, roots, test_glides, WEIGHT) ** EDGE
    blame = np.zeros(len(positions))
    near_anchors = cKDTree(positions).query(test_glides.points(positions), [1, 2, 3])[1] % len(
        positions
    )
    np.add.at(blame, near_anchors, steepness[:, None])
    best = steepness.mean()
    for k in np.argsort(-blame, kind="stable")[:MISPLACED]:
        for home in similar[k]:
            trial = positions.copy()
            reach = cKDTree(positions).query(positions[home], [min(3, len(positions))])[0][0]
            trial[k] = positions[home] + 0.5 * reach * rng.normal(size=2)
            value = (slopes(trial, latents, roots, test_glides, WEIGHT) ** EDGE).mean()
            if value < best:
                positions, best = trial, value
    return positions


def _glides(rng: np.random.Generator, sounds: int, count: int) -> Glides:
    """Random glides. More points are near the ends, which may be steepest, than between."""
    turn = np.pi / 2 * rng.random(count)
    return Glides(
        rng.integers(0, sounds, count),
        rng.integers(0, sounds, count),
        (1 - STEP) * np.sin(turn) ** 2,
    )


def _normalised(positions: Float64) -> Float64:
    """Centred, with a root mean square of one: the size of a map has no meaning."""
    offsets = positions - positions.mean(axis=0)
    width = np.sqrt((offsets**2).mean())
    return np.asarray(offsets / width if width > 0 else offsets)


def _bands(sounds: Floats) -> Floats:
    """(n, frames, bins) dB to (n, frames, BANDS): means of neighbouring bins."""
    edges = np.linspace(0, sounds.shape[2], BANDS + 1).astype(int)[:-1]
    widths = np.diff([*edges, sounds.shape[2]])
    return np.asarray(np.add.reduceat(sounds, edges, axis=2) / np.maximum(widths, 1), np.float32)
