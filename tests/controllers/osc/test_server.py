from __future__ import annotations

import asyncio
import os
import random
import socket
import struct
import subprocess
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

from latentpad.controllers.osc.packet import encode, encode_bundle
from latentpad.controllers.osc.reach import PortTaken
from latentpad.controllers.osc.server import DRAIN, OscServer, listen
from latentpad.engine.board import Board
from latentpad.engine.control.instrument import Instrument, Sender
from tests.controllers.waiting import until

Change = tuple[str, tuple[Any, ...], Sender]


def serve(
    instrument: Instrument, play: Callable[[OscServer, SimpleUDPClient], Awaitable[None]]
) -> None:
    """Run `play` against a server on a free port of this machine."""

    async def run() -> None:
        server = await listen(instrument, "127.0.0.1", 0)
        try:
            await play(server, SimpleUDPClient(*server.address))
        finally:
            server.close()

    asyncio.run(run())


def follow(instrument: Instrument) -> list[Change]:
    changes: list[Change] = []
    instrument.listeners.append(lambda *change: changes.append(change))
    return changes


def state(board: Board) -> bytes:
    """What the control process has written, but for the version, which counts attempts too."""
    fields = (board.values, board.points, board.latents, board.requests, board.held, board.levels)
    more = (board.origin, board.pans, board.pitches, board.events)
    sent = board.event_head[0].to_bytes(8, "little")
    return b"".join((*(field.tobytes() for field in (*fields, *more)), sent))


def test_python_osc_s_messages_reach_the_board(instrument: Instrument) -> None:
    async def play(server: OscServer, client: SimpleUDPClient) -> None:
        client.send_message("/loop/speed", -2)
        client.send_message("/mode", "shot")
        client.send_message("/pad/2/xy", [0.25, 0.75])
        client.send_message("/pad/2/touch", 1)
        await until(lambda: server.counts.messages == 4)

    serve(instrument, play)
    assert instrument.value("/loop/speed") == (-2.0,)
    values = dict(instrument.values())
    assert values["/mode"] == ("shot",) and values["/pad/2/xy"] == (0.25, 0.75)
    assert [0.25, 0.75] in instrument.board.points.tolist()


def test_oscsend_s_messages_reach_the_board(instrument: Instrument) -> None:
    async def play(server: OscServer, client: SimpleUDPClient) -> None:
        def send(*message: str) -> None:
            subprocess.run(["oscsend", "127.0.0.1", str(server.address[1]), *message], check=True)

        await asyncio.to_thread(send, "/gain", "f", "-30")
        await asyncio.to_thread(send, "/focus", "i", "7")
        await asyncio.to_thread(send, "/guard", "F")
        await asyncio.to_thread(send, "/plane", "s", "raw")
        await asyncio.to_thread(send, "/panic")
        await until(lambda: server.counts.messages == 5)
        assert server.counts.refused == 0

    serve(instrument, play)
    values = dict(instrument.values())
    assert (values["/gain"], values["/focus"]) == ((-30.0,), (7,))
    assert (values["/guard"], values["/plane"]) == ((0,), ("raw",))


def test_the_sender_is_the_host_and_its_port(instrument: Instrument) -> None:
    changes = follow(instrument)

    async def play(server: OscServer, client: SimpleUDPClient) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            udp.sendto(encode("/gain", (-6.0,)), server.address)
            await until(lambda: len(changes) == 1)
            assert changes[0][2] == Sender("osc 127.0.0.1", udp.getsockname()[1])

    serve(instrument, play)


def test_ten_thousand_spoilt_datagrams_change_nothing(instrument: Instrument) -> None:
    rng = random.Random(1)
    seeds = [
        encode("/pad/xy", (0.1, 0.9)),
        encode("/note", (60, 100)),
        encode_bundle([encode("/mode", ("loop",)), encode("/gain", (-3.0,))]),
    ]

    def spoilt() -> bytes:
        kind = rng.randrange(5)
        data = rng.choice(seeds)
        if kind == 0:
            return rng.randbytes(rng.randrange(1, 200))
        if kind == 1:
            whole = rng.choice(seeds[:2])  # a bundle cut between its elements is a bundle
            return whole[: rng.randrange(1, len(whole))]
        if kind == 2:
            return encode("/pad/xy", (rng.choice((float("nan"), float("inf"))), 0.5))
        if kind == 3:
            return b"#bundle\0" + bytes(8) + struct.pack(">i", -rng.randrange(1, 99)) + data
        return rng.choice([encode("/gain", ("x",)), encode("/no/such", (1,)), encode("/gain")])

    async def play(server: OscServer, client: SimpleUDPClient) -> None:
        # A first note, so that voices and events are at stake too.
        client.send_message("/note", [60, 100])
        await until(lambda: server.counts.messages == 1)
        before = state(instrument.board)
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.connect(server.address)
            udp.setblocking(False)
            for sent in range(1, 10_001):
                udp.send(spoilt())
                if sent % 100 == 0:
                    await until(lambda sent=sent: server.counts.packets == sent + 1)  # type: ignore[misc]
            assert server.counts.malformed + server.counts.refused == 10_000
            assert state(instrument.board) == before
            with pytest.raises(BlockingIOError):
                udp.recv(1)  # nothing was answered
        client.send_message("/gain", -20)
        await until(lambda: instrument.value("/gain") == (-20.0,))

    serve(instrument, play)


