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
from latentpad.models.progress import Bar, Say
from latentpad.models.progress import say as printed
from latentpad.models.representation import Representation
from latentpad.models.training import batches, dataset, preview, workspace
from latentpad.models.training.batches import Lessons
from latentpad.models.training.callbacks import Coach, History, key
from latentpad.models.training.config import Course
from latentpad.models.training.export import Taught, write
from latentpad.models.training.loss import Learner
from latentpad.models.training.provenance import held_out

if TYPE_CHECKING:
    from latentpad.models.training.card import Phase
    from latentpad.models.training.distribution import Team

PREVIEWED = 4  # unseen sounds, in the preview


def train(
    folder: Path,
    out: Path,
    course: Course = Course(),
    *,
    title: str = "",
    licence: str | None = None,
    card: bool = True,
    phase: Phase | None = None,
    progress: bool = True,
    say: Say = printed,
    team: Team | None = None,
) -> pack.Pack:
    """Teach a VAE the sounds of `folder` and write the pack `out` (a folder, named as it is).

    The same seed gives the same weights on the same CPU, unless the course's minutes end the
    training. Ctrl-C ends it too, and keeps the best so far. Killed, it goes on where it was when
    it is started again with the same arguments: its state, a preview and the TensorBoard log are
    in OUT.training beside the pack. A pack that is there already is not trained over. What is left
    out of the folder or held out, and why, is told to `say`; how far it is shows a models.progress
    Bar. `licence` stands in the pack as it is given, else what models.training.provenance says of
    the sounds. Its card judges what is heard by `phase`, see `write`. Seeds the process' random
    generators and takes all its cores: run it in a worker process. With a `team`
    (models.training.distribution) its chief calls this and the others `teach`, all with the same
    course. Raises DatasetError, models.packs.pack.PackError,
    models.libraries.header.LibraryError and models.training.distribution.DistributionError.
    """
    with Bar(progress) as bar:
        taught = _taught(folder, out, course, bar, say, team)
        made = write(taught, title or out.name, licence, card, phase, bar.tell)
    workspace.end(taught.work)
    if team is not None:
        team.gather()
    return made


def teach(
    folder: Path,
    out: Path,
    course: Course = Course(),
    *,
    progress: bool = True,
    say: Say = printed,
    team: Team | None = None,
) -> Taught:
    """The training itself, see `train`: reads the sounds and fits the models.

    One of a team that is not its chief returns when the chief has written the pack.
    """
    with Bar(progress and (team is None or team.chief)) as bar:
        return _taught(folder, out, course, bar, say, team)


