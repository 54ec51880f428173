"""`latentpad play`: the engine and the controllers, until it is stopped."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from latentpad.cli import devices, first_steps, messages, signals
from latentpad.cli.recorded import play_options
from latentpad.controllers import meters
from latentpad.controllers.controller import Connection, Controller, load
from latentpad.controllers.demo import DemoController
from latentpad.controllers.discovery import DiscoveryController
from latentpad.controllers.http.controller import HttpController
from latentpad.controllers.http.pages import PORT as HTTP_PORT
from latentpad.controllers.keyboard.controller import KeyboardController
from latentpad.controllers.keyboard.terminal import is_terminal
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.controller import MidiController
from latentpad.controllers.osc.controller import OscController
from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.osc.packet import PORT
from latentpad.controllers.osc.remembered import HostMemory, path_of
from latentpad.controllers.outcomes import Outcomes
from latentpad.controllers.recording import TakeRecorder
from latentpad.controllers.refusals import Refusals
from latentpad.controllers.replay import TakePlayer
from latentpad.engine import board as b
from latentpad.engine import error_log
from latentpad.engine.arguments import Argument
from latentpad.engine.control import takes as recordings
from latentpad.engine.control.instrument import Instrument
from latentpad.engine.control.pack_command import PackCommand
from latentpad.engine.control.session import EngineError, Session
from latentpad.engine.output_settings import OutputSettings
from latentpad.models.libraries.library import open_ as open_library
from latentpad.models.libraries.playable import as_pack
from latentpad.models.packs.pack import DESCRIBED, Pack, PackError, find
from latentpad.models.packs.pack import load as load_pack
from latentpad.presets.bank import PresetBank
from latentpad.presets.commands import install, left_out, recall
from latentpad.presets.names import listed
from latentpad.presets.preset import Preset

WAITING_S = 20.0  # between two lines about a slow start


@dataclass(frozen=True)
class Options:
    """The options of the command line."""

    preset: str = "walk"
    pack: str | None = None
    library: Path | None = None
    plane: str | None = None
    axes: tuple[str, str] | None = None
    output: OutputSettings = field(default_factory=OutputSettings)
    osc_port: int = PORT
    http_port: int = HTTP_PORT
    lan: bool = False
    lan_oscquery: bool = False
    midi: tuple[str, ...] = ()
    bend_layout: bool = False
    mpe: bool = False
    demo: bool = False
    controllers: tuple[str, ...] = ()
    record: Path | None = None
    record_gestures: Path | None = None
    replay: Path | None = None
    seconds: float | None = None


async def play(options: Options, say: Callable[[str], None]) -> None:
    """Play until Ctrl-C, SIGTERM, SIGHUP, or for `options.seconds`. Main thread only.

    `say` prints a line, may be called from any thread, and never raises.

    Raises `PresetError`, `PackError`, `LibraryError`, `BindingsError`, `PortTaken`, `DeviceError`,
    `TakeError`, `CommandError`, `ControllerError` for wrong options, before any sound.
    """
    recordings.check(options.record, options.record_gestures)
    chosen = bool(options.pack or options.library)
    if options.replay is not None and not chosen:
        options = replace(options, **play_options(options.replay))
    extra_controllers = [load(name) for name in options.controllers]
    bank = PresetBank()
    preset = bank.load(options.preset)
    pack = _pack(options, preset)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals.end_by_signal(loop, stop)
    loop.set_exception_handler(_tell_fault)
    device = None if options.output.null else options.output.device
    if device is not None and not devices.check(device):
        say("sound  no answer from the sound system; waiting for it")

    def on_word(word: dict[str, Any]) -> None:
        if "trace" in word:
            error_log.log_traceback(word["trace"])
        with suppress(RuntimeError):  # the loop has ended before the session
            loop.call_soon_threadsafe(messages.report, word, say)

    def announce(line: str) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(say, line)

    session = Session(pack, options.output, on_word, options.library)
    instrument = session.instrument
    begun = session.packs.played
    left = recall(instrument, preset, begun.name, begun.fingerprint)
    note = left_out(preset, left, begun.name, begun.fingerprint, chosen=True)
    for address, args in _pad_commands(options):
        instrument.apply(address, args)
    outcomes = Outcomes(instrument)
    refusals = Refusals(outcomes, say)
    feedback = Feedback(
        instrument,
        clock=instrument.clock,
        port=options.osc_port,
        outcomes=outcomes,
        memory=HostMemory(path_of(options.osc_port), announce),
    )
    connection = Connection(instrument, outcomes, feedback, announce)
    learning = Learning(instrument, say=say, note=refusals.note, publish=feedback.publish)
    osc = OscController(options.osc_port, learning, lan=options.lan)
    await osc.start(connection)
    running: list[Controller] = [osc]
    host, port = osc.address
    http = HttpController(
        osc, options.http_port, lan=options.lan, lan_oscquery=options.lan_oscquery
    )
    takes = TakeRecorder(session, bank.named(options.preset), say)
    midi = MidiController(
        learning, options.midi, "bend" if options.bend_layout else "pad", mpe=options.mpe
    )
    keyboard = KeyboardController(bank.names, options.preset, say) if is_terminal() else None
    session.start()
    packs = PackCommand(session.packs, refusals.note, feedback.publish, outcomes.refuse)
    packs.install(instrument)
    install(instrument, bank, packs, refusals.note, bank.named(options.preset))
    takes.install()
    player = TakePlayer(outcomes, bank, packs, takes, feedback.publish, announce)
    player.install()
    try:
        await _start([midi], connection, running)
        say(f"preset {options.preset} ({preset.title}), pack {pack.name}")
        if note:
            say(note)
        say(f"presets {listed(bank.names())}")
        say(f"plane  {_plane(instrument)}")
        if options.library is not None:
            say(f"library {options.library}: {len(pack.anchors)} sounds")
        elif ("/mode", ("original",)) in preset.commands():
            say("note   without a library, originals are what the model makes of them")
        say(f"OSC    {messages.addresses(options.lan, host, port)}")
        say(http.bind())
        telling = [
            loop.create_task(meters.publish(session.board, osc, outcomes, feedback)),
            loop.create_task(meters.publish_near(instrument, feedback)),
        ]
        if await _ready(session, stop, say):
            if options.record is not None or options.record_gestures is not None:
                takes.begin(options.record, options.record_gestures)
            say(messages.latency(session))
            if large := messages.large_period(session, options.output.block):
                say(large)
            if sys.platform == "linux" and not session.board.player[b.REALTIME]:
                say(messages.HURRIED)
            played = [keyboard, DemoController() if options.demo else None, *extra_controllers]
            await _start([c for c in played if c is not None], connection, running)
            say("ready")
            for line in first_steps.lines(host, port, options.lan, keyboard is not None):
                say(line)
            if options.replay is not None:
                player.play(options.replay, on_present=chosen)
            # What these import delays nothing now.
            late: list[Controller] = [http]
            if options.lan:
                query_port = http.port if options.lan_oscquery else None
                late.append(DiscoveryController(port, query_port))
            await _start(late, connection, running)
            await _stopped(stop, options.seconds)
        elif not stop.is_set():
            raise EngineError(session.failed)
        for task in telling:
            task.cancel()
    finally:
        stopping = [loop.create_task(controller.stop()) for controller in reversed(running)]
        await asyncio.sleep(0)  # lets each begin to stop: the terminal gets its own mode back
        player.close()
        instrument.release_all()
        feedback.close()
        learning.close()
        await loop.run_in_executor(None, session.close)
        takes.close()
        await asyncio.wait(stopping, timeout=0.2)


async def _start(
    controllers: Sequence[Controller], connection: Connection, running: list[Controller]
) -> None:
    """Start controllers in order. Those that have started are added to `running`."""
    for controller in controllers:
        await controller.start(connection)
        running.append(controller)


def _pack(options: Options, preset: Preset) -> Pack:
    """The pack of the options, else of the library, else of the preset; with the library's
    sounds."""
    if options.library is None:
        try:
            path = find(options.pack or preset.pack)
        except PackError as error:
            if options.pack:
                raise
            raise PackError(
                f"{error}; the preset {preset.title} names it: say where it is (--pack)"
            ) from None
        return load_pack(path)
    requested = load_pack(find(options.pack)) if options.pack else None
    library = open_library(options.library, requested)
    return as_pack(library.pack, library)


def _pad_commands(options: Options) -> list[tuple[str, tuple[Argument, ...]]]:
    """The commands for the options of the pad."""
    plane = options.plane
    axes = tuple(int(a) if a.isdecimal() else a for a in options.axes or ())
    if axes and plane is None:
        plane = "raw" if all(isinstance(axis, int) for axis in axes) else DESCRIBED
    commands: list[tuple[str, tuple[Argument, ...]]] = []
    if plane is not None:
        commands.append(("/plane", (plane,)))
    if axes:
        commands.append(("/axes", axes))
    return commands


def _plane(instrument: Instrument) -> str:
    """The pad's plane in words."""
    values = dict(instrument.values())
    name, (x, y) = values["/plane"][0], values["/axes"]
    if name == "raw":
        return f"raw: latent {x} to the right, latent {y} up"
    return f"{name}: {x} to the right, {y} up" if name == DESCRIBED else str(name)


def _tell_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error_log.report(context.get("exception") or RuntimeError(context["message"]))


async def _ready(session: Session, stop: asyncio.Event, say: Callable[[str], None]) -> bool:
    """Wait until the session is ready, however long that takes. False if it failed or was
    stopped."""
    began = last_line_s = time.monotonic()
    while not (session.ready or session.failed or stop.is_set()):
        await asyncio.sleep(0.02)
        now = time.monotonic()
        if now - last_line_s > WAITING_S:
            last_line_s = now
            say(messages.waiting(session, now - began))
    return session.ready


async def _stopped(stop: asyncio.Event, seconds: float | None) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
