"""The result of a training, and how it becomes a pack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentpad.models import vae
from latentpad.models.audio import descriptors
from latentpad.models.libraries import STEPS
from latentpad.models.maps import learned, projection
from latentpad.models.packs import pack
from latentpad.models.progress import ProgressCallback, no_progress
from latentpad.models.refinement import Refinement
from latentpad.models.representation import Floats, Representation, outline
from latentpad.models.training import dataset, provenance, texture
from latentpad.models.training.batches import Batches
from latentpad.models.training.callbacks import TrainingHistory

if TYPE_CHECKING:
    from latentpad.models.training.quality import JudgedPhase, Quality


@dataclass(frozen=True)
class TrainedModel:
    """The result of a training, before it is a pack."""

    out: Path
    clips: Sequence[dataset.Clip]
    sounds: Any  # (L, frames, bins) float16 in 0...1
    peaks: Floats  # (L,) dBFS
    encoder: Any
    decoder: Any
    representation: Representation
    history: TrainingHistory
    figures: dict[str, Any]
    work: Path
    division: Quality | None = None  # measured before it was fit to all sounds; None: it was not


def encoded(encoder: Any, sounds: Any) -> tuple[Floats, Floats]:
    """Means and log variances (L, D) of the latents of all sounds (L, frames, bins) in 0...1."""
    everything = Batches(sounds, range(len(sounds)), 32)
    mean, logvar = vae.split(encoder.predict(everything, verbose=0))
    return np.asarray(mean), np.asarray(logvar)


def _refined(
    decoder: Any,
    latents: Floats,
    sounds: Any,
    representation: Representation,
    progress: ProgressCallback,
) -> Floats:
    """The latents (L, D) of `encoded`, refined as a library's are."""
    refinement = Refinement(decoder, representation, STEPS)
    return refinement(latents, sounds, partial(progress, "placing the sounds"))


def judged(
    encoder: Any,
    decoder: Any,
    sounds: Any,
    clips: Sequence[dataset.Clip],
    representation: Representation,
    phase: JudgedPhase | None = None,
    progress: ProgressCallback = no_progress,
) -> Quality:
    """`quality.judged` of a model before its last fit, with a texture of its own."""
    from latentpad.models.training import quality

    latents = encoded(encoder, sounds)[0]
    made = texture.textured(decoder, latents, sounds, representation, clips, phase)
    splits = [c.split for c in clips]
    chosen = quality.judged_sounds(splits)
    placed = latents.copy()
    placed[chosen] = _refined(
        decoder, latents[chosen], [sounds[i] for i in chosen], representation, progress
    )
    return quality.judged(
        made.representation, placed, sounds, made.decoder, splits, [c.path for c in clips],
        phase or quality.GRIFFINLIM, progress, encoded=latents,
    )  # fmt: skip


def write(
    trained: TrainedModel,
    title: str,
    licence: str | None,
    card: bool,
    phase: JudgedPhase | None = None,
    progress: ProgressCallback = no_progress,
) -> pack.Pack:
    """Make the pack of a trained model: its anchors, their planes, and its card.

    The card judges sounds played with the method `phase` (None: Fast Griffin-Lim). `progress` is
    called as work goes on.

    Raises models.packs.pack.PackError.
    """
    t, r = trained, trained.representation
    count = len(t.sounds)
    progress("placing the sounds", 0, 0)
    mean, logvar = encoded(t.encoder, t.sounds)
    latents = _refined(t.decoder, mean, t.sounds, r, progress)
    outlines = []

    def spectrograms_db() -> Iterator[Floats]:  # they are on disk: each is read once
        for i in range(count):
            progress("describing the sounds", i, count)
            frames = r.unscaled(t.sounds[i])
            outlines.append(outline(frames, r))
            yield frames

    def decode(latents: Floats) -> Floats:
        return r.unscaled(np.asarray(t.decoder(latents, training=False), np.float32))

    described = descriptors.table(spectrograms_db(), r)
    anchors = pack.Anchors(
        latents=latents,
        labels=np.array([c.label for c in t.clips]),
        ids=np.array([c.id for c in t.clips]),
        names=np.array([c.called for c in t.clips]),
        loudness=np.array([o.loudness for o in outlines], np.float32) + t.peaks,
        onset=np.array([o.onset for o in outlines], np.float32),
    )
    progress("learning the texture", 0, 0)
    textured = texture.textured(t.decoder, latents, t.sounds, r, t.clips, phase)
    progress("drawing the map", 0, 0)
    drawn = projection.tsne(anchors.latents, t.figures["seed"])
    sources = [
        {"id": c.id, "name": n, "label": c.label, "split": c.split, "group": c.group, **c.credits}
        for c, n in zip(t.clips, anchors.names, strict=True)
    ]
    new_pack = pack.Pack(
        path=t.out,
        name=t.out.name,
        title=title,
        licence=provenance.licence(sources) if licence is None else licence,
        representation=textured.representation,
        latent_dim=mean.shape[1],
        kl=tuple(float(k) for k in np.asarray(vae.kl(mean, logvar)).mean(axis=0)),
        anchors=anchors,
        planes={
            "map": drawn,
            "learned": learned.learn_map(anchors.latents, decode, t.figures["seed"], progress),
        },
        default_plane="learned",
        training={**t.figures, "texture": textured.figures},
        descriptors=described,
    )
    pack.save(new_pack, t.encoder, textured.decoder, sources)
    if card:
        from latentpad.models.training import card as cards
        from latentpad.models.training.quality import GRIFFINLIM

        recordings = [c.path for c in t.clips]
        extra, figures = cards.write(
            new_pack, t.encoder, textured.decoder, t.sounds, sources, t.history, recordings,
            phase or GRIFFINLIM, t.division, mean, progress,
        )  # fmt: skip
        new_pack = replace(new_pack, training={**new_pack.training, "quality": figures})
        pack.save(new_pack, t.encoder, textured.decoder, sources, extra)
    return pack.load(t.out)
