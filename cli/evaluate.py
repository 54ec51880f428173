"""`latentpad evaluate`: the tables for a pack, in Markdown, CSV, JSON and one HTML page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from latentpad.cli import completion
from latentpad.cli.errors import CommandRefused, check_folder
from latentpad.cli.streams import say


def evaluate(
    pack: Annotated[
        str, typer.Argument(help="Pack, by name or folder.", autocompletion=completion.packs)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the results; else NAME-evaluation."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Some minutes: 30 pairs, the pack's default plane.")
    ] = False,
    pairs: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="Paths between two sounds; else 300.")
    ] = None,
    draws: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Neighbours of each sound; else 20.")
    ] = None,
    plane: Annotated[
        list[str] | None, typer.Option(help="Only this plane; may be given again.")
    ] = None,
    expander: Annotated[
        list[str] | None, typer.Option(help="Only this expander; may be given again.")
    ] = None,
    axes: Annotated[
        tuple[int, int] | None, typer.Option(help="Latents of the plane raw; else the pack's own.")
    ] = None,
    metric: Annotated[str, typer.Option(help="How expanders measure distance.")] = "euclidean",
    focus: Annotated[int, typer.Option(min=1, help="Neighbours that they use.")] = 24,
    guard: Annotated[bool, typer.Option(help="Keep latents among the anchors'.")] = True,
    sounds: Annotated[
        Path | None,
        typer.Option(help="Folder the pack learned from: tables 1 and 3 against recordings."),
    ] = None,
    heard: Annotated[
        int | None, typer.Option(min=1, help="Sounds of each row of table 3; else 40.")
    ] = None,
    dask: Annotated[
        str | None, typer.Option(help="Compare on this Dask scheduler: tcp://HOST:PORT.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws the pairs and the neighbours.")] = 0,
    magnitudes: Annotated[
        bool, typer.Option("--magnitudes", help="MAE only: no ViSQOL, no PEAQ.")
    ] = False,
) -> None:
    """Compare a pack's expanders as the founding paper did. A run that was killed is continued."""
    from latentpad.models import extras
    from latentpad.models.packs import pack as packs
    from latentpad.models.progress import Bar

    extras.check_tensorflow("an evaluation")
    extras.check("matplotlib", "the report needs Matplotlib")
    if not magnitudes and dask is None:
        extras.check("visqol", "an evaluation by more than --magnitudes needs ViSQOL")
    loaded = packs.load(packs.find(pack))
    from latentpad.engine.expanders import METRICS, NAMES
    from latentpad.engine.planes import Planes
    from latentpad.evaluation import paths

    for name, known, option in (
        *((name, NAMES, "--expander") for name in expander or ()), (metric, METRICS, "--metric")
    ):  # fmt: skip
        if name not in known:
            raise CommandRefused(f"{option} {name!r} is none of {', '.join(known)}")
    if magnitudes and dask is not None:
        raise CommandRefused("--dask: --magnitudes leaves nothing to judge there")
    folder = out or Path(f"{loaded.name}-evaluation")
    if folder.exists() and not folder.is_dir():
        raise CommandRefused(f"{folder}: is a file: choose a folder for the results")
    check_folder(folder)
    paths.check_planes(Planes(loaded), plane or ())
    if sounds is not None:
        paths.files(loaded, sounds, paths.held_out(loaded))
    arguments: dict[str, Any] = {
        "pairs": pairs, "draws": draws, "heard": heard, "planes": tuple(plane or ()), "axes": axes,
        "expanders": tuple(expander or ()) or None, "seed": seed, "perceptual": not magnitudes,
        "fitted": {"metric": metric, "focus": focus, "guard": guard},
    }  # fmt: skip
    from latentpad.cli.messages import compiling
    from latentpad.engine.kernel_cache import on_compile
    from latentpad.engine.process import stderr_silenced

    on_compile(lambda kernels: say(compiling("evaluate", kernels)))
    with Bar() as bar:
        bar.report("starting up")
        with stderr_silenced():
            from latentpad.evaluation import html_report, markdown_report, run, sounds_report

            make_settings = run.EvaluationSettings.quick if quick else run.EvaluationSettings
            given_arguments = {
                name: value for name, value in arguments.items() if value is not None
            }
            results = run.evaluate(
                loaded,
                folder,
                make_settings(**given_arguments),
                recordings=sounds,
                dask=dask,
                progress=bar.report,
            )
        bar.report("writing the report")
        for name, text in (
            ("report.md", markdown_report.markdown(results)),
            ("pairs.csv", markdown_report.table(results)),
            ("sounds.json", sounds_report.json_text(results)),
            ("report.html", html_report.page(results)),
        ):
            partial = folder / f"{name}.partial"
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, folder / name)
    say(f"{folder}: report.html to look at and listen to, report.md, pairs.csv, sounds.json")
