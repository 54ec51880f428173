"""Training: makes a pack from a folder of sounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from latentpad.models import vae
from latentpad.models.packs import pack
from latentpad.models.progress import Bar, LogCallback, print_line
from latentpad.models.representation import Representation
from latentpad.models.training import batches, dataset, preview, workspace
from latentpad.models.training.batches import Batches
from latentpad.models.training.callbacks import TrainingCallback, TrainingHistory, training_key
from latentpad.models.training.config import TrainingConfig
from latentpad.models.training.export import TrainedModel, judged, write
from latentpad.models.training.loss import TrainingModel
from latentpad.models.training.provenance import held_out
from latentpad.models.training.workspace import LAST

if TYPE_CHECKING:
    from latentpad.models.training.distribution import Team
    from latentpad.models.training.quality import JudgedPhase, Quality

PREVIEWED = 4  # unseen sounds in the preview
SCORED = 64  # sounds that choose the best epoch of the last fit, at most


def train(
    folder: Path,
    out: Path,
    config: TrainingConfig = TrainingConfig(),
    *,
    title: str = "",
    licence: str | None = None,
    card: bool = True,
    phase: JudgedPhase | None = None,
    progress: bool = True,
    log: LogCallback = print_line,
    team: Team | None = None,
) -> pack.Pack:
    """Train a VAE on the sounds of `folder` and write the pack `out` (a folder).

    The same seed gives the same weights on the same CPU, unless the training ends by the minutes of
    `config`. Ctrl-C ends it too, and keeps the best weights so far. A training that was killed is
    resumed when it is started again with the same arguments: its state, a preview and the
    TensorBoard log are in OUT.training beside the pack. An existing pack is not overwritten.

    `log` gets lines about sounds that are left out or held out; a models.progress Bar shows the
    progress. `licence` is written to the pack; None: as models.training.provenance derives it. The
    card judges sounds played with the method `phase`, see `export.write`.

    Seeds the random generators of the process and uses all its cores: run it in a worker process.
    With a `team` (models.training.distribution) its chief calls this and the others call
    `train_model`, all with the same arguments. Raises DatasetError, models.packs.pack.PackError,
    models.libraries.header.LibraryError and models.training.distribution.DistributionError.
    """
    with Bar(progress) as bar:
        judge = _judge(config.representation, phase, bar) if card else None
        trained = _train(folder, out, config, bar, log, team, judge)
        new_pack = write(trained, title or out.name, licence, card, phase, bar.report)
    workspace.end(trained.work)
    if team is not None:
        team.gather()
    return new_pack


def train_model(
    folder: Path,
    out: Path,
    config: TrainingConfig = TrainingConfig(),
    *,
    progress: bool = True,
    log: LogCallback = print_line,
    team: Team | None = None,
) -> TrainedModel:
    """The training without the pack, see `train`: reads the sounds and fits the models.

    In a process that is not its team's chief, it returns when the chief has written the pack.
    """
    with Bar(progress and (team is None or team.chief)) as bar:
        return _train(folder, out, config, bar, log, team)


#: Encoder, decoder, sounds and clips to figures by split.
Judge = Callable[[Any, Any, Any, Sequence[dataset.Clip]], "Quality"]


def _judge(representation: Representation, phase: JudgedPhase | None, bar: Bar) -> Judge:
    def judge(encoder: Any, decoder: Any, sounds: Any, clips: Sequence[dataset.Clip]) -> Quality:
        return judged(encoder, decoder, sounds, clips, representation, phase, bar.report)

    return judge


def _train(
    folder: Path,
    out: Path,
    config: TrainingConfig,
    bar: Bar,
    log: LogCallback,
    team: Team | None,
    judge: Judge | None = None,
) -> TrainedModel:
    chief, members = (True, 1) if team is None else (team.chief, team.members)
    workspace.check(folder, out, chief)
    keras.utils.set_random_seed(config.seed)
    bar.report("looking through the folder")
    listed = dataset.clips(folder, config.licences, config.seed, log, config.held_out)
    names = [(c.id, c.path.stat().st_size) for c in listed]
    config = replace(config, batch=-(-config.batch // members) * members)
    # The length is not part of the key: a saved state may be continued for longer.
    key = training_key(3, asdict(replace(config, epochs=None, minutes=None)), members, names)
    work = workspace.training_folder(out, "" if team is None else team.suffix)
    workspace.begin(work, out, key, chief)
    sounds, peaks, kept = _read(listed, config.representation, work, bar, log)
    if team is not None:
        team.agree(training_key(key, kept, config.epochs, config.minutes))
    usable = dataset.check_enough([listed[i] for i in kept], folder)
    clips = dataset.split_clips(usable, config.seed, config.held_out)
    encoder, decoder = vae.build(config.representation, config.latent, **config.recipe.shape)
    sides = {name: [i for i, c in enumerate(clips) if c.split == name] for name in dataset.SIDES}
    counts = {name: len(side) for name, side in sides.items()}
    if chief:
        log(held_out(counts))
    names_shown = [c.called for c in clips]
    history = fit(
        encoder, decoder, sounds, sides["train"], sides["validation"] or sides["train"],
        work, config.first, names=names_shown, bar=bar, log=log, team=team,
    )  # fmt: skip
    division = None
    if config.recipe.last_fit > 0 and counts["train"] < len(clips) and not history.interrupted:
        if judge is not None:
            division = judge(encoder, decoder, sounds, clips)
        if chief:
            log("fitting once more, to all sounds")
        everything = range(len(clips))
        fit(
            encoder, decoder, sounds, everything, everything[:: -(-len(clips) // SCORED)],
            work / LAST, config.last, names=names_shown, bar=bar, log=log, team=team,
        )  # fmt: skip
        clips = [replace(clip, split="train") for clip in clips]
    if team is not None and not chief:
        workspace.end(work)
        team.gather()
    figures = {
        "seed": config.seed,
        "epochs": len(history.train),
        "best_epoch": history.best_epoch,
        "minutes": round(history.seconds / 60, 1),
        "batch": config.batch,
        "replicas": members,
        "sounds": counts,
        "recipe": asdict(config.recipe),
    }
    return TrainedModel(
        out, clips, sounds, peaks, encoder, decoder, config.representation, history, figures, work,
        division,
    )  # fmt: skip


def fit(
    encoder: Any,
    decoder: Any,
    sounds: Any,
    train: Sequence[int],
    validation: Sequence[int],
    folder: Path,
    config: TrainingConfig,
    *,
    names: Sequence[str],
    bar: Bar,
    log: LogCallback = print_line,
    team: Team | None = None,
) -> TrainingHistory:
    """Train both models on `sounds[train]`, in place; they end with the best weights.

    `sounds` (L, frames, bins) float16 in 0...1 have the `names`. The best weights are those with
    the lowest score on `sounds[validation]`. State, preview and log are in `folder`; a saved state
    is resumed. Raises KeyboardInterrupt if Ctrl-C comes before the first epoch has ended.
    """
    varied = Batches(sounds, train, config.batch, config.seed, config.recipe.augmentation)
    plain = Batches(sounds, validation, 32)
    with nullcontext() if team is None else team.strategy.scope():
        training_model = _training_model(encoder, decoder, config, team)
        training_model(plain[0][0][:1])
        training_model.optimizer.build(training_model.trainable_variables)
    chief, passes = team is None or team.chief, config.passes(len(varied))
    data_label = "unseen" if set(train).isdisjoint(validation) else "unvaried"
    heard = [names[i] for i in validation[:PREVIEWED]]
    view = preview.Preview(
        training_model, plain[0][0][:PREVIEWED], heard, config.representation, folder
    )
    callback = TrainingCallback(
        config, varied, folder, saves=chief,
        shown=_progress(bar, log, view, passes, folder, data_label) if chief else _not_shown,
        clock=time.monotonic if team is None else team.clock,
    )  # fmt: skip
    if team is not None:
        team.share_state(folder)
    first_epoch = callback.resume(training_model)
    with callback.stoppable():
        if team is not None:
            team.fit(
                training_model, varied, plain, callback, first_epoch, config.passes(len(varied))
            )
        else:
            training_model.fit(
                varied, validation_data=plain, initial_epoch=first_epoch, epochs=passes,
                steps_per_epoch=len(varied), callbacks=[callback], verbose=0, shuffle=False,
            )  # fmt: skip
    if callback.history.interrupted:
        if not callback.history.train:
            raise KeyboardInterrupt
        log(f"stopped: keeping the best, of epoch {callback.history.best_epoch}")
    callback.set_best_weights(training_model)
    if team is not None:
        encoder.set_weights(training_model.encoder.get_weights())
        decoder.set_weights(training_model.decoder.get_weights())
    return callback.history


def _training_model(
    encoder: Any, decoder: Any, config: TrainingConfig, team: Team | None
) -> TrainingModel:
    if team is not None:
        # Copies, whose variables belong to the strategy; the models of the pack stay independent.
        pairs = [(model, keras.models.clone_model(model)) for model in (encoder, decoder)]
        for model, copy in pairs:
            copy.set_weights(model.get_weights())
        encoder, decoder = (copy for _, copy in pairs)
    recipe = config.recipe
    training_model = TrainingModel(encoder, decoder, recipe, config.representation)
    if team is not None:
        training_model.noise_seed = team.noise_seed()
    training_model.compile(
        optimizer=keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay),
        jit_compile=keras.backend.backend() == "jax",
    )
    return training_model


def _read(
    clips: Sequence[dataset.Clip],
    representation: Representation,
    folder: Path,
    bar: Bar,
    log: LogCallback,
) -> batches.StoredClips:
    read = batches.read(folder, representation)
    if read is None:
        count = len(clips)
        batches.write(
            folder, clips, representation, lambda n: bar.report("reading sounds", n, count), log
        )  # fmt: skip
        bar.done()
        read = batches.read(folder, representation)
        assert read is not None
    return read


def _not_shown(done: float, history: TrainingHistory) -> None:
    """The progress of a process that is not the chief: it shows none."""


def _progress(
    bar: Bar,
    log: LogCallback,
    view: preview.Preview,
    passes: int,
    folder: Path,
    data_label: str,
) -> Callable[[float, TrainingHistory], None]:
    """A function that updates the bar, the preview and the log after an epoch."""
    task = bar.add_task("learning", total=1.0)
    drawn = False

    def show(done: float, history: TrainingHistory) -> None:
        nonlocal drawn
        epoch, loss, unseen = len(history.train), history.train[-1], history.validation[-1]
        bar.update(
            task, completed=done,
            note=f"epoch {epoch} of {passes}, loss {loss:.2f} dB, "
            f"{data_label} {unseen:.2f} dB",
        )  # fmt: skip
        view.update(epoch, {"loss": loss, "unseen": unseen}, last=done >= 1)
        if not drawn:  # the picture exists now
            log(f"a picture of how it goes: {folder}/preview.png")
        drawn = True

    return show
