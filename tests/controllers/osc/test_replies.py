from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.osc.packet import Message, decode, encode
from latentpad.controllers.osc.replies import ALL_EACH_S, ALL_PACKETS, EACH_S, PACKETS, Replies
from latentpad.controllers.osc.server import OscServer, listen
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.arguments import CommandError
from latentpad.engine.control.instrument import Instrument, Sender
from tests.controllers.osc.test_feedback import Pad, arrival


def serve(instrument: Instrument, play: Callable[[OscServer], Awaitable[None]]) -> None:
    """Run `play` against an instrument that answers."""

    async def run() -> None:
        outcomes = Outcomes(instrument)
        server = await listen(instrument, "127.0.0.1", 0, outcomes)
        feedback = Feedback(instrument)
        Replies(outcomes, server.send, feedback)
        try:
            await play(server)
        finally:
            feedback.close()
            server.close()

    asyncio.run(run())


async def silence(server: OscServer, *pads: Pad) -> list[Message]:
    """What else comes, until something that is surely answered is."""
    got: list[Message] = []
    for pad in pads:
        pad.send("/expander", "last of all")
        messages = await arrival(pad, "/refused")
        got += [m for m in messages if m.address not in ("/refused", "/expander")]
    return got


@pytest.mark.parametrize(
    ("address", "args", "held"),
    [
        ("/pitch", (900.0,), (36.0,)),
        ("/texture", (1.02,), (1.0,)),
        ("/pad/xy", (0.5, 3.0), (0.5, 1.0)),
        ("/pad/3/x", (-1.0,), (0.0,)),
        ("/mode", (7,), ("original",)),
        ("/latent/2", (99.0,), (10.0,)),
        ("/lattice/7", (50.0,), (10.0,)),
    ],
)
def test_a_clamped_value_comes_back_to_who_has_never_asked_for_feedback(
    instrument: Instrument, address: str, args: tuple[Any, ...], held: tuple[Any, ...]
) -> None:
    async def play(server: OscServer) -> None:
        with Pad(server.address) as pad:
            pad.send(address, *args)
            assert await arrival(pad, address) == [Message(address, held)]

    serve(instrument, play)


def test_a_refused_value_comes_back_as_it_is_and_why(instrument: Instrument) -> None:
    async def play(server: OscServer) -> None:
        with Pad(server.address) as pad:
            pad.send("/texture", 0.25)
            pad.send("/texture", "hi")
            assert await arrival(pad, "/refused") == [
                Message("/texture", (0.25,)),
                Message("/refused", ("/texture", "it takes a finite number, got 'hi'")),
            ]

    serve(instrument, play)


def test_an_address_that_is_not_there_is_answered_with_the_nearest(instrument: Instrument) -> None:
    async def play(server: OscServer) -> None:
        with Pad(server.address) as pad:
            pad.send("/pich", 5.0)
            (answer,) = await arrival(pad, "/refused")
            assert answer.args[0] == "/pich" and "did you mean /pitch?" in str(answer.args[1])

    serve(instrument, play)


def test_the_answer_goes_to_the_port_that_the_host_named_too(instrument: Instrument) -> None:
    async def play(server: OscServer) -> None:
        with Pad(server.address) as pad, Pad() as display:
            pad.send("/sync", display.port)
            await arrival(display, "/pad/10/pitch")
            pad.send("/pitch", 900.0)
            for one in (pad, display):
                assert Message("/pitch", (36.0,)) in await arrival(one, "/pitch")

    serve(instrument, play)


def test_what_is_refused_within_a_moment_is_all_answered(instrument: Instrument) -> None:
    async def play(server: OscServer) -> None:
        wrong = {f"/nowhere/{k}" for k in range(20)}
        with Pad(server.address) as pad:
            for address in sorted(wrong):
                pad.send(address)
            got: list[Message] = []
            while {message.args[0] for message in got} != wrong:
                got += await arrival(pad, "/refused")
            assert len(got) == len(wrong)

    serve(instrument, play)


def test_who_touches_a_control_hears_what_it_became(instrument: Instrument) -> None:
    async def play(server: OscServer) -> None:
        with Pad(server.address) as pad:
            pad.send("/sync")
            await arrival(pad, "/pad/10/pitch")
            pad.send("/gain", -3.0)  # is no answer's matter
            pad.send("/pitch", 900.0)
            assert await arrival(pad, "/pitch") == [Message("/pitch", (36.0,))]

    serve(instrument, play)


