"""The command table is what a whole running instrument takes, and what it sends back."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from latentpad.benchmarks.programs import free_port
from latentpad.cli import play as playing
from latentpad.controllers.osc.packet import Message, decode, encode
from latentpad.controllers.osc.ports import LOWEST
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.command import Arg, Command
from latentpad.engine.control.command_table import (
    COMMANDS,
    FEEDBACK,
    PARAMETERS,
    RECEIVED,
    SENT,
)
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.control.session import Session
from latentpad.engine.output_settings import OutputSettings

pytestmark = pytest.mark.early

PATIENCE_S = 60.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXAMPLES: dict[str, list[Argument]] = {  # of texts that must be something
    "/learn": ["/texture"],
    "/unlearn": ["/1/push1"],
    "/pack": ["footsteps"],
    "/preset": ["walk"],
    "/preset/save": ["mine"],
}
TAKE = '{"touches": true}\n{"t": 0.2, "address": "/take/end", "args": []}\n'


def example(command: Command, latents: int) -> list[Argument]:
    """Arguments that the table says it takes, as few as that."""
    needed = [arg for arg in command.args if not arg.optional]
    given = [value for arg in needed for value in [_one(arg)] * (latents if arg.many else 1)]
    return EXAMPLES.get(command.address, given)


def _one(arg: Arg) -> Argument:
    if arg.choices:
        return arg.choices[0]
    if arg.kind in ("text", "name"):
        return "text"
    if arg.kind == "switch":
        return 1
    low = arg.low if math.isfinite(arg.low) else min(arg.high, 0.0)
    return float(low) if arg.kind == "float" else int(low)


def addresses(commands: Iterable[Command]) -> list[str]:
    return sorted(address for command in commands for address in command.addresses())


def spelled(address: str) -> str:
    """A message's address as the table's are spelled: a finger's number stays, others are `*`."""
    head, *rest = address.removeprefix("/").split("/")
    return "/".join(["", head, *("*" if p.isdecimal() and head != "pad" else p for p in rest)])


@dataclass
class Whole:
    """What an instrument with all of its controllers has registered, refused and told."""

    known: list[str] = field(default_factory=list)
    latents: int = 0
    refused: dict[str, str] = field(default_factory=dict)  # of what the table says it takes
    lax: list[str] = field(default_factory=list)  # taken without what the table says it needs
    told: dict[str, Message] = field(default_factory=dict)


class Held(Session):
    """The session that `play` makes, for us to look at."""

    made: Session

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        Held.made = self


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """`play` in this process, as the command line starts it, to no device."""
    home = tmp_path_factory.mktemp("home")
    (home / "takes").mkdir()
    take = home / "takes" / "tune.jsonl"
    take.write_text(TAKE)
    os.utime(take, (1 << 32, 1 << 32))  # it is the newest, whatever is recorded
    found = Whole()
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("XDG_DATA_HOME", str(home))
        patch.setenv("XDG_CONFIG_HOME", str(home))
        patch.setenv("XDG_STATE_HOME", str(home))
        patch.setattr(playing, "Session", Held)
        try:
            asyncio.run(_played(found))
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    return found


async def _played(found: Whole) -> None:
    port = free_port()
    said: list[str] = []
    options = playing.Options(output=OutputSettings(null=True), osc_port=port)
    task = asyncio.create_task(playing.play(options, said.append))
    try:
        while "ready" not in said and not task.done():  # `play` itself gives up in time
            await asyncio.sleep(0.05)
        if not task.done():
            found.known = Held.made.instrument.addresses()
            found.latents = Held.made.pack.latent_dim
            await _hear(found, port)
            _take(found)
    finally:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def _hear(found: Whole, port: int) -> None:
    """Send every command, and note what comes back: to the one, and to another who asked."""
    with socket.socket(type=socket.SOCK_DGRAM) as pad, socket.socket(type=socket.SOCK_DGRAM) as by:
        for udp in (pad, by):  # not connected: what comes back comes from another port
            udp.setblocking(False)
            udp.bind(("127.0.0.1", 0))

        def send(udp: socket.socket, address: str, *args: Argument) -> None:
            udp.sendto(encode(address, args), ("127.0.0.1", port))

        def heard(wanted: Iterable[str]) -> bool:
            for udp in (pad, by):
                with suppress(BlockingIOError):
                    while True:
                        packet = decode(udp.recv(65_536))
                        found.told |= {message.address: message for message in packet.messages}
            return set(wanted) <= set(map(spelled, found.told))

        send(pad, "/sync")
        await _until(lambda: heard(addresses(PARAMETERS)))
        for button in ("/1/push1", "/1/push2"):  # the second is for `/learn/undo`
            send(by, "/learn", "/panic")
            send(by, button, 1)
        for command in COMMANDS:
            for address in command.addresses():
                send(by, address.replace("*", "1"), *example(command, found.latents))
        send(by, "/texture", "no number")
        send(by, "/latent", *[0.5] * found.latents)  # which another pack leaves out
        send(by, "/pack", "oneshots")
        with suppress(TimeoutError):  # what is missing is a test's to tell
            await _until(lambda: heard(addresses(SENT)))
        send(by, "/pack", "footsteps")
        await _until(lambda: Held.made.pack.name == "footsteps")


