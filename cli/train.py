"""`latentpad train`: a model pack of a folder of sounds."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentpad.cli.errors import CommandRefused
from latentpad.cli.streams import say
from latentpad.models.packs.limits import MOST_LATENTS

if TYPE_CHECKING:
    from latentpad.models.training.distribution import Team


def train(
    folder: Annotated[
        Path, typer.Argument(help="Folder of sounds, with a CSV or without, or a library.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the new pack.")],
    latent: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST_LATENTS, help="Latent dimensions; else 64, or 4 with --recipe paper."
        ),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(help="default, long (half as long again), or paper (the founding paper's)."),
    ] = "default",
    n_fft: Annotated[
        int,
        typer.Option(
            help="Samples of a frame: 256, 512, 1024, 2048 or 4096. A short one is heard sooner, a "
            "long one resolves lower notes."
        ),
    ] = 1024,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="At most so many passes; else the recipe's.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Stop training after so long.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="The same seed gives the same pack.")
    ] = 0,
    title: Annotated[str, typer.Option(help="Title of the pack.")] = "",
    held_out: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.8,
            help="Share of the sounds not learned from, to judge by; 0: none. Else 0.1 of a small "
            "folder to 0.4 of 200 sounds and more.",
        ),
    ] = None,
    keep_grain: Annotated[
        bool,
        typer.Option(
            "--keep-grain",
            help="Keep what the model misses of the sounds beside the pack, for /grain: 100 kB a "
            "sound. Nearly a copy of them, so not for a pack to give away.",
        ),
    ] = False,
    distribute: Annotated[
        bool, typer.Option(help="On all GPUs here, or on all machines that TF_CONFIG names.")
    ] = False,
    backend: Annotated[
        str, typer.Option(help="Keras' backend to train on: tensorflow, or jax if installed.")
    ] = "tensorflow",
) -> None:
    """Train a model pack on a folder of sounds. A run that was killed continues when started
    again."""
    from latentpad.models import extras
    from latentpad.models.progress import Bar
    from latentpad.models.training import dataset, workspace
    from latentpad.models.training.config import (
        LATENTS,
        RECIPES,
        WINDOWS,
        TrainingConfig,
        representation,
    )

    if distribute and backend != "tensorflow":
        raise CommandRefused("a training is distributed by TensorFlow only: leave --backend out")
    if recipe not in RECIPES:
        raise CommandRefused(f"--recipe {recipe!r} is none of {', '.join(RECIPES)}")
    if n_fft not in WINDOWS:
        raise CommandRefused(f"--n-fft {n_fft} is none of {', '.join(map(str, WINDOWS))}")
    _use(backend)
    for package in ("matplotlib", "tensorboardX"):
        extras.check(package, f"a training needs {package}")
    workspace.check(folder, out)
    dataset.clips(folder)  # before TensorFlow is started
    with Bar() as bar:
        bar.report("starting up")
        _start()
    from latentpad.engine.play import resynthesis
    from latentpad.models.training.distribution import DistributionError
    from latentpad.models.training.quality import JudgedPhase
    from latentpad.models.training.train import train as run
    from latentpad.models.training.train import train_model

    config = TrainingConfig(
        latent or LATENTS[recipe], RECIPES[recipe], representation(n_fft), seed=seed, epochs=epochs,
        minutes=minutes, held_out=held_out,
    )  # fmt: skip
    try:
        team = _team() if distribute else None
        if team is not None and not team.chief:
            train_model(folder, out, config, team=team)
            say("done: the chief has written the pack")
            return
        phase = JudgedPhase(resynthesis.DESCRIPTION, resynthesis.resynthesise)
        pack = run(folder, out, config, title=title, team=team, phase=phase)
    except DistributionError as error:
        raise CommandRefused(str(error)) from None
    count, latents = len(pack.anchors), pack.latent_dim
    if keep_grain:
        from latentpad.cli.grain import keep

        keep(pack, folder)
    say(f"{pack.path}: {count} anchors, {latents} latents; how good it is: card.md")
    say(f"play it: latentpad play --pack {pack.path}")


def _use(backend: str) -> None:
    """Set Keras' backend, before Keras is imported."""
    import latentpad.models  # noqa: F401  (it sets the backend to TensorFlow)
    from latentpad.models import extras

    if backend not in ("tensorflow", "jax"):
        raise CommandRefused(f"--backend {backend!r} is none of tensorflow, jax")
    if backend == "tensorflow":
        extras.check_tensorflow("a training")
    elif importlib.util.find_spec(backend) is None:
        raise CommandRefused(f"--backend {backend}: it is not installed (pip install {backend})")
    extras.check("keras", "a training needs Keras")
    os.environ["KERAS_BACKEND"] = backend


def _start() -> None:
    """Do the imports that take seconds, and report kernels that are compiled."""
    from latentpad.cli.messages import compiling
    from latentpad.engine.kernel_cache import on_compile
    from latentpad.engine.process import stderr_silenced

    on_compile(lambda kernels: say(compiling("train", kernels)))
    with stderr_silenced():
        import latentpad.models.training.train  # noqa: F401


def _team() -> Team | None:
    """The team of devices or machines; None for a single device."""
    from latentpad.engine.process import stderr_silenced
    from latentpad.models.progress import Bar
    from latentpad.models.training.distribution import team

    several = bool(os.environ.get("TF_CONFIG"))
    with Bar() as bar:
        bar.report("waiting for all that train together" if several else "looking for devices")
        with stderr_silenced():
            joined = team()
    if joined.members == 1:
        say("there is one device only: it trains alone")
        return None
    role = "the chief" if joined.chief else "a worker"
    say(f"training on {joined.members} devices, this is {role}")
    return joined
