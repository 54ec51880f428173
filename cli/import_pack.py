"""`latentpad import`: a VAE from elsewhere becomes a pack."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from latentpad.cli.streams import say

Pair = tuple[float, float]


def import_(
    decoder: Annotated[
        Path,
        typer.Argument(
            help="A .keras, .h5 or TensorFlow.js' model.json file, or a SavedModel's folder."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the new pack.")],
    rate: Annotated[
        int | None, typer.Option(min=8000, max=192000, help="Sample rate of its sounds, Hz.")
    ] = None,
    n_fft: Annotated[
        int | None, typer.Option(help="Window length; else as the shape says.")
    ] = None,
    hop: Annotated[int | None, typer.Option(help="Samples from frame to frame.")] = None,
    window: Annotated[
        str | None, typer.Option(help="Analysis window: hann (the usual), blackman or gauss.")
    ] = None,
    orientation: Annotated[
        str | None,
        typer.Option(help="What comes first, frequency or time; else as the shape says."),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(help="What it gives: db (the usual), linear, power, log or log10 magnitudes."),
    ] = None,
    values: Annotated[
        Pair | None, typer.Option(help="Its lowest and highest value; usually 0 1.")
    ] = None,
    levels: Annotated[
        Pair | None, typer.Option(help="dB of those two values; usually -100 0.")
    ] = None,
    parts: Annotated[
        str | None,
        typer.Option(help="magnitude; 'magnitude and phase'; 'real and imaginary'."),
    ] = None,
    dropped: Annotated[
        str | None, typer.Option(help="The bin that n_fft / 2 bins lack: nyquist (the usual), dc.")
    ] = None,
    encoder: Annotated[Path | None, typer.Option(help="Its encoder, to place sounds with.")] = None,
    sounds: Annotated[Path | None, typer.Option(help="Folder of sounds for anchors.")] = None,
    sound_map: Annotated[
        Path | None, typer.Option("--map", help="JSON of places for anchors.")
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the pack.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the model.")] = "unknown",
) -> None:
    """Make a pack of a variational autoencoder that was trained elsewhere.

    On a terminal, it asks for what the shape of the model does not show.
    """
    from latentpad.engine.process import stderr_silenced
    from latentpad.models import extras
    from latentpad.models.importing import inputs
    from latentpad.models.packs import pack as packs
    from latentpad.models.progress import Bar

    extras.check_tensorflow("importing a model")
    packs.check_target(out)
    inputs.check(decoder, encoder, sounds, sound_map)
    with Bar() as bar:
        bar.report("starting up")
        with stderr_silenced():
            import keras  # noqa: F401  (it prints)

            from latentpad.cli.import_wizard import ImportOptions, ask_missing, check_complete
            from latentpad.models.importing.importer import import_model, sound_shape

            shape = sound_shape(decoder)
    options = ImportOptions(
        rate=rate, n_fft=n_fft, hop=hop, window=window, orientation=orientation, scale=scale,
        values=values, levels=levels, parts=parts, dropped=dropped,
    )  # fmt: skip
    options = (ask_missing if sys.stdin.isatty() and sys.stdout.isatty() else check_complete)(
        options, shape
    )
    with Bar() as bar:
        pack = import_model(
            decoder, out, options.foreign, encoder=encoder, sounds=sounds, sound_map=sound_map,
            title=title, licence=licence, log=say, progress=bar.report,
        )  # fmt: skip
    say(f"{pack.path}: {len(pack.anchors)} anchors, {pack.latent_dim} latents")
    say(f"play it: latentpad play --pack {pack.path}")
    say(
        f"its map is of the latents; for one on which the sound changes evenly (a minute or more): "
        f"latentpad plane {pack.path} learned --default"
    )
