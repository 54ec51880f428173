"""The command line. Nothing heavy is imported until a command needs it."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

try:
    import typer

    from latentpad.cli import completion, evaluate, grain, import_pack, send, streams, train
    from latentpad.cli import library as library_commands
    from latentpad.cli import plane as plane_command
    from latentpad.cli.errors import CommandRefused, check_report
    from latentpad.cli.streams import say as _say
    from latentpad.controllers.http.pages import PORT as HTTP_PORT
    from latentpad.controllers.osc.packet import PORT
    from latentpad.engine import error_log
    from latentpad.models import extras
    from latentpad.models.errors import LatentpadError
    from latentpad.models.text import printable
except KeyboardInterrupt:  # before `main` could handle it
    sys.exit(130)

MOST_PRINTED = 2000  # characters of an error: it may list names

app = typer.Typer(
    name="latentpad",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point: errors are one line and status 1, wrong usage is status 2.

    Any other exception is a fault of the program: one line too, and its traceback in a log.
    """
    streams.open_missing()
    error_log.install_hooks()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # here, where a full disk can still be reported
    except SystemExit:
        raise
    except KeyboardInterrupt:
        sys.exit(130)
    except BaseException as error:
        sys.exit(_report_error(error))
    finally:
        streams.flush_errors()


def _report_error(error: BaseException) -> int:
    """Print the error that ended a command, in one line; return the exit status."""
    if isinstance(error, OSError) and error.filename == streams.OUTPUT:
        streams.discard_output()
    if isinstance(error, BrokenPipeError):  # the reader of the output has ended
        return 1
    if isinstance(error, OSError) and error.strerror:
        error = CommandRefused(f"{error.filename or 'system'}: {error.strerror}")
    if isinstance(error, ImportError) and (extra_line := extras.import_error_line(error)):
        error = extras.ExtraError(extra_line)
    if isinstance(error, LatentpadError | OSError):
        line = " ".join(str(error).split()) or type(error).__name__
        _warn(printable(line, MOST_PRINTED))
    else:
        _warn(error_log.logged_line(error))
    return 1


def _warn(text: str) -> None:
    with suppress(OSError):
        print(f"latentpad: {text}", file=sys.stderr, flush=True)


def _version(asked: bool) -> None:
    if asked:
        _say(f"latentpad {error_log.version()}")
        raise typer.Exit


@app.callback()
def _every_command(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print it and end."),
    ] = False,
) -> None:
    """A real-time latent-space instrument: a finger on an XY pad plays a neural network."""


def _settings(device: str | None, rate: int | None, block: int, ring: float | None, null: bool):  # type: ignore[no-untyped-def]
    from latentpad.engine.output_settings import OutputSettings

    return OutputSettings(device=device, sample_rate=rate, block=block, ring=ring, null=null)


Device = Annotated[str | None, typer.Option(help="Audio device: part of its name, or its number.")]
Rate = Annotated[int | None, typer.Option(min=8000, max=192000, help="Device sample rate, Hz.")]
Block = Annotated[int, typer.Option(min=16, max=4096, help="Frames in one device block.")]
Ring = Annotated[
    float | None, typer.Option(min=1, max=16, help="Blocks kept ready in normal operation.")
]
Port = Annotated[int, typer.Option(min=1, max=65535, help="UDP port for OSC.")]


