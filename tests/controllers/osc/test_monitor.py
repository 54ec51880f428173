from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.input import MidiInput
from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.osc.monitor import BYTES_S, HOSTS, MOST_BYTES, PORTS, Monitor
from latentpad.controllers.osc.packet import Message, encode
from latentpad.controllers.osc.server import OscServer, listen
from latentpad.controllers.osc.subscribers import FRESH_S, KNOWN_S
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.control.instrument import Instrument
from tests.controllers.midi.cable import Cable
from tests.controllers.osc.test_feedback import Pad, arrival


def serve(instrument: Instrument, play: Callable[[OscServer, Outcomes], Awaitable[None]]) -> None:
    """Run `play` against an instrument that can be watched."""

    async def run() -> None:
        outcomes = Outcomes(instrument)
        server = await listen(instrument, "127.0.0.1", 0, outcomes)
        feedback = Feedback(instrument, port=server.address[1])
        Monitor(outcomes, server.send, feedback)
        try:
            await play(server, outcomes)
        finally:
            feedback.close()
            server.close()

    asyncio.run(run())


async def heard(pad: Pad, address: str) -> list[Message]:
    """All that the pad is told until it is told of `address`."""
    got: list[Message] = []
    for _ in range(1000):
        got += pad.received()
        if any(message.args[:1] == (address,) for message in got):
            return got
        await asyncio.sleep(0.005)
    raise AssertionError(f"of {address} nothing was heard, but {got}")


def test_all_that_is_heard_is_told_with_what_became_of_it(
    instrument: Instrument, tmp_path: Path
) -> None:
    async def play(server: OscServer, outcomes: Outcomes) -> None:
        with Pad(server.address) as watcher, Pad(server.address, "127.0.0.2") as pad:
            watcher.send("/monitor", 1)
            await heard(watcher, "/monitor")
            pad.send("/gain", -3.0)
            pad.send("/pitch", 900.0)
            pad.send("/texture", "hi")
            pad.send("/loop/end", 0.5)
            pad.send("/nowhere")
            got = await heard(watcher, "/nowhere")
            pad._udp.sendto(b"GET / HTTP/1.1\r\n", server.address)
            got += await heard(watcher, "")
            learning = Learning(instrument, tmp_path / "bindings.toml")
            Cable(MidiInput(instrument, "keys", learning, outcomes)).send([0xC0, 99])
            got += await heard(watcher, "/preset")
            assert pad.received() == []
        reported = [message.args for message in got]
        assert {message.address for message in got} == {"/heard"}
        assert reported == [
            ("/gain", -3.0, "ok"),
            ("/pitch", 900.0, "clamped to 36; it takes -36...36 semitones"),
            ("/texture", "hi", "it takes a finite number, got 'hi'"),
            ("/loop/end", 0.5, "ok"),
            ("/nowhere", "there is no such address"),
            ("", "a string is not NUL-terminated"),
            ("/preset", 99, "there is no such address"),
        ]

    serve(instrument, play)


def test_0_ends_it(instrument: Instrument) -> None:
    async def play(server: OscServer, outcomes: Outcomes) -> None:
        with Pad(server.address) as one, Pad(server.address, "127.0.0.2") as two:
            for pad in (one, two):
                pad.send("/monitor", 1)
                await heard(pad, "/monitor")
            one.received()
            one.send("/monitor", 0)
            await heard(two, "/monitor")
            two.send("/gain", -3.0)
            await heard(two, "/gain")
            assert one.received() == []
            two.send("/monitor", 0)
            while outcomes.watchers:
                await asyncio.sleep(0.005)

    serve(instrument, play)


def test_it_is_told_on_the_port_that_was_named(instrument: Instrument) -> None:
    async def play(server: OscServer, outcomes: Outcomes) -> None:
        with Pad(server.address) as pad, Pad() as display:
            pad.send("/monitor", display.port)
            await heard(display, "/monitor")
            assert pad.received() == []
        with Pad(server.address, "127.0.0.2") as pad, Pad(host="127.0.0.2") as display:
            pad.send("/sync", display.port)
            await arrival(display, "/pad/10/pitch")
            pad.send("/monitor", 1)
            await heard(pad, "/monitor")
            await heard(display, "/monitor")

    serve(instrument, play)


