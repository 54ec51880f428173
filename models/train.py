"""Training: a folder of sounds in, a model pack out."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from models import dataset, lessons, maps, pack, preview, vae
from models.coaching import Coach, History, key
from models.learning import Learner, Recipe
from models.lessons import Lessons
from models.representation import Floats, Representation, outline


def train(
    folder: Path,
    out: Path,
    *,
    title: str = "",
    licence: str = "CC BY 4.0",
    latent: int = 4,
    epochs: int | None = None,
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
    Ctrl-C ends it too, and keeps the best so far. Killed, it goes on where it was when it is
    started again with the same arguments: its state, a preview and the TensorBoard log are in
    OUT.training beside the pack. Seeds the process' random generators and takes all its cores:
    run it in a worker process.
    Raises models.dataset.DatasetError, models.audio.AudioError, models.pack.PackError.
    """
    # Before hours of training rather than after.
    pack.check_target(out)
    recipe, representation = recipe or Recipe(), representation or Representation()
    keras.utils.set_random_seed(seed)
    found = dataset.clips(folder, licences, seed)
    work = out.with_name(f"{out.name}.training")
    names = [(c.id, c.split, c.path.stat().st_size) for c in found]
    _begin(work, key(asdict(recipe), asdict(representation), latent, batch, seed, names))
    with _bar(progress) as bar:
        sounds, peaks = _read(found, representation, work, bar)
        encoder, decoder = vae.build(representation, latent, width=recipe.width)
        sides = {
            name: [i for i, c in enumerate(found) if c.split == name] for name in dataset.SHARES
        }
        history = fit(
            encoder, decoder, sounds, sides["train"], sides["validation"] or sides["train"],
            representation, work, recipe=recipe, epochs=epochs, minutes=minutes, seed=seed,
            batch=batch, bar=bar,
        )  # fmt: skip
    made = _pack(
        out, found, sounds, peaks, encoder, representation,
        title=title or out.name, licence=licence, latent=latent, seed=seed,
        training={
            "seed": seed,
            "epochs": len(history.train),
            "best_epoch": history.best_epoch,
            "minutes": round(history.seconds / 60, 1),
            "batch": batch,
            "sounds": {name: len(side) for name, side in sides.items()},
            "recipe": asdict(recipe),
        },
    )  # fmt: skip
    sources = [
        {"id": c.id, "name": n, "label": c.label, "split": c.split, "group": c.group, **c.credits}
        for c, n in zip(found, made.anchors.names, strict=True)
    ]
    pack.save(made, encoder, decoder, sources)
    if card:
        from models import card as cards

        extra, figures = cards.write(made, encoder, decoder, sounds, sources, history, folder)
        made = replace(made, training={**made.training, "quality": figures})
        pack.save(made, encoder, decoder, sources, extra)
    _end(work)
    return pack.load(out)


def fit(
    encoder: Any,
    decoder: Any,
    sounds: Any,
    train: Sequence[int],
    validation: Sequence[int],
    representation: Representation,
    work: Path,
    *,
    recipe: Recipe,
    epochs: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    batch: int = 16,
    bar: Progress | None = None,
) -> History:
    """Train both models in place on `sounds[train]`; they end with the best weights.

    `sounds` (L, frames, bins) float16 in 0...1; the best is by the loss on
    `sounds[validation]`. State, preview and log go to the folder `work`, and are gone on from.
    """
    learner = Learner(encoder, decoder, recipe, representation.range_db)
    learner.compile(
        optimizer=keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay),
        jit_compile=keras.backend.backend() == "jax",
    )
    varied = Lessons(sounds, train, batch, seed, recipe.augmentation)
    plain = Lessons(sounds, validation, 32)
    learner(varied[0][0][:1])
    learner.optimizer.build(learner.trainable_variables)
    coach = Coach(
        recipe, varied, work, epochs=epochs or recipe.epochs, minutes=minutes, seed=seed,
        shown=_shown(bar, learner, plain, representation, work),
    )  # fmt: skip
    begun = coach.take_up(learner)
    with coach.stoppable():
        learner.fit(
            varied, validation_data=plain, initial_epoch=begun, epochs=epochs or recipe.epochs,
            callbacks=[coach], verbose=0, shuffle=False,
        )  # fmt: skip
    if coach.interrupted:
        best = coach.history.best_epoch
        Console(stderr=True).print(f"stopped: keeping the best, of epoch {best}")
    coach.settle(learner)
    return coach.history


