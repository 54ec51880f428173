"""The command line. Nothing heavy is imported until a command needs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from controllers import library_commands

app = typer.Typer(
    name="latentpad",
    help="A real-time latent-space instrument: a finger on an XY pad plays a neural network.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


app.add_typer(library_commands.app, name="library")


class Refused(Exception):
    """What went wrong, in one line for the performer; exit status 1."""


def main() -> None:
    """Entry point: one clear line and status 1 for what went wrong, 2 for wrong usage."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Refused as error:
        print(f"latentpad: {error}", file=sys.stderr)
        sys.exit(1)


def _say(line: str) -> None:
    print(line, flush=True)


def _settings(device: str | None, rate: int | None, block: int, ring: float | None, null: bool):  # type: ignore[no-untyped-def]
    from engine.stream import Settings

    return Settings(device=device, sample_rate=rate, block=block, ring=ring, null=null)


Device = Annotated[str | None, typer.Option(help="Audio device: part of its name, or its number.")]
Rate = Annotated[int | None, typer.Option(min=8000, max=192000, help="Device sample rate, Hz.")]
Block = Annotated[int, typer.Option(min=16, max=4096, help="Frames in one device block.")]
Ring = Annotated[
    float | None, typer.Option(min=1, max=16, help="Blocks kept ready while all is calm.")
]
Port = Annotated[int, typer.Option(min=1, max=65535, help="UDP port for OSC.")]


@app.command()
def play(
    preset: Annotated[str, typer.Argument(help="Preset: a name, number or TOML file.")] = "walk",
    pack: Annotated[str | None, typer.Option(help="Model pack other than the preset's.")] = None,
    library: Annotated[
        Path | None, typer.Option(help="Library whose sounds are on the plane.")
    ] = None,
    device: Device = None,
    sample_rate: Rate = None,
    block: Block = 128,
    ring: Ring = None,
    osc_port: Port = 9000,
    lan: Annotated[bool, typer.Option(help="Listen to the whole local network.")] = False,
    midi: Annotated[
        list[str] | None, typer.Option(help="MIDI input to open: part of its name. Repeatable.")
    ] = None,
    bend_layout: Annotated[
        bool, typer.Option(help="Pitch bend is x and mod wheel is y, beside CC 16 and 17.")
    ] = False,
    null_audio: Annotated[bool, typer.Option(help="No device: play on time to no one.")] = False,
    record: Annotated[Path | None, typer.Option(help="Record the sound to this WAV.")] = None,
    record_gestures: Annotated[
        Path | None, typer.Option(help="Record the gestures to this JSON Lines file.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Stop after so long.")] = None,
) -> None:
    """Play the instrument."""
    import asyncio

    from controllers.play import Options
    from controllers.play import play as run

    options = Options(
        preset=preset, pack=pack, library=library,
        output=_settings(device, sample_rate, block, ring, null_audio),
        osc_port=osc_port, lan=lan, midi=tuple(midi or ()), bend_layout=bend_layout,
        record=record, record_gestures=record_gestures, seconds=seconds,
    )  # fmt: skip
    with refusing():
        asyncio.run(run(options, _say))


@app.command()
def devices() -> None:
    """List audio outputs and MIDI inputs."""
    from controllers.devices import listing

    for line in listing():
        _say(line)


@app.command()
def train(
    folder: Annotated[Path, typer.Argument(help="Folder of sounds, with a CSV or without.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the new pack.")],
    latent: Annotated[int, typer.Option(min=1, max=64, help="Latent dimensions.")] = 4,
    recipe: Annotated[
        str, typer.Option(help="How: default, or paper (the founding one).")
    ] = "default",
    epochs: Annotated[
        int | None, typer.Option(min=1, help="At most so many passes; else the recipe's.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop training after so long.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same pack.")] = 0,
    title: Annotated[str, typer.Option(help="Title of the pack.")] = "",
) -> None:
    """Train a model pack on a folder of sounds. Killed, it goes on when started again."""
    from engine.process import hushed

    with refusing():
        with hushed():
            from models.learning import RECIPES
            from models.train import train as run
        if recipe not in RECIPES:
            raise Refused(f"--recipe {recipe!r} is none of {', '.join(RECIPES)}")
        _say(f"a picture of how it goes: {out}.training/preview.png")
        pack = run(
            folder, out, latent=latent, epochs=epochs, minutes=minutes, seed=seed, title=title,
            recipe=RECIPES[recipe],
        )  # fmt: skip
    count, latents = len(pack.anchors), pack.latent_dim
    _say(f"{pack.path}: {count} anchors, {latents} latents; how good it is: card.md")
    _say(f"play it: latentpad play --pack {pack.path}")