@app.command()
def play(
    preset: Annotated[
        str,
        typer.Argument(
            help="Preset: a name, number or TOML file.", autocompletion=completion.presets
        ),
    ] = "walk",
    pack: Annotated[
        str | None,
        typer.Option(help="Model pack other than the preset's.", autocompletion=completion.packs),
    ] = None,
    library: Annotated[
        Path | None,
        typer.Option(help="Library whose sounds are on the plane, with its own pack."),
    ] = None,
    plane: Annotated[
        str | None, typer.Option(help="The pad: raw, principal, map, umap, descriptors ...")
    ] = None,
    axes: Annotated[
        tuple[str, str] | None,
        typer.Option(help="Two latents (3 0), or two descriptors (brightness attack): x and y."),
    ] = None,
    device: Device = None,
    sample_rate: Rate = None,
    block: Block = 128,
    ring: Ring = None,
    osc_port: Port = PORT,
    http_port: Annotated[
        int, typer.Option(min=0, max=65535, help="TCP port for OSCQuery and pages; 0: any.")
    ] = HTTP_PORT,
    lan: Annotated[bool, typer.Option(help="Listen to the whole local network.")] = False,
    lan_oscquery: Annotated[
        bool, typer.Option(help="OSCQuery for the whole local network, too.")
    ] = False,
    midi: Annotated[
        list[str] | None, typer.Option(help="MIDI input to open: part of its name. Repeatable.")
    ] = None,
    bend_layout: Annotated[
        bool, typer.Option(help="Pitch bend is x and mod wheel is y, beside CC 16 and 17.")
    ] = False,
    mpe: Annotated[
        bool, typer.Option(help="MIDI channels 2 to 16 are an MPE zone, whatever the device says.")
    ] = False,
    demo: Annotated[
        bool, typer.Option(help="The point moves by itself until somebody plays.")
    ] = False,
    controller: Annotated[
        list[str] | None, typer.Option(help="Python module that plays it too. Repeatable.")
    ] = None,
    null_audio: Annotated[
        bool, typer.Option(help="Play without a device, to a null output.")
    ] = False,
    record: Annotated[
        Path | None, typer.Option(help="Record the sound: take.wav, take.flac.")
    ] = None,
    record_gestures: Annotated[
        Path | None, typer.Option(help="Record the gestures: .jsonl.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(help="Replay a gesture recording, and play over it.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Stop after so long.")] = None,
) -> None:
    """Play the instrument."""
    import asyncio

    from latentpad.cli.play import Options
    from latentpad.cli.play import play as run

    options = Options(
        preset=preset, pack=pack, library=library, plane=plane, axes=axes,
        output=_settings(device, sample_rate, block, ring, null_audio),
        osc_port=osc_port, http_port=http_port, lan=lan or lan_oscquery,
        lan_oscquery=lan_oscquery, midi=tuple(midi or ()), bend_layout=bend_layout, mpe=mpe,
        demo=demo,
        controllers=tuple(controller or ()),
        record=record, record_gestures=record_gestures, replay=replay, seconds=seconds,
    )  # fmt: skip
    lasting = streams.BestEffortOutput(_warn)
    try:
        asyncio.run(run(options, lasting.say))
    finally:
        lasting.close()
    if lasting.fault is not None:
        raise typer.Exit(1)


app.command(context_settings=send.SETTINGS)(send.send)


@app.command()
def devices() -> None:
    """List audio outputs and MIDI inputs."""
    from latentpad.cli.devices import listing

    for line in listing():
        _say(line)


@app.command()
def render(
    gestures: Annotated[Path, typer.Argument(help="Gesture recording, JSON Lines.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The WAV or FLAC to write.")],
    pack: Annotated[
        str | None, typer.Option(help="Model pack, instead of the recording's.")
    ] = None,
    library: Annotated[
        Path | None, typer.Option(help="Library, instead of the recording's.")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0, max=86400, help="Length, s; else until it ends and is silent."),
    ] = None,
) -> None:
    """Render a gesture recording to a sound file, the same samples every time."""
    from latentpad.cli.render import render_file

    render_file(gestures, out, _say, pack=pack, library=library, seconds=seconds)


app.add_typer(library_commands.app, name="library")
app.command()(train.train)
app.command("import")(import_pack.import_)
app.command()(plane_command.plane)
app.command()(grain.grain)
app.command()(evaluate.evaluate)


@app.command()
def measure(
    gestures: Annotated[int, typer.Option(min=10, help="Gestures of each kind.")] = 500,
    soak: Annotated[float, typer.Option(min=0, help="Seconds of eight voices.")] = 300.0,
    block: Block = 128,
    ring: Ring = None,
    device: Device = None,
    input: Annotated[
        str | None,
        typer.Option(help="Audio input that a cable leads to from --device: part of its name."),
    ] = None,
    pack: Annotated[
        str | None,
        typer.Option(help="Model pack other than the preset's.", autocompletion=completion.packs),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the report here.")] = None,
) -> None:
    """Measure gesture-to-sound latency and dropouts on this machine: of a JACK server of its own,
    or of any card, with a cable from an output (--device) to an input (--input)."""
    check_report(out)
    from latentpad.benchmarks.latency import measure as run

    report = run(
        gestures=gestures, soak=soak, block=block, ring=ring, say=_say,
        output=device, input=input, pack=pack,
    )  # fmt: skip
    _say(report)
    if out is not None:
        out.write_text(report, encoding="utf-8")


@app.command()
def bench(
    pack: Annotated[
        str, typer.Option(help="Model pack.", autocompletion=completion.packs)
    ] = "footsteps",
    rest: Annotated[bool, typer.Option(help="Also start `play` and measure it at rest.")] = True,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the report here.")] = None,
) -> None:
    """Measure what each stage costs here, and how many voices are held."""
    check_report(out)
    from latentpad.benchmarks.stages import bench as run
    from latentpad.cli.messages import compiling
    from latentpad.engine.kernel_cache import on_compile

    on_compile(lambda kernels: _say(compiling("bench", kernels)))
    report = run(pack, rest=rest, say=_say)
    _say(report)
    if out is not None:
        out.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