def _take(found: Whole) -> None:
    """Carry out every command, with what the table says it takes, and without."""
    with socket.socket(type=socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        sender = Sender("osc 127.0.0.1", listening.getsockname()[1])
        for command in RECEIVED:
            args = example(command, found.latents)
            with suppress(CommandError):  # one take at a time
                Held.made.instrument.apply("/record", (0,), sender)
            for address in (known.replace("*", "1") for known in command.addresses()):
                try:
                    Held.made.instrument.apply(address, args, sender)
                except CommandError as error:
                    found.refused[address] = str(error)
                if not args:
                    continue
                with suppress(CommandError):
                    Held.made.instrument.apply(address, (), sender)
                    found.lax.append(address)


async def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        await asyncio.sleep(0.02)


def test_the_table_has_every_address_that_a_whole_instrument_knows(whole: Whole) -> None:
    table = addresses((*PARAMETERS, *COMMANDS))
    assert set(table) == set(whole.known), "a command has no line in the table"
    assert len(table) == len(whole.known)


def test_what_the_table_says_a_command_takes_is_taken(whole: Whole) -> None:
    assert list(whole.refused) == ["/plane/umap"]  # a plane that this pack does not have


def test_what_the_table_says_a_command_needs_is_needed(whole: Whole) -> None:
    assert not whole.lax


def test_the_table_has_every_address_that_is_sent_back(whole: Whole) -> None:
    assert set(addresses(SENT)) == {*map(spelled, whole.told)}
    assert len(addresses(SENT)) == len({*addresses(SENT)})


def test_what_is_sent_back_has_the_arguments_that_the_table_says(whole: Whole) -> None:
    by_address = {address: command for command in SENT for address in command.addresses()}
    for address, (_, sent) in whole.told.items():
        assert spelled(address) in by_address
        told = by_address[spelled(address)].args
        if any(arg.kind == "any" for arg in told):
            sent = (sent[0], sent[-1])
            told = tuple(arg for arg in told if arg.kind != "any")
        args = [arg for arg in told for _ in range(whole.latents if arg.many else 1)]
        assert len(sent) == len(args), address
        for arg, value in zip(args, sent, strict=True):
            assert fits(arg, value), (address, arg, value)


def fits(arg: Arg, value: object) -> bool:
    if isinstance(value, str):
        return value in arg.choices if arg.choices else arg.kind in ("text", "name")
    kind = float if arg.kind == "float" else int
    # A float of 32 bits may round over the end.
    return isinstance(value, kind) and arg.low - 1e-6 <= value <= arg.high + 1e-6


RANGED = [
    command
    for command in COMMANDS
    if command.args and all(arg.kind == "float" and math.isfinite(arg.high) for arg in command.args)
]


@pytest.mark.parametrize("command", RANGED, ids=lambda command: command.address)
def test_a_number_beyond_the_tables_range_is_brought_to_its_end(
    instrument: Instrument, command: Command
) -> None:
    told: list[Sequence[Argument]] = []
    instrument.apply("/snapshot/1/store", ())
    instrument.listeners.append(lambda address, args, sender: told.append(args))
    address = next(command.addresses()).replace("*", "1")
    for beyond, end in (("high", 1.0), ("low", -1.0)):
        instrument.apply(address, [getattr(arg, beyond) + end for arg in command.args])
        if not command.args[0].optional:  # the length of a glide is told to nobody
            assert {getattr(arg, beyond) for arg in command.args} <= {*told[-1]}


def test_the_ports_that_sync_answers_on_are_the_tables() -> None:
    (port,) = next(command.args for command in COMMANDS if command.address == "/sync")
    assert (port.low, port.optional) == (LOWEST, True)


def test_every_line_tells_what_it_is_for() -> None:
    for command in (*RECEIVED, *FEEDBACK):
        assert command.help and not command.help.endswith(".")
        assert len({arg.name for arg in command.args}) == len(command.args)
        assert all(arg.low <= arg.high for arg in command.args)