def test_a_control_that_is_held_too_far_ends_at_what_holds(instrument: Instrument) -> None:
    """However fast it moves, the newest value comes last."""

    async def play(server: OscServer) -> None:
        with Pad(server.address) as pad:
            for k in range(500):
                pad.send("/lattice/7", 20.0 + k)
                pad.send("/pitch", -100.0 if k % 2 else 100.0)
                await asyncio.sleep(0)
            got: list[Message] = []
            while not got or got[-1].args != (-36.0,):
                got += [m for m in await arrival(pad, "/pitch") if m.address == "/pitch"]
            assert len(got) < 500

    serve(instrument, play)


def test_what_is_malformed_or_an_answer_itself_is_not_answered(instrument: Instrument) -> None:
    async def play(server: OscServer) -> None:
        with Pad(server.address) as pad:
            pad._udp.sendto(b"GET / HTTP/1.1\r\n", server.address)
            pad._udp.sendto(b"/a\0\0,x\0\0", server.address)
            pad.send("/refused", "/pich", "there is no such address")
            pad.send("/heard", "/gain", 1.0, "ok")
            pad.send("/meter/peak", 1.0, 1.0)
            assert await silence(server, pad) == []

    serve(instrument, play)


def test_what_was_carried_out_is_not_answered(instrument: Instrument) -> None:
    async def play(server: OscServer) -> None:
        with Pad(server.address) as pad:
            pad.send("/gain", -3.0)
            pad.send("/pad/xy", 0.1, 0.9)
            assert await silence(server, pad) == []

    serve(instrument, play)


# -- bounds: UDP's senders can be anyone -------------------------------------------------------


def test_of_a_flood_few_are_answered_and_only_where_it_came_from(instrument: Instrument) -> None:
    async def play(server: OscServer) -> None:
        with Pad(server.address) as pad, Pad(server.address) as other:
            began, packets, size = time.monotonic(), 0, 0
            for k in range(4000):
                pad.send(f"/nowhere/{k % 100}", k)
                if k % 50 == 0:
                    await asyncio.sleep(0.002)
            await asyncio.sleep(0.1)
            while True:
                try:
                    data = pad._udp.recv(65_535)
                except BlockingIOError:
                    break
                packets, size = packets + 1, size + len(data)
                assert len(data) < 1400
            elapsed = time.monotonic() - began
            assert 0 < packets <= PACKETS + elapsed / EACH_S + 1
            assert size < 4000 * len(encode("/nowhere/10", (1,))) * 4
            assert other.received() == []

    serve(instrument, play)


def test_however_many_hosts_are_written_on_the_packets_few_are_answered(
    instrument: Instrument,
) -> None:
    sent: list[tuple[bytes, str, int]] = []

    async def run() -> None:
        outcomes = Outcomes(instrument)
        feedback = Feedback(instrument)
        Replies(outcomes, lambda *packet: sent.append(packet), feedback)
        began = time.monotonic()
        for k in range(5000):
            sender = Sender(f"osc 10.0.{k // 250}.{k % 250}", 5000 + k % 20)
            outcomes.refuse("/nowhere", (), sender, CommandError("no"))
            if k % 100 == 0:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        assert 0 < len(sent) <= ALL_PACKETS + (time.monotonic() - began) / ALL_EACH_S + 1
        feedback.close()

    asyncio.run(run())
    assert all(decode(packet).messages[0].address == "/refused" for packet, _, _ in sent)


@pytest.mark.parametrize(
    "sender",
    [Sender("osc 127.0.0.1", 53), Sender("osc"), Sender("midi keys 1"), Sender("keys"), Sender("")],
)
def test_no_other_sender_and_no_port_of_the_system_is_answered(
    instrument: Instrument, sender: Sender
) -> None:
    sent: list[tuple[bytes, str, int]] = []

    async def run() -> None:
        outcomes = Outcomes(instrument)
        feedback = Feedback(instrument)
        Replies(outcomes, lambda *packet: sent.append(packet), feedback)
        for one in (sender, Sender("osc 10.0.0.1", 5000)):
            outcomes.refuse("/nowhere", (), one, CommandError("no"))
        while not sent:
            await asyncio.sleep(0.005)
        feedback.close()

    asyncio.run(run())
    assert {(host, port) for _, host, port in sent} == {("10.0.0.1", 5000)}
