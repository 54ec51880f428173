"""Training: a folder of sounds in, a model pack out."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from models import pack, vae
from models.line import printable
from models.representation import Representation
from models.training import dataset, lessons, preview
from models.training.coaching import Coach, History, key
from models.training.course import Course
from models.training.learning import Learner
from models.training.lessons import Lessons
from models.training.taught import Taught, named, write

if TYPE_CHECKING:
    from models.training.card import Phase
    from models.training.distribution import Team

PREVIEWED = 4  # unseen sounds, in the preview


def train(
    folder: Path,
    out: Path,
    course: Course = Course(),
    *,
    title: str = "",
    licence: str = "CC BY 4.0",
    card: bool = True,
    phase: Phase | None = None,
    progress: bool = True,
    say: Callable[[str], None] | None = None,
    team: Team | None = None,
) -> pack.Pack:
    """Teach a VAE the sounds of `folder` and write the pack `out` (a folder, named as it is).

    The same seed gives the same weights on the same CPU, unless the course's minutes end the
    training. Ctrl-C ends it too, and keeps the best so far. Killed, it goes on where it was when
    it is started again with the same arguments: its state, a preview and the TensorBoard log are
    in OUT.training beside the pack. What is left out of the folder, and why, is told to `say`
    (None: beside the bar). Its card judges what is heard by `phase`, see `write`. Seeds the
    process' random generators and takes all its cores: run it in a worker process. With a `team`
    (models.training.distribution) its chief calls this and the others `teach`, all with the same
    course. Raises DatasetError, models.pack.PackError, models.libraries.header.LibraryError and
    models.training.distribution.DistributionError.
    """
    taught = teach(folder, out, course, progress=progress, say=say, team=team)
    if progress and card:
        Console(stderr=True).print("judging it for its card, which takes a minute or so")
    made = write(taught, title or out.name, licence, card, phase)
    _end(taught.work)
    if team is not None:
        team.gather()
    return made


def teach(
    folder: Path,
    out: Path,
    course: Course = Course(),
    *,
    progress: bool = True,
    say: Callable[[str], None] | None = None,
    team: Team | None = None,
) -> Taught:
    """The training itself, see `train`: reads the sounds and fits the models.

    One of a team that is not its chief returns when the chief has written the pack.
    """
    # Before hours of training rather than after.
    pack.check_target(out)
    chief, members = (True, 1) if team is None else (team.chief, team.members)
    with _bar(progress and chief) as bar:
        say = say or _beside(bar)
        keras.utils.set_random_seed(course.seed)
        listed = dataset.clips(folder, course.licences, course.seed, say)
        names = [(c.id, c.path.stat().st_size) for c in listed]
        course = replace(course, batch=-(-course.batch // members) * members)
        # Longer or shorter, it is the same training: what was learned is gone on from.
        mark = key(3, asdict(replace(course, epochs=None, minutes=None)), members, names)
        work = out.with_name(f"{out.name}.training{'' if team is None else team.suffix}")
        _begin(work, mark)
        sounds, peaks, kept = _read(listed, course.representation, work, bar, say)
        if team is not None:
            team.agree(key(mark, kept, course.epochs, course.minutes))
        left = dataset.enough([listed[i] for i in kept], folder)
        found = dataset.divided(left, course.seed)
        encoder, decoder = vae.build(
            course.representation, course.latent, width=course.recipe.width
        )
        sides = {
            name: [i for i, c in enumerate(found) if c.split == name] for name in dataset.SHARES
        }
        history = fit(
            encoder, decoder, sounds, sides["train"], sides["validation"] or sides["train"],
            work, course, names=named(found), bar=bar, team=team,
        )  # fmt: skip
    if team is not None and not chief:
        _end(work)
        team.gather()
    figures = {
        "seed": course.seed,
        "epochs": len(history.train),
        "best_epoch": history.best_epoch,
        "minutes": round(history.seconds / 60, 1),
        "batch": course.batch,
        "replicas": members,
        "sounds": {name: len(side) for name, side in sides.items()},
        "recipe": asdict(course.recipe),
    }
    return Taught(
        out, found, sounds, peaks, encoder, decoder, course.representation, history, figures, work
    )


def fit(
    encoder: Any,
    decoder: Any,
    sounds: Any,
    train: Sequence[int],
    validation: Sequence[int],
    work: Path,
    course: Course,
    *,
    names: Sequence[str],
    bar: Progress | None = None,
    team: Team | None = None,
) -> History:
    """Train both models in place on `sounds[train]`; they end with the best weights.

    `sounds` (L, frames, bins) float16 in 0...1 have the `names`; the best is by the loss on
    `sounds[validation]`. State, preview and log go to the folder `work`, and are gone on from.
    Raises KeyboardInterrupt where Ctrl-C came before there was anything to keep.
    """
    varied = Lessons(sounds, train, course.batch, course.seed, course.recipe.augmentation)
    plain = Lessons(sounds, validation, 32)
    with nullcontext() if team is None else team.strategy.scope():
        learner = _learner(encoder, decoder, course, team)
        learner(plain[0][0][:1])
        learner.optimizer.build(learner.trainable_variables)
    chief = team is None or team.chief
    heard = [names[i] for i in validation[:PREVIEWED]]
    looks = preview.Preview(learner, plain[0][0][:PREVIEWED], heard, course.representation, work)
    coach = Coach(
        course, varied, work, saves=chief, shown=_shown(bar, looks) if chief else _unseen,
        clock=time.monotonic if team is None else team.clock,
    )  # fmt: skip
    if team is not None:
        team.hand_out(work)
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
        best = coach.history.best_epoch
        Console(stderr=True).print(f"stopped: keeping the best, of epoch {best}")
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
    for name in (*lessons.FILES, "training.key"):
        (work / name).unlink(missing_ok=True)
    for name in ("state", "state.old", "state.new"):
        shutil.rmtree(work / name, ignore_errors=True)
    if not any(work.iterdir()):
        work.rmdir()


def _read(
    found: Sequence[dataset.Clip],
    representation: Representation,
    work: Path,
    bar: Progress,
    say: Callable[[str], None],
) -> lessons.Read:
    read = lessons.read(work, representation)
    if read is None:
        task = bar.add_task("reading sounds", total=len(found), told="")
        lessons.write(
            work, found, representation, lambda n: bar.update(task, completed=n), say
        )  # fmt: skip
        bar.remove_task(task)
        read = lessons.read(work, representation)
        assert read is not None
    return read


def _beside(bar: Progress) -> Callable[[str], None]:
    def say(line: str) -> None:
        bar.console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

    return say


def _bar(shown: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"), disable=not shown, console=Console(stderr=True),
    )  # fmt: skip


def _unseen(done: float, history: History) -> None:
    """What another machine shows needs no second bar."""


def _shown(bar: Progress | None, looks: preview.Preview) -> Callable[[float, History], None]:
    """How a training shows itself: the bar, the preview and the log."""
    task = None if bar is None else bar.add_task("", total=1.0, told="")

    def show(done: float, history: History) -> None:
        epoch, loss, unseen = len(history.train), history.train[-1], history.validation[-1]
        if bar is not None and task is not None:
            bar.update(
                task, completed=done, description=f"epoch {epoch}",
                told=f"loss {loss:.2f} dB, unseen {unseen:.2f} dB",
            )  # fmt: skip
        looks.look(epoch, {"loss": loss, "unseen": unseen}, last=done >= 1)

    return show