def _taught(
    folder: Path, out: Path, course: Course, bar: Bar, say: Say, team: Team | None
) -> Taught:
    chief, members = (True, 1) if team is None else (team.chief, team.members)
    workspace.check(folder, out, chief)
    keras.utils.set_random_seed(course.seed)
    bar.tell("looking through the folder")
    listed = dataset.clips(folder, course.licences, course.seed, say, course.held_out)
    names = [(c.id, c.path.stat().st_size) for c in listed]
    course = replace(course, batch=-(-course.batch // members) * members)
    # Longer or shorter, it is the same training: what was learned is gone on from.
    mark = key(3, asdict(replace(course, epochs=None, minutes=None)), members, names)
    place = workspace.beside(out, "" if team is None else team.suffix)
    workspace.begin(place, out, mark, chief)
    sounds, peaks, kept = _read(listed, course.representation, place, bar, say)
    if team is not None:
        team.agree(key(mark, kept, course.epochs, course.minutes))
    left = dataset.enough([listed[i] for i in kept], folder)
    found = dataset.divided(left, course.seed, course.held_out)
    encoder, decoder = vae.build(course.representation, course.latent, width=course.recipe.width)
    sides = {name: [i for i, c in enumerate(found) if c.split == name] for name in dataset.SIDES}
    counts = {name: len(side) for name, side in sides.items()}
    if chief:
        say(held_out(counts))
    history = fit(
        encoder, decoder, sounds, sides["train"], sides["validation"] or sides["train"],
        place, course, names=[c.called for c in found], bar=bar, say=say, team=team,
    )  # fmt: skip
    if team is not None and not chief:
        workspace.end(place)
        team.gather()
    figures = {
        "seed": course.seed,
        "epochs": len(history.train),
        "best_epoch": history.best_epoch,
        "minutes": round(history.seconds / 60, 1),
        "batch": course.batch,
        "replicas": members,
        "sounds": counts,
        "recipe": asdict(course.recipe),
    }
    return Taught(
        out, found, sounds, peaks, encoder, decoder, course.representation, history, figures, place
    )


def fit(
    encoder: Any,
    decoder: Any,
    sounds: Any,
    train: Sequence[int],
    validation: Sequence[int],
    place: Path,
    course: Course,
    *,
    names: Sequence[str],
    bar: Bar,
    say: Say = printed,
    team: Team | None = None,
) -> History:
    """Train both models in place on `sounds[train]`; they end with the best weights.

    `sounds` (L, frames, bins) float16 in 0...1 have the `names`; the best is by the loss on
    `sounds[validation]`. State, preview and log go to the folder `place`, and are gone on from.
    Raises KeyboardInterrupt where Ctrl-C came before there was anything to keep.
    """
    varied = Lessons(sounds, train, course.batch, course.seed, course.recipe.augmentation)
    plain = Lessons(sounds, validation, 32)
    with nullcontext() if team is None else team.strategy.scope():
        learner = _learner(encoder, decoder, course, team)
        learner(plain[0][0][:1])
        learner.optimizer.build(learner.trainable_variables)
    chief = team is None or team.chief
    judged = "unseen" if set(train).isdisjoint(validation) else "unvaried"
    heard = [names[i] for i in validation[:PREVIEWED]]
    looks = preview.Preview(learner, plain[0][0][:PREVIEWED], heard, course.representation, place)
    coach = Coach(
        course, varied, place, saves=chief,
        shown=_shown(bar, say, looks, course, place, judged) if chief else _unseen,
        clock=time.monotonic if team is None else team.clock,
    )  # fmt: skip
    if team is not None:
        team.hand_out(place)
    begun = coach.take_up(learner)
    with coach.stoppable():
        if team is not None:
            team.teach(learner, varied, plain, coach, begun, course.passes)
        else:
            learner.fit(
                varied, validation_data=plain, initial_epoch=begun, epochs=course.passes,
                steps_per_epoch=len(varied), callbacks=[coach], verbose=0, shuffle=False,
            )  # fmt: skip
    if coach.interrupted:
        if not coach.history.train:
            raise KeyboardInterrupt
        say(f"stopped: keeping the best, of epoch {coach.history.best_epoch}")
    coach.settle(learner)
    if team is not None:
        encoder.set_weights(learner.encoder.get_weights())
        decoder.set_weights(learner.decoder.get_weights())
    return coach.history


def _learner(encoder: Any, decoder: Any, course: Course, team: Team | None) -> Learner:
    if team is not None:
        # Copies, whose variables are the team's: the pack's own models stay free of it.
        pairs = [(model, keras.models.clone_model(model)) for model in (encoder, decoder)]
        for model, copy in pairs:
            copy.set_weights(model.get_weights())
        encoder, decoder = (copy for _, copy in pairs)
    recipe = course.recipe
    learner = Learner(encoder, decoder, recipe, course.representation.range_db)
    if team is not None:
        learner.dice = team.dice()
    learner.compile(
        optimizer=keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay),
        jit_compile=keras.backend.backend() == "jax",
    )
    return learner


def _read(
    found: Sequence[dataset.Clip],
    representation: Representation,
    place: Path,
    bar: Bar,
    say: Say,
) -> batches.Read:
    read = batches.read(place, representation)
    if read is None:
        count = len(found)
        batches.write(
            place, found, representation, lambda n: bar.tell("reading sounds", n, count), say
        )  # fmt: skip
        bar.done()
        read = batches.read(place, representation)
        assert read is not None
    return read


def _unseen(done: float, history: History) -> None:
    """What another machine shows needs no second bar."""


def _shown(
    bar: Bar, say: Say, looks: preview.Preview, course: Course, place: Path, judged: str
) -> Callable[[float, History], None]:
    """How a training shows itself: the bar, the preview and the log."""
    task = bar.add_task("learning", total=1.0)
    begun = False

    def show(done: float, history: History) -> None:
        nonlocal begun
        epoch, loss, unseen = len(history.train), history.train[-1], history.validation[-1]
        bar.update(
            task, completed=done,
            told=f"epoch {epoch} of {course.passes}, loss {loss:.2f} dB, {judged} {unseen:.2f} dB",
        )  # fmt: skip
        looks.look(epoch, {"loss": loss, "unseen": unseen}, last=done >= 1)
        if not begun:  # now that it is there
            say(f"a picture of how it goes: {place}/preview.png")
        begun = True

    return show
