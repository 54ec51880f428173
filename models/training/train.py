"""Training: a folder of sounds in, a model pack out."""

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
from latentpad.models.progress import Bar, LogCallback
from latentpad.models.progress import print_line as printed
from latentpad.models.representation import Representation
from latentpad.models.training import batches, dataset, preview, workspace
from latentpad.models.training.batches import Batches
from latentpad.models.training.callbacks import TrainingCallback, TrainingHistory, training_key
from latentpad.models.training.config import TrainingConfig
from latentpad.models.training.export import TrainedModel, write
from latentpad.models.training.loss import TrainingModel
from latentpad.models.training.provenance import held_out

if TYPE_CHECKING:
    from latentpad.models.training.card import PhaseMethod
    from latentpad.models.training.distribution import Team

PREVIEWED = 4  # unseen sounds, in the preview


def train(
    folder: Path,
    out: Path,
    config: TrainingConfig = TrainingConfig(),
    *,
    title: str = "",
    licence: str | None = None,
    card: bool = True,
    phase: PhaseMethod | None = None,
    progress: bool = True,
    log: LogCallback = printed,
    team: Team | None = None,
) -> pack.Pack:
    """Teach a VAE the sounds of `folder` and write the pack `out` (a folder, named as it is).

    The same seed gives the same weights on the same CPU, unless the course's minutes end the
    training. Ctrl-C ends it too, and keeps the best so far. Killed, it goes on where it was when
    it is started again with the same arguments: its state, a preview and the TensorBoard log are
    in OUT.training beside the pack. A pack that is there already is not trained over. What is left
    out of the folder or held out, and why, is told to `log`; how far it is shows a models.progress
    Bar. `licence` stands in the pack as it is given, else what models.training.provenance says of
    the sounds. Its card judges what is heard by `phase`, see `write`. Seeds the process' random
    generators and takes all its cores: run it in a worker process. With a `team`
    (models.training.distribution) its chief calls this and the others `train_model`, all with the
    same course. Raises DatasetError, models.packs.pack.PackError,
    models.libraries.header.LibraryError and models.training.distribution.DistributionError.
    """
    with Bar(progress) as bar:
        trained = _taught(folder, out, config, bar, log, team)
        made = write(trained, title or out.name, licence, card, phase, bar.report)
    workspace.end(trained.work)
    if team is not None:
        team.gather()
    return made


def train_model(
    folder: Path,
    out: Path,
    config: TrainingConfig = TrainingConfig(),
    *,
    progress: bool = True,
    log: LogCallback = printed,
    team: Team | None = None,
) -> TrainedModel:
    """The training itself, see `train`: reads the sounds and fits the models.

    One of a team that is not its chief returns when the chief has written the pack.
    """
    with Bar(progress and (team is None or team.chief)) as bar:
        return _taught(folder, out, config, bar, log, team)


