"""A map learned for the finger: equal steps over it are equal steps of the sound.

Places are moved until the sound that the instrument makes between them is nowhere steep
(models.maps.slopes). Sounds that are alike lie together by the decoder's own measure, not by their
latents; where two unlike ones are neighbours they are pushed apart; and a sound that is caught
among strangers is put among its likes. Deterministic: same latents, decoder and seed, same map.
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

MOST = 2000  # sounds: a dozen decodes of each, and minutes of one core
BATCH = 64  # sounds decoded at once
BANDS = 64  # that a spectrum is averaged to
COMPONENTS = 32  # of the sounds, which the first map is drawn of
NUDGE = 0.02  # of a latent's deviation: for the decoder's derivative
GLIDES = 1024  # looked at in each turn at most
PER_SOUND = 16  # glides, where sounds are few
WEIGHT = 2.0  # power of a place's weight: by the sharper ones that are played few find their way
#: Turns of moving, and the power of the mean of the slopes that they take down: it makes the
#: steepest count. First once, then after each of so many rounds of putting some sounds elsewhere.
FIRST, EDGE_FIRST = 500, 3.0
ROUNDS, AFTER, EDGE = 12, 150, 4.0
LAST = 1000
FEW, MANY = 300, 1000  # sounds: of fewer or more as many turns fewer or more, a tenth at least
PACE = 0.012  # of the map's width, about the longest move in a turn
FLOOR = 1e-3  # of the mean pull: less of it moves a place more slowly
CLIFF = 20.0  # medians: no pull is more
MISPLACED, HOMES = 16, 5  # sounds tried elsewhere, and the likes each is tried beside


class DecodedSounds(NamedTuple):
    """What the map needs to know of L decoded sounds."""

    sounds: Floats
    """(L, COMPONENTS) principal components of the spectrograms: likes lie near each other."""
    roots: Float64
    """(L, D, D): |dz @ root| is the root mean square change in dB of the sound's content."""


def learn_map(
    latents: Floats, decode: Decode, seed: int = 0, progress: ProgressCallback = no_progress
) -> Floats:
    """(L, D) latents to (L, 2) float32 places, by what `decode` makes of them.

    Of more than `MOST` sounds it maps so many, evenly chosen, and puts the others among them. A
    minute or two for some hundred sounds, in which `progress` hears how far it is.
    """

    def fit(some: Floats) -> Floats:
        heard = decode_sounds(some, decode, progress)
        progress("drawing a map of the sounds", 0, 0)
        start = tsne_of(heard.sounds, seed)
        return flatten_slopes(start, some, heard, seed, progress)

    return subsampled(latents, MOST, fit)


def decode_sounds(
    latents: Floats, decode: Decode, progress: ProgressCallback = no_progress
) -> DecodedSounds:
    """Decode (L, D) latents, each alone and once more for each of its dimensions."""
    from sklearn.decomposition import PCA

    count, dimension = latents.shape
    nudges = NUDGE * np.maximum(latents.std(axis=0), 1e-6)
    flat: list[Floats] = []
    roots = np.empty((count, dimension, dimension))
    for start in range(0, count, BATCH):
        progress("hearing the sounds", start, count)
        some = latents[start : start + BATCH]
        plain = decode(some)
        heard = np.stack([content(sound) for sound in plain])
        size = heard.sum(axis=1)[:, None, None] * BANDS
        by = np.empty((dimension, len(some), plain.shape[1] * BANDS))
        pooled = _bands(plain)
        for d in range(dimension):
            nudged = some.copy()
            nudged[:, d] += nudges[d]
            change = (_bands(decode(nudged)) - pooled) / nudges[d]
            by[d] = (change * np.sqrt(heard[:, :, None] / size)).reshape(len(some), -1)
        metric = np.einsum("dns,ens->nde", by, by, optimize=True)
        floor = 1e-6 * np.trace(metric, axis1=1, axis2=2)[:, None, None] / dimension + 1e-9
        roots[start : start + BATCH] = np.linalg.cholesky(metric + floor * np.eye(dimension))
        flat.append(pooled.reshape(len(some), -1))
    table = np.concatenate(flat)
    components = min(COMPONENTS, *table.shape)
    sounds = PCA(components, svd_solver="randomized", random_state=0).fit_transform(table)
    return DecodedSounds(np.asarray(sounds, np.float32), roots)