def _pack(
    out: Path,
    found: Sequence[dataset.Clip],
    sounds: Any,
    peaks: Floats,
    encoder: Any,
    representation: Representation,
    *,
    title: str,
    licence: str,
    latent: int,
    seed: int,
    training: dict[str, Any],
) -> pack.Pack:
    """The pack of a trained encoder: where its sounds are, and their maps."""
    everything = Lessons(sounds, range(len(sounds)), 32)
    mean, logvar = (np.asarray(x) for x in vae.split(encoder.predict(everything, verbose=0)))
    outlines = [outline(representation.unscaled(s), representation) for s in sounds]
    anchors = pack.Anchors(
        latents=mean.astype(np.float32),
        labels=np.array([c.label for c in found]),
        ids=np.array([c.id for c in found]),
        names=np.array(_names(found)),
        loudness=np.array([o.loudness for o in outlines], np.float32) + peaks,
        onset=np.array([o.onset for o in outlines], np.float32),
    )
    return pack.Pack(
        path=out,
        name=out.name,
        title=title,
        licence=licence,
        representation=representation,
        latent_dim=latent,
        kl=tuple(float(k) for k in np.asarray(vae.kl(mean, logvar)).mean(axis=0)),
        anchors=anchors,
        planes={"map": maps.tsne(anchors.latents, seed)},
        default_plane="map",
        training=training,
    )


def _begin(work: Path, wanted: str) -> None:
    """The folder of this training; what is left there of another one is forgotten."""
    mark = work / "training.key"
    if work.exists() and (not mark.is_file() or mark.read_text() != wanted):
        if not mark.is_file() and any(work.iterdir()):
            raise pack.PackError(f"{work}: is in the way: training keeps its state there")
        shutil.rmtree(work)
    work.mkdir(parents=True, exist_ok=True)
    mark.write_text(wanted)


def _end(work: Path) -> None:
    """Keep what a person may look at: the preview and the log."""
    for name in ("sounds.npy", "peaks.npy", "training.key"):
        (work / name).unlink(missing_ok=True)
    for name in ("state", "state.old", "state.new"):
        shutil.rmtree(work / name, ignore_errors=True)


def _read(
    found: Sequence[dataset.Clip], representation: Representation, work: Path, bar: Progress
) -> tuple[Any, Floats]:
    path = work / "sounds.npy"
    if not (path.is_file() and (work / "peaks.npy").is_file()):
        task = bar.add_task("reading sounds", total=len(found), told="")
        peaks = lessons.write(path, found, representation, lambda n: bar.update(task, completed=n))
        np.save(work / "peaks.npy", peaks)
        bar.remove_task(task)
    return lessons.read(path), np.load(work / "peaks.npy")


def _bar(shown: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"), disable=not shown, console=Console(stderr=True),
    )  # fmt: skip


def _shown(
    bar: Progress | None,
    learner: Learner,
    plain: Lessons,
    representation: Representation,
    work: Path,
) -> Callable[[float, History], None]:
    """How a training shows itself: the bar, the preview and the log."""
    task = None if bar is None else bar.add_task("", total=1.0, told="")
    looks = preview.Preview(learner, plain[0][0][:4], representation, work)

    def show(done: float, history: History) -> None:
        epoch, loss, unseen = len(history.train), history.train[-1], history.validation[-1]
        if bar is not None and task is not None:
            bar.update(
                task, completed=done, description=f"epoch {epoch}",
                told=f"loss {loss:.2f} dB, unseen {unseen:.2f} dB",
            )  # fmt: skip
        looks.look(epoch, {"loss": loss, "unseen": unseen}, last=done >= 1)

    return show


def _names(found: Sequence[dataset.Clip]) -> list[str]:
    """ "gravel 3": the label, numbered where it comes more than once."""
    labels = [c.label for c in found]
    counts = Counter(labels)
    seen: Counter[str] = Counter()
    names = []
    for label in labels:
        seen[label] += 1
        names.append(f"{label} {seen[label]}" if counts[label] > 1 else label)
    return names
