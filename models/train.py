"""Training: a folder of sounds in, a model pack out."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from models import augment, dataset, maps, pack, vae
from models.representation import Floats, Representation, loudness, onset


@dataclass(frozen=True)
class Recipe:
    """How a VAE is taught. Losses are in dB, so the weights are dB per nat and the like."""

    width: int = 224  # channels of the convolutions
    beta: float = 0.07  # dB a nat: the price of information (Higgins et al., beta-VAE, 2017)
    free_nats: float = 0.5  # per latent and sound, unpriced, so that no latent dies
    warm_up: float = 0.1  # share of the training in which the price rises from 0
    decorrelation: float = 0.3  # dB: the price of latents that tell the same
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-4
    augmentation: float = 0.5  # strength, see models.augment
    patience: int = 60  # epochs without a better validation loss


@dataclass(frozen=True)
class History:
    """Losses of one training, one value an epoch, and where the weights kept come from."""

    train: list[float]
    validation: list[float]
    best_epoch: int
    seconds: float


def train(
    folder: Path,
    out: Path,
    *,
    title: str = "",
    licence: str = "CC BY 4.0",
    latent: int = 4,
    epochs: int = 400,
    minutes: float | None = None,
    seed: int = 0,
    batch: int = 16,
    recipe: Recipe | None = None,
    representation: Representation | None = None,
    licences: tuple[str, ...] | None = dataset.FREE_LICENCES,
    card: bool = True,
    progress: bool = True,
) -> pack.Pack:
    """Teach a VAE the sounds of `folder` and write the pack `out` (a folder, named as it is).

    The same seed gives the same weights on the same CPU, unless `minutes` ends the training.
    Ctrl-C ends it too, and keeps the best so far. Seeds the process' random generators and takes
    all its cores: run it in a worker process.
    Raises models.dataset.DatasetError, models.audio.AudioError, models.pack.PackError.
    """
    # Before hours of training rather than after.
    pack.check_target(out)
    recipe, representation = recipe or Recipe(), representation or Representation()
    keras.utils.set_random_seed(seed)
    found = dataset.clips(folder, licences, seed)
    sounds, peaks = dataset.spectrograms(found, representation)
    encoder, decoder = vae.build(representation, latent, width=recipe.width)
    sides = {name: [i for i, c in enumerate(found) if c.split == name] for name in dataset.SHARES}
    sides["validation"] = sides["validation"] or sides["train"]
    history = fit(
        encoder, decoder, sounds, sides["train"], sides["validation"], representation,
        recipe=recipe, epochs=epochs, minutes=minutes, seed=seed, batch=batch, progress=progress,
    )  # fmt: skip

    mean, logvar = (np.asarray(x) for x in vae.split(encoder.predict(sounds, 32, verbose=0)))
    names = _names(found)
    anchors = pack.Anchors(
        latents=mean.astype(np.float32),
        labels=np.array([c.label for c in found]),
        ids=np.array([c.id for c in found]),
        names=np.array(names),
        loudness=np.array(
            [
                loudness(representation.unscaled(s), representation) + p
                for s, p in zip(sounds, peaks, strict=True)
            ],
            np.float32,
        ),
        onset=np.array(
            [onset(representation.unscaled(s), representation) for s in sounds], np.float32
        ),
    )
    made = pack.Pack(
        path=out,
        name=out.name,
        title=title or out.name,
        licence=licence,
        representation=representation,
        latent_dim=latent,
        kl=tuple(float(k) for k in np.asarray(vae.kl(mean, logvar)).mean(axis=0)),
        anchors=anchors,
        planes={"map": maps.tsne(anchors.latents, seed)},
        default_plane="map",
        training={
            "seed": seed,
            "epochs": len(history.train),
            "best_epoch": history.best_epoch,
            "minutes": round(history.seconds / 60, 1),
            "batch": batch,
            "sounds": {name: sum(c.split == name for c in found) for name in dataset.SHARES},
            "recipe": asdict(recipe),
        },
    )
    sources = [
        {"id": c.id, "name": n, "label": c.label, "split": c.split, "group": c.group, **c.credits}
        for c, n in zip(found, names, strict=True)
    ]
    pack.save(made, encoder, decoder, sources)
    if card:
        from models import card as cards

        extra, figures = cards.write(made, encoder, decoder, sounds, sources, history, folder)
        made = replace(made, training={**made.training, "quality": figures})
        pack.save(made, encoder, decoder, sources, extra)
    return pack.load(out)


def fit(
    encoder: Any,
    decoder: Any,
    sounds: Floats,
    train: list[int],
    validation: list[int],
    representation: Representation,
    *,
    recipe: Recipe,
    epochs: int,
    minutes: float | None = None,
    seed: int = 0,
    batch: int = 16,
    progress: bool = True,
) -> History:
    """Train both models in place on `sounds[train]`; they end with the best weights.

    `sounds` (L, frames, bins) in 0...1; the best is by the loss on `sounds[validation]`.
    """
    optimiser = keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay)
    weights = [*encoder.trainable_variables, *decoder.trainable_variables]
    optimiser.build(weights)
    noise = tf.random.Generator.from_seed(seed)

    @tf.function(reduce_retracing=True)
    def step(x: Any, warm: Any) -> Any:
        with tf.GradientTape() as tape:
            mean, logvar = vae.split(encoder(x, training=True))
            z = mean + ops.exp(logvar / 2) * noise.normal(tf.shape(mean))
            heard = reconstruction(x, decoder(z, training=True), representation.range_db)
            nats = ops.mean(vae.kl(mean, logvar), axis=0)
            price = ops.sum(ops.maximum(nats, recipe.free_nats))
            total = heard + warm * (recipe.beta * price + recipe.decorrelation * dependence(mean))
        optimiser.apply(tape.gradient(total, weights), weights)
        return heard + recipe.beta * ops.sum(nats)

    @tf.function(reduce_retracing=True)
    def judge(x: Any) -> Any:
        mean, logvar = vae.split(encoder(x, training=False))
        heard = reconstruction(x, decoder(mean, training=False), representation.range_db)
        return heard + recipe.beta * ops.sum(ops.mean(vae.kl(mean, logvar), axis=0))

    rng = np.random.default_rng(seed)
    losses: list[float] = []
    judged: list[float] = []
    best, best_epoch, kept = np.inf, 0, (encoder.get_weights(), decoder.get_weights())
    began = time.monotonic()
    bar = Progress(
        TextColumn("epoch {task.fields[epoch]}"), BarColumn(), TimeRemainingColumn(),
        TextColumn("loss {task.fields[loss]:.2f} dB, unseen {task.fields[unseen]:.2f} dB"),
        disable=not progress, console=Console(stderr=True),
    )  # fmt: skip
    try:
        with bar:
            task = bar.add_task("", total=1.0, epoch=0, loss=np.nan, unseen=np.nan)
            for epoch in range(epochs):
                done = epoch / epochs
                if minutes is not None:
                    done = max(done, (time.monotonic() - began) / (60 * minutes))
                if done >= 1 or epoch - best_epoch > recipe.patience:
                    break
                # Falls as half a cosine (Loshchilov & Hutter, SGDR, 2017).
                pace = 0.51 + 0.49 * np.cos(np.pi * done)
                optimiser.learning_rate = recipe.learning_rate * pace
                warm = tf.constant(min(1.0, done / recipe.warm_up) if recipe.warm_up else 1.0)
                order = rng.permutation(train)
                total = 0.0
                for i in range(0, len(order), batch):
                    chosen = sounds[order[i : i + batch]]
                    x = augment.augmented(chosen, rng, recipe.augmentation)
                    total += float(step(tf.constant(x), warm)) * len(chosen)
                losses.append(total / len(order))
                judged.append(
                    sum(
                        float(judge(tf.constant(sounds[part]))) * len(part)
                        for part in _parts(validation, 32)
                    )
                    / len(validation)
                )
                if judged[-1] < best:
                    best, best_epoch = judged[-1], epoch
                    kept = encoder.get_weights(), decoder.get_weights()
                bar.update(task, completed=done, epoch=epoch, loss=losses[-1], unseen=judged[-1])
    except KeyboardInterrupt:
        Console(stderr=True).print(f"stopped: keeping the best, of epoch {best_epoch}")
    encoder.set_weights(kept[0])
    decoder.set_weights(kept[1])
    return History(losses, judged, best_epoch, time.monotonic() - began)


def reconstruction(x: Any, y: Any, range_db: float) -> Any:
    """Mean absolute error in dB of (batch, frames, bins), weighted to where the sound is.

    Most of a footstep's second is silence: a frame weighs as its loudest bin, a bin by its own
    level, silence a little; each sound counts the same, however short.
    """
    present = ops.max(x, axis=2, keepdims=True)
    weight = 0.04 + present * (0.4 + x)
    error = ops.sum(weight * ops.abs(x - y), axis=(1, 2)) / ops.sum(weight, axis=(1, 2))
    return range_db * ops.mean(error)


def dependence(mean: Any) -> Any:
    """Mean squared correlation between a batch's latents (after Kumar et al., DIP-VAE, 2018)."""
    centred = mean - ops.mean(mean, axis=0)
    scaled = centred / (ops.std(mean, axis=0) + 1e-3)
    count, dim = ops.shape(mean)[0], mean.shape[1]
    correlation = ops.matmul(ops.transpose(scaled), scaled) / ops.cast(count, mean.dtype)
    off = correlation * (1 - ops.eye(dim))
    return ops.sum(ops.square(off)) / max(1, dim * (dim - 1))


def _parts(indices: list[int], size: int) -> list[list[int]]:
    return [indices[i : i + size] for i in range(0, len(indices), size)]


def _names(found: list[dataset.Clip]) -> list[str]:
    """ "gravel 3": the label, numbered where it comes more than once."""
    labels = [c.label for c in found]
    seen: dict[str, int] = {}
    names = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        names.append(f"{label} {seen[label]}" if labels.count(label) > 1 else label)
    return names