def test_a_blob_is_refused_and_nil_is_no_argument(instrument: Instrument) -> None:
    async def play(server: OscServer, client: SimpleUDPClient) -> None:
        server.take([(encode("/gain", (b"1234",)), Sender("osc"))])
        server.take([(encode("/gain", (None,)), Sender("osc"))])
        assert server.counts.refused == 2
        server.take([(encode("/gain", (-3.0, None)), Sender("osc"))])
        assert server.counts.refused == 2 and instrument.value("/gain") == (-3.0,)

    serve(instrument, play)


def test_a_fault_behind_one_address_leaves_the_others_and_is_told_once(
    instrument: Instrument,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def broken(args: Any, sender: Sender) -> None:
        raise TypeError("a bug")

    instrument.register("/broken", broken)

    async def play(server: OscServer, client: SimpleUDPClient) -> None:
        server.take([(encode("/broken"), Sender("osc")), (encode("/gain", (-1.0,)), Sender("osc"))])
        assert server.counts.refused == 1 and "a bug" in server.counts.last_error
        server.take([(encode("/broken"), Sender("osc"))])

    serve(instrument, play)
    assert instrument.value("/gain") == (-1.0,)
    reported = capsys.readouterr().err.splitlines()
    log = platformdirs.user_log_path("latentpad") / "faults.log"
    assert len(reported) == 1 and "TypeError: a bug" in reported[0] and str(log) in reported[0]
    assert "in broken" in log.read_text()


def test_a_bundle_is_one_change(instrument: Instrument) -> None:
    versions: list[int] = []
    instrument.listeners.append(lambda *_: versions.append(int(instrument.board.version[0])))

    async def play(server: OscServer, client: SimpleUDPClient) -> None:
        builder = OscBundleBuilder(IMMEDIATELY)
        for address, value in (("/gain", -3.0), ("/no/such", 1.0), ("/loop/speed", 2.0)):
            message = OscMessageBuilder(address)
            message.add_arg(value)
            builder.add_content(message.build())
        client.send(builder.build())
        await until(lambda: server.counts.messages == 3)
        assert server.counts.refused == 1

    serve(instrument, play)
    assert len(versions) == 2 and versions[0] == versions[1] and versions[0] % 2 == 1
    assert instrument.value("/gain") == (-3.0,) and instrument.value("/loop/speed") == (2.0,)


def test_only_the_newest_value_of_a_coordinate_reaches_the_engine(instrument: Instrument) -> None:
    changes = follow(instrument)

    async def play(server: OscServer, client: SimpleUDPClient) -> None:
        for i in range(DRAIN // 2):  # all of it waits in the socket until the loop runs again
            client.send_message("/pad/xy", [i / DRAIN, 0.5])
            client.send_message("/gain", -float(i % 50))
        await until(lambda: server.counts.packets == DRAIN)
        assert server.counts.superseded == DRAIN - 2

    serve(instrument, play)
    sent = [(address, args) for address, args, _ in changes if address != "/pad/1/touch"]
    last = (DRAIN // 2 - 1) / DRAIN
    assert sent == [("/pad/1/xy", (last, 0.5)), ("/gain", (-float((DRAIN // 2 - 1) % 50),))]


def take(instrument: Instrument, *messages: tuple[str, tuple[Any, ...]]) -> list[Any]:
    """What reaches the instrument of messages that came together."""
    changes = follow(instrument)

    async def play(server: OscServer, client: SimpleUDPClient) -> None:
        server.take([(encode(*message), Sender("osc", 1)) for message in messages])

    serve(instrument, play)
    return [(address, args) for address, args, _ in changes]


def test_a_note_finds_the_point_as_it_was_when_it_came(instrument: Instrument) -> None:
    assert take(
        instrument,
        ("/mode", ("shot",)),
        ("/pad/xy", (0.25, 0.0)),
        ("/pad/xy", (0.5, 0.0)),
        ("/note", (60, 100)),
        ("/pad/xy", (0.75, 0.0)),
        ("/pad/xy", (1.0, 0.0)),
        ("/note", (62, 100)),
    ) == [
        ("/mode", ("shot",)),
        ("/pad/1/xy", (0.5, 0.0)),
        ("/note", (60, 100)),
        ("/pad/1/xy", (1.0, 0.0)),
        ("/note", (62, 100)),
    ]


@pytest.mark.parametrize("newer", [(float("nan"), 0.0), (0.5,), ("a", "b"), (b"", 0.0)])
def test_a_newer_value_that_is_none_does_not_hide_the_older(
    instrument: Instrument, newer: tuple[Any, ...]
) -> None:
    changes = take(instrument, ("/mode", ("shot",)), ("/pad/xy", (0.25, 0.75)), ("/pad/xy", newer))
    assert changes[-1] == ("/pad/1/xy", (0.25, 0.75))


def test_latents_and_faders_are_coordinates_but_the_lattice_s_base_is_not(
    instrument: Instrument,
) -> None:
    changes = take(
        instrument,
        ("/lattice/base", (1,)),
        ("/lattice/base", (2,)),
        ("/latent/1", (0.5,)),
        ("/lattice/7", (0.5,)),
        ("/latent/1", (0.25,)),
        ("/lattice/7", (0.25,)),
    )
    addresses = [address for address, _ in changes]
    assert addresses.count("/lattice/base") == 2
    assert addresses.count("/lattice/7") == 1 and addresses.count("/latent") == 1


def tagged(seconds: float, gain: float) -> bytes:
    builder = OscBundleBuilder(time.time() + seconds)  # type: ignore[arg-type]
    message = OscMessageBuilder("/gain")
    message.add_arg(gain)
    builder.add_content(message.build())
    return bytes(builder.build().dgram)


def test_time_tags_are_honoured_within_a_second(instrument: Instrument) -> None:
    async def play(server: OscServer, client: SimpleUDPClient) -> None:
        sender = Sender("osc", 1)
        for at_once, gain in ((-5.0, -1.0), (60.0, -2.0)):
            server.take([(tagged(at_once, gain), sender)])
            assert instrument.value("/gain") == (gain,)
        server.take([(tagged(0.9, -4.0), sender), (tagged(0.5, -3.0), sender)])
        assert instrument.value("/gain") == (-2.0,)
        await until(lambda: instrument.value("/gain") == (-3.0,))
        await until(lambda: instrument.value("/gain") == (-4.0,))

    serve(instrument, play)


def test_bundles_that_wait_for_their_time_are_bounded(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("latentpad.controllers.osc.server.TIMED", 3)
    changes = follow(instrument)

    async def play(server: OscServer, client: SimpleUDPClient) -> None:
        server.take([(tagged(0.9, -float(i)), Sender("osc", 1)) for i in range(5)])
        assert [args for _, args, _ in changes] == [(-3.0,), (-4.0,)]

    serve(instrument, play)  # closing drops the three that wait
    assert len(changes) == 2


def in_loop(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


@pytest.mark.parametrize("before", [0, 40])
def test_a_taken_port_is_said_to_be_taken_and_by_whom(instrument: Instrument, before: int) -> None:
    """Whether its socket is among the first files of the process or after some that are gone."""
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(before)]
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        for file in files:
            os.close(file)
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(PortTaken) as taken:
            in_loop(listen(instrument, "127.0.0.1", port))  # type: ignore[arg-type]
    message = str(taken.value)
    assert message.startswith(f"port {port} is taken by ") and f"pid {os.getpid()}" in message
    assert message.endswith("; use --osc-port to take another")


@pytest.mark.parametrize("host", ["203.0.113.1", "no.such.host.invalid"])
def test_a_host_that_is_not_here_is_named(instrument: Instrument, host: str) -> None:
    with pytest.raises(OSError, match=host):
        in_loop(listen(instrument, host, 0))  # type: ignore[arg-type]


def test_a_closed_server_gives_the_port_back(instrument: Instrument) -> None:
    async def run() -> None:
        first = await listen(instrument, "127.0.0.1", 0)
        first.close()
        first.close()
        second = await listen(instrument, *first.address)
        assert second.address == first.address
        second.close()

    asyncio.run(run())