def test_what_one_host_is_sent_in_a_second_is_bounded(instrument: Instrument) -> None:
    async def play(server: OscServer, outcomes: Outcomes) -> None:
        with Pad(server.address) as watcher, Pad(server.address, "127.0.0.2") as pad:
            watcher.send("/monitor", 1)
            await heard(watcher, "/monitor")
            began, size = time.monotonic(), 0
            for k in range(3000):
                pad.send("/nowhere", "x" * 500)
                if k % 50 == 0:
                    await asyncio.sleep(0.002)
                    size += sum(len(encode(*message)) for message in watcher.received())
            pad.send("/nowhere", "x" * 60_000)
            await asyncio.sleep(0.1)
            size += sum(len(encode(*message)) for message in watcher.received())
            assert 0 < size <= BYTES_S * (1 + time.monotonic() - began) + MOST_BYTES

    serve(instrument, play)


def test_a_command_too_large_to_tell_is_told_without_its_arguments(instrument: Instrument) -> None:
    async def play(server: OscServer, outcomes: Outcomes) -> None:
        with Pad(server.address) as watcher:
            watcher.send("/monitor", 1)
            await heard(watcher, "/monitor")
            watcher.send("/nowhere", "x" * 5000)
            (message,) = await heard(watcher, "/nowhere")
            assert message.args[1] == "…" and "over 1000 characters" in str(message.args[2])

    serve(instrument, play)


def test_so_many_hosts_and_ports_are_told_and_no_more(instrument: Instrument) -> None:
    async def play(server: OscServer, outcomes: Outcomes) -> None:
        with ExitStack() as stack:
            pads = [
                stack.enter_context(Pad(server.address, f"127.0.1.{k // 10 + 1}"))
                for k in range(10 * (HOSTS + 2))
            ]
            for pad in pads:
                pad.send("/monitor", 1)
            while not pads[-1].received():
                await asyncio.sleep(0.005)
            for pad in pads:
                pad.received()
            stranger = stack.enter_context(Pad(server.address, "127.0.2.1"))
            stranger.send("/gain", -3.0)
            await heard(pads[-1], "/gain")
            await asyncio.sleep(0.1)
            reported = [k for k, pad in enumerate(pads) if k == len(pads) - 1 or pad.received()]
        assert len(reported) == HOSTS * PORTS
        assert {k // 10 for k in reported} == set(range(2, HOSTS + 2))
        assert all(k % 10 >= 10 - PORTS for k in reported)

    serve(instrument, play)


def test_a_host_that_falls_silent_is_told_no_more(instrument: Instrument) -> None:
    now = [0.0]
    instrument.clock = lambda: now[0]

    async def play(server: OscServer, outcomes: Outcomes) -> None:
        with Pad(server.address) as watcher, Pad(server.address, "127.0.0.2") as pad:

            async def told_after(seconds: float) -> bool:
                """Whether the watcher is told, so long after it was heard last."""
                now[0] += seconds
                before = server.counts.packets
                pad.send("/gain", -3.0)
                while server.counts.packets == before:
                    await asyncio.sleep(0.005)
                await asyncio.sleep(0.05)
                return bool(watcher.received())

            watcher.send("/monitor", 1)
            await heard(watcher, "/monitor")
            assert await told_after(FRESH_S - 1)
            assert not await told_after(2)
            watcher.send("/monitor", 1)
            watcher.send("/pan", 0.5)
            await heard(watcher, "/pan")
            assert await told_after(KNOWN_S - 1)
            assert not await told_after(2)
            assert outcomes.watchers == []

    serve(instrument, play)


def test_the_instruments_own_port_is_refused(instrument: Instrument) -> None:
    """What it sent there would come back to itself for ever."""

    async def play(server: OscServer, outcomes: Outcomes) -> None:
        with Pad(server.address) as pad:
            for address in ("/sync", "/monitor"):
                pad.send(address, server.address[1])
            while server.counts.refused < 2:
                await asyncio.sleep(0.005)
            assert "the port that this instrument listens on" in server.counts.last_error
            assert outcomes.watchers == [] and pad.received() == []

    serve(instrument, play)