def flatten_slopes(
    start: Floats,
    latents: Floats,
    heard: DecodedSounds,
    seed: int = 0,
    progress: ProgressCallback = no_progress,
) -> Floats:
    """The (L, 2) places `start`, moved until the steepest slopes are gone."""
    z, random = latents.astype(np.float64), np.random.default_rng(seed)
    places = _normal(start.astype(np.float64))
    judges = _glides(random, len(z), 4 * min(GLIDES, PER_SOUND * len(z)))
    patience = min(max(len(z) / FEW, 0.1), 1.0) * max(len(z) / MANY, 1.0)
    likes = cKDTree(heard.sounds).query(heard.sounds, min(HOMES + 1, len(z)))[1][:, 1:]

    parts = [round(turns * patience) for turns in (FIRST, *[AFTER] * ROUNDS, LAST)]
    done = 0

    def turned() -> None:
        nonlocal done
        done += 1
        progress("moving the sounds apart", done, sum(parts))

    def eased(places: Float64, turns: int, edge: float) -> Float64:
        return _eased(places, z, heard.roots, round(turns * patience), edge, random, turned)

    places = eased(places, FIRST, EDGE_FIRST)
    for _ in range(ROUNDS):
        places = _rehomed(places, z, heard.roots, likes, judges, random)
        places = eased(places, AFTER, EDGE)
    places = eased(places, LAST, EDGE)
    return places.astype(np.float32)


def _eased(
    places: Float64,
    latents: Float64,
    roots: Float64,
    turns: int,
    edge: float,
    random: np.random.Generator,
    turned: Callable[[], None],
) -> Float64:
    """So many turns of Adam (Kingma & Ba, 2015) down the mean of the slopes to the power `edge`;
    `turned` is called after each."""
    mean, square = np.zeros_like(places), np.zeros_like(places)
    count = min(GLIDES, PER_SOUND * len(places))
    for turn in range(1, turns + 1):
        glides = _glides(random, len(places), count)
        gradient = _bounded(pull(places, latents, roots, glides, WEIGHT, edge), places)
        mean += 0.1 * (gradient - mean)
        square += 0.001 * (gradient**2 - square)
        step = mean / (1 - 0.9**turn) / (np.sqrt(square / (1 - 0.999**turn)) + FLOOR)
        fade = 0.25 * (1 + np.cos(np.pi * turn / turns))
        places = _normal(places - PACE * fade * step)
        turned()
    return places


def _bounded(pulls: Float64, places: Float64) -> Float64:
    """(L, 2) pulls that keep the map's centre and size, none far beyond the others, root mean
    square one."""
    pulls -= pulls.mean(axis=0)
    pulls -= places * (pulls * places).sum() / (places**2).sum()
    size = np.linalg.norm(pulls, axis=1, keepdims=True)
    pulls *= np.minimum(1.0, CLIFF * np.median(size) / np.maximum(size, 1e-300))
    return np.asarray(pulls / max(float(np.sqrt((pulls**2).mean())), 1e-300))


def _rehomed(
    places: Float64,
    latents: Float64,
    roots: Float64,
    likes: NDArray[np.intp],
    judges: Glides,
    random: np.random.Generator,
) -> Float64:
    """Put the sounds in the steepest places beside their likes, where that makes all less steep."""
    found = slopes(places, latents, roots, judges, WEIGHT) ** EDGE
    blame = np.zeros(len(places))
    around = cKDTree(places).query(judges.points(places), [1, 2, 3])[1] % len(places)
    np.add.at(blame, around, found[:, None])
    best = found.mean()
    for k in np.argsort(-blame, kind="stable")[:MISPLACED]:
        for home in likes[k]:
            tried = places.copy()
            reach = cKDTree(places).query(places[home], [min(3, len(places))])[0][0]
            tried[k] = places[home] + 0.5 * reach * random.normal(size=2)
            value = (slopes(tried, latents, roots, judges, WEIGHT) ** EDGE).mean()
            if value < best:
                places, best = tried, value
    return places


def _glides(random: np.random.Generator, sounds: int, count: int) -> Glides:
    """More are near their ends, where each way's steepest place may be, than on their way."""
    turn = np.pi / 2 * random.random(count)
    return Glides(
        random.integers(0, sounds, count),
        random.integers(0, sounds, count),
        (1 - STEP) * np.sin(turn) ** 2,
    )


def _normal(places: Float64) -> Float64:
    """Centred, with a root mean square of one: a map has no size of its own."""
    away = places - places.mean(axis=0)
    width = np.sqrt((away**2).mean())
    return np.asarray(away / width if width > 0 else away)


def _bands(sounds: Floats) -> Floats:
    """(n, frames, bins) dB to (n, frames, BANDS): neighbouring bins' mean."""
    edges = np.linspace(0, sounds.shape[2], BANDS + 1).astype(int)[:-1]
    widths = np.diff([*edges, sounds.shape[2]])
    return np.asarray(np.add.reduceat(sounds, edges, axis=2) / np.maximum(widths, 1), np.float32)
