"""The anchors of an imported pack: from sounds, from a sound map, or random."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from latentpad.models.audio import descriptors
from latentpad.models.importing import adapter
from latentpad.models.importing.layout import ForeignError
from latentpad.models.keras_files.memory import batch_size
from latentpad.models.progress import ProgressCallback, no_progress
from latentpad.models.representation import Floats, Representation, outline
from latentpad.models.sources import sound_map
from latentpad.models.text import line
from latentpad.models.training import dataset

DRAWN = 256


@dataclass(frozen=True)
class ImportedAnchors:
    """The anchors and their sources."""

    latents: Floats  # (L, D)
    sources: list[dict[str, str]]  # (L,) rows of sources.csv
    origin: str  # "sounds" | "sound map" | "drawn"
    kl: tuple[float, ...] | None = None  # nats per latent, if the encoder gives variances
    described: dict[str, Floats] | None = None  # (L,) descriptors, if there are recordings


def from_sounds(
    sounds: Path,
    encoder: Any,
    r: Representation,
    seed: int,
    log: Callable[[str], None],
    progress: ProgressCallback = no_progress,
) -> ImportedAnchors:
    """The sounds of a folder, encoded; `log` gets a line for each that cannot be read.

    Raises ForeignError, DatasetError.
    """
    from latentpad.models import vae
    from latentpad.models.training import batches

    # Nothing is trained on them: the largest share is held out, for evaluations.
    held_out = dataset.HELD_OUT
    clips = dataset.clips(sounds, None, seed, log, held_out)
    with tempfile.TemporaryDirectory() as work:
        count = len(clips)
        batches.write(Path(work), clips, r, lambda n: progress("reading sounds", n, count), log)
        read = batches.read(Path(work), r)
        assert read is not None
        usable = dataset.check_enough([clips[i] for i in read.kept], sounds)
        clips = dataset.split_clips(usable, seed, held_out)
        progress("placing the sounds", 0, 0)
        everything = batches.Batches(read.sounds, range(len(clips)), batch_size(encoder, 32))
        encoded = encoder.predict(everything, verbose=0)
        if not np.isfinite(encoded).all():
            raise ForeignError(f"{sounds}: the encoder gives values that are not finite")
        described = descriptors.table(
            (r.unscaled(read.sounds[i].astype(np.float32)) for i in range(len(clips))), r
        )
    mean, logvar = (np.asarray(x, np.float32) for x in vae.split(encoded))
    rows = [
        {"id": c.id, "name": c.name or c.id, "label": c.label, "split": c.split, "group": c.group}
        | c.credits
        for c in clips
    ]
    has_variances = not np.allclose(logvar, adapter.LOGVAR)
    nats = np.asarray(vae.kl(mean, logvar)).mean(axis=0)
    return ImportedAnchors(
        mean, rows, "sounds", tuple(map(float, nats)) if has_variances else None, described
    )


def from_map(table: Path, latent: int, log: Callable[[str], None]) -> ImportedAnchors:
    """The rows of a sound map; `log` gets lines about invalid ones.

    Raises ForeignError, SoundMapError.
    """
    entries, latents, complaints, _ = sound_map.read(table, latent)
    for complaint in complaints:
        log(complaint)
    if not entries:
        raise ForeignError(f"{table}: holds no sound with {latent} latents, as the decoder has")
    if len({p.id for p in entries}) != len(entries):
        raise ForeignError(f"{table}: holds the same id twice")
    rows = [
        {"id": line(p.id), "name": line(p.name), "label": line(p.label), "url": p.url}
        | {"licence": p.licence, "author_attribution": p.author}
        for p in entries
    ]
    return ImportedAnchors(latents.copy(), rows, "sound map")


def from_prior(latent: int, seed: int, log: Callable[[str], None]) -> ImportedAnchors:
    """`DRAWN` points of N(0, 1), if there are no sounds."""
    log(f"no sounds and no sound map: {DRAWN} points drawn from N(0, 1), seed {seed}, are anchors")
    points = np.random.default_rng(seed).normal(size=(DRAWN, latent)).astype(np.float32)
    names = [f"drawn {i}" for i in range(1, DRAWN + 1)]
    return ImportedAnchors(points, [{"id": n, "name": n, "label": "drawn"} for n in names], "drawn")


def estimated_kl(decoder: Any, latents: Floats, range_db: float, seed: int) -> tuple[float, ...]:
    """Nats that each latent carries through 1 dB of noise: a substitute for an unknown KL.

    Half the logarithm of one plus the power of the change of sound, in dB, that a step of 1 in the
    latent makes, at 32 anchors (a Gaussian channel's capacity: Shannon 1948).
    """
    chosen = np.random.default_rng(seed).permutation(len(latents))[:32]
    result, batch = [], batch_size(decoder, 32)
    for d in range(latents.shape[1]):
        step = np.zeros(latents.shape[1], np.float32)
        step[d] = 0.5
        powers = []
        for first in range(0, len(chosen), batch):
            chunk = latents[chosen[first : first + batch]]
            up, down = (np.asarray(decoder(chunk + s, training=False)) for s in (step, -step))
            powers.extend(np.square(range_db * (up - down)).mean(axis=(1, 2)))
        power = float(np.mean(powers))
        result.append(0.5 * math.log1p(power))
    return tuple(result)


class DecodedAnchors(NamedTuple):
    """Measures of L decoded anchors."""

    loudness: Floats  # (L,) see models.packs.pack.Anchors
    onset: Floats  # (L,)
    described: dict[str, Floats]  # (L,) of each descriptor


def decode_anchors(
    decoder: Any, latents: Floats, r: Representation, progress: ProgressCallback = no_progress
) -> DecodedAnchors:
    """Loudness, onset and descriptors of each of (L, D) anchors, decoded. Raises ForeignError."""
    outlines, batch = [], batch_size(decoder, 32)

    def sounds() -> Iterator[Floats]:
        for first in range(0, len(latents), batch):
            progress("describing the anchors", first, len(latents))
            scaled = np.asarray(decoder(latents[first : first + batch], training=False))
            if not np.isfinite(scaled).all():
                raise ForeignError("the decoder gives values that are not finite at an anchor")
            for frames in r.unscaled(scaled):
                outlines.append(outline(frames, r))
                yield frames

    described = descriptors.table(sounds(), r)
    loudness, onset = (np.array([o[k] for o in outlines], np.float32) for k in (0, 1))
    return DecodedAnchors(loudness, onset, described)