def _taught(
    folder: Path, out: Path, config: TrainingConfig, bar: Bar, log: LogCallback, team: Team | None
) -> TrainedModel:
    chief, members = (True, 1) if team is None else (team.chief, team.members)
    workspace.check(folder, out, chief)
    keras.utils.set_random_seed(config.seed)
    bar.report("looking through the folder")
    listed = dataset.clips(folder, config.licences, config.seed, log, config.held_out)
    names = [(c.id, c.path.stat().st_size) for c in listed]
    config = replace(config, batch=-(-config.batch // members) * members)
    # Longer or shorter, it is the same training: what was learned is gone on from.
    mark = training_key(3, asdict(replace(config, epochs=None, minutes=None)), members, names)
    place = workspace.training_folder(out, "" if team is None else team.suffix)
    workspace.begin(place, out, mark, chief)
    sounds, peaks, kept = _read(listed, config.representation, place, bar, log)
    if team is not None:
        team.agree(training_key(mark, kept, config.epochs, config.minutes))
    left = dataset.check_enough([listed[i] for i in kept], folder)
    found = dataset.split_clips(left, config.seed, config.held_out)
    encoder, decoder = vae.build(config.representation, config.latent, width=config.recipe.width)
    sides = {name: [i for i, c in enumerate(found) if c.split == name] for name in dataset.SIDES}
    counts = {name: len(side) for name, side in sides.items()}
    if chief:
        log(held_out(counts))
    history = fit(
        encoder, decoder, sounds, sides["train"], sides["validation"] or sides["train"],
        place, config, names=[c.called for c in found], bar=bar, log=log, team=team,
    )  # fmt: skip
    if team is not None and not chief:
        workspace.end(place)
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
        out, found, sounds, peaks, encoder, decoder, config.representation, history, figures, place
    )


def fit(
    encoder: Any,
    decoder: Any,
    sounds: Any,
    train: Sequence[int],
    validation: Sequence[int],
    place: Path,
    config: TrainingConfig,
    *,
    names: Sequence[str],
    bar: Bar,
    log: LogCallback = printed,
    team: Team | None = None,
) -> TrainingHistory:
    """Train both models in place on `sounds[train]`; they end with the best weights.

    `sounds` (L, frames, bins) float16 in 0...1 have the `names`; the best is by the loss on
    `sounds[validation]`. State, preview and log go to the folder `place`, and are gone on from.
    Raises KeyboardInterrupt where Ctrl-C came before there was anything to keep.
    """
    varied = Batches(sounds, train, config.batch, config.seed, config.recipe.augmentation)
    plain = Batches(sounds, validation, 32)
    with nullcontext() if team is None else team.strategy.scope():
        training_model = _learner(encoder, decoder, config, team)
        training_model(plain[0][0][:1])
        training_model.optimizer.build(training_model.trainable_variables)
    chief = team is None or team.chief
    judged = "unseen" if set(train).isdisjoint(validation) else "unvaried"
    heard = [names[i] for i in validation[:PREVIEWED]]
    looks = preview.Preview(
        training_model, plain[0][0][:PREVIEWED], heard, config.representation, place
    )
    coach = TrainingCallback(
        config, varied, place, saves=chief,
        shown=_shown(bar, log, looks, config, place, judged) if chief else _unseen,
        clock=time.monotonic if team is None else team.clock,
    )  # fmt: skip
    if team is not None:
        team.hand_out(place)
    begun = coach.take_up(training_model)
    with coach.stoppable():
        if team is not None:
            team.teach(training_model, varied, plain, coach, begun, config.passes)
        else:
            training_model.fit(
                varied, validation_data=plain, initial_epoch=begun, epochs=config.passes,
                steps_per_epoch=len(varied), callbacks=[coach], verbose=0, shuffle=False,
            )  # fmt: skip
    if coach.interrupted:
        if not coach.history.train:
            raise KeyboardInterrupt
        log(f"stopped: keeping the best, of epoch {coach.history.best_epoch}")
    coach.settle(training_model)
    if team is not None:
        encoder.set_weights(training_model.encoder.get_weights())
        decoder.set_weights(training_model.decoder.get_weights())
    return coach.history


def _learner(
    encoder: Any, decoder: Any, config: TrainingConfig, team: Team | None
) -> TrainingModel:
    if team is not None:
        # Copies, whose variables are the team's: the pack's own models stay free of it.
        pairs = [(model, keras.models.clone_model(model)) for model in (encoder, decoder)]
        for model, copy in pairs:
            copy.set_weights(model.get_weights())
        encoder, decoder = (copy for _, copy in pairs)
    recipe = config.recipe
    training_model = TrainingModel(encoder, decoder, recipe, config.representation.range_db)
    if team is not None:
        training_model.dice = team.dice()
    training_model.compile(
        optimizer=keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay),
        jit_compile=keras.backend.backend() == "jax",
    )
    return training_model


def _read(
    found: Sequence[dataset.Clip],
    representation: Representation,
    place: Path,
    bar: Bar,
    log: LogCallback,
) -> batches.StoredClips:
    read = batches.read(place, representation)
    if read is None:
        count = len(found)
        batches.write(
            place, found, representation, lambda n: bar.report("reading sounds", n, count), log
        )  # fmt: skip
        bar.done()
        read = batches.read(place, representation)
        assert read is not None
    return read


def _unseen(done: float, history: TrainingHistory) -> None:
    """What another machine shows needs no second bar."""


def _shown(
    bar: Bar,
    log: LogCallback,
    looks: preview.Preview,
    config: TrainingConfig,
    place: Path,
    judged: str,
) -> Callable[[float, TrainingHistory], None]:
    """How a training shows itself: the bar, the preview and the log."""
    task = bar.add_task("learning", total=1.0)
    begun = False

    def show(done: float, history: TrainingHistory) -> None:
        nonlocal begun
        epoch, loss, unseen = len(history.train), history.train[-1], history.validation[-1]
        bar.update(
            task, completed=done,
            told=f"epoch {epoch} of {config.passes}, loss {loss:.2f} dB, {judged} {unseen:.2f} dB",
        )  # fmt: skip
        looks.look(epoch, {"loss": loss, "unseen": unseen}, last=done >= 1)
        if not begun:  # now that it is there
            log(f"a picture of how it goes: {place}/preview.png")
        begun = True

    return show