@app.command("import")
def import_(
    decoder: Annotated[Path, typer.Argument(help="A .keras file, or TensorFlow.js' model.json.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the new pack.")],
    rate: Annotated[
        int, typer.Option(min=8000, max=192000, prompt="Sample rate of its sounds, Hz")
    ],
    n_fft: Annotated[
        int | None, typer.Option(help="Window length; else as the shape says.")
    ] = None,
    hop: Annotated[int | None, typer.Option(help="Samples a frame; else half of n_fft.")] = None,
    window: Annotated[str, typer.Option(help="Analysis window: hann, blackman or gauss.")] = "hann",
    orientation: Annotated[
        str | None,
        typer.Option(help="What comes first, frequency or time; else as the shape says."),
    ] = None,
    scale: Annotated[
        str, typer.Option(help="What it gives: db, linear, power, log or log10 magnitudes.")
    ] = "db",
    values: Annotated[tuple[float, float], typer.Option(help="Its lowest and highest value.")] = (
        0.0,
        1.0,
    ),
    levels: Annotated[
        tuple[float, float] | None, typer.Option(help="dB of those two values.")
    ] = None,
    parts: Annotated[
        str, typer.Option(help="magnitude; 'magnitude and phase'; 'real and imaginary'.")
    ] = "magnitude",
    encoder: Annotated[Path | None, typer.Option(help="Its encoder, to place sounds with.")] = None,
    sounds: Annotated[Path | None, typer.Option(help="Folder of sounds for anchors.")] = None,
    sound_map: Annotated[
        Path | None, typer.Option("--map", help="JSON of places for anchors.")
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the pack.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the model.")] = "unknown",
) -> None:
    """Make a pack of a variational autoencoder that was trained elsewhere."""
    from engine.process import hushed

    with refusing():
        with hushed():
            import keras  # noqa: F401  (it speaks)

            from models.adapting import Foreign
            from models.importing import bring
        first = {"frequency": "frequency first", "time": "time first", None: None}
        if orientation not in first:
            raise Refused(f"--orientation {orientation!r} is neither frequency nor time")
        foreign = Foreign(
            sample_rate=rate, n_fft=n_fft, hop=hop, window=window, scale=scale, parts=parts,
            orientation=first[orientation], values=values, levels=levels,
        )  # fmt: skip
        pack = bring(
            decoder, out, foreign, encoder=encoder, sounds=sounds, sound_map=sound_map,
            title=title, licence=licence, say=_say,
        )  # fmt: skip
    _say(f"{pack.path}: {len(pack.anchors)} anchors, {pack.latent_dim} latents")
    _say(f"play it: latentpad play --pack {pack.path}")


@app.command()
def render(
    gestures: Annotated[Path, typer.Argument(help="Gesture recording, JSON Lines.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The WAV to write.")],
) -> None:
    """Render a gesture recording to a WAV, the same samples every time."""
    with refusing():
        from controllers.rendering import render_file

        render_file(gestures, out, _say)


@app.command()
def measure(
    gestures: Annotated[int, typer.Option(min=10, help="Gestures of each kind.")] = 500,
    soak: Annotated[float, typer.Option(min=0, help="Seconds of eight voices.")] = 300.0,
    block: Block = 128,
    ring: Ring = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the report here.")] = None,
) -> None:
    """Measure gesture-to-sound latency and dropouts on this machine (needs JACK)."""
    with refusing():
        from benchmarks.latency import measure as run

        report = run(gestures=gestures, soak=soak, block=block, ring=ring, say=_say)
    _say(report)
    if out is not None:
        out.write_text(report, encoding="utf-8")


@app.command()
def bench(
    pack: Annotated[str, typer.Option(help="Model pack.")] = "footsteps",
    rest: Annotated[bool, typer.Option(help="Also start `play` and measure it at rest.")] = True,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the report here.")] = None,
) -> None:
    """Measure what each stage costs here, and how many voices are held."""
    with refusing():
        from benchmarks.stages import bench as run

        report = run(pack, rest=rest, say=_say)
    _say(report)
    if out is not None:
        out.write_text(report, encoding="utf-8")


def refusing():  # type: ignore[no-untyped-def]
    """Turn the errors that are the user's to mend into `Refused`."""
    from controllers.refusing import refusing as context

    return context(Refused)


if __name__ == "__main__":
    main()
