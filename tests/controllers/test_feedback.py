from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any

import pytest

from controllers import feedback as module
from controllers.feedback import Feedback
from controllers.osc import Message, decode, encode
from controllers.osc_server import listen
from engine.instrument import Instrument, Sender
from engine.parameters import CommandError

ELSEWHERE = Sender("midi keys 1")


class Pad:
    """A touch app: sends from one UDP port and listens there."""

    def __init__(self, server: tuple[str, int] = ("127.0.0.1", 9)) -> None:
        self._server = server
        self._udp = socket.socket(type=socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", 0))
        self._udp.setblocking(False)
        self.port: int = self._udp.getsockname()[1]
        self.sender = Sender("osc 127.0.0.1", self.port)

    def __enter__(self) -> Pad:
        return self

    def __exit__(self, *_: object) -> None:
        self._udp.close()

    def send(self, address: str, *args: Any) -> None:
        self._udp.sendto(encode(address, args), self._server)

    def received(self) -> list[Message]:
        messages: list[Message] = []
        while True:
            try:
                messages += decode(self._udp.recv(65_535)).messages
            except BlockingIOError:
                return messages


def with_feedback(
    instrument: Instrument, play: Callable[[Feedback], Coroutine[Any, Any, None]], **options: Any
) -> None:
    async def run() -> None:
        feedback = Feedback(instrument, **options)
        try:
            await play(feedback)
        finally:
            feedback.close()

    asyncio.run(run())


async def arrival(pad: Pad, address: str) -> list[Message]:
    """Everything that has come once `address` has."""
    messages: list[Message] = []
    for _ in range(1000):
        messages += pad.received()
        if any(message.address == address for message in messages):
            return messages
        await asyncio.sleep(0.005)
    raise AssertionError(f"{address} did not come")


def test_sync_sends_every_value_to_the_port_it_names(instrument: Instrument) -> None:
    async def run() -> None:
        server = await listen(instrument, "127.0.0.1", 0)
        feedback = Feedback(instrument)
        with Pad(server.address) as pad, Pad() as display:
            pad.send("/sync", display.port)
            got = await arrival(display, "/pad/10/pitch")
            assert pad.received() == []
        expected = dict(instrument.values())
        assert {m.address: m.args for m in got} == {
            address: pytest.approx(args) for address, args in expected.items()
        }
        assert len(got) == len(expected)
        feedback.close()
        server.close()

    asyncio.run(run())


def test_changes_go_to_every_subscriber_but_the_one_who_touches(instrument: Instrument) -> None:
    async def run() -> None:
        server = await listen(instrument, "127.0.0.1", 0)
        feedback = Feedback(instrument)
        with Pad(server.address) as one, Pad(server.address) as two:
            one.send("/sync")
            two.send("/sync", float(two.port))
            await arrival(one, "/pad/10/pitch")
            await arrival(two, "/pad/10/pitch")
            one.send("/pad/xy", 0.25, 0.75)
            assert Message("/pad/1/xy", (0.25, 0.75)) in await arrival(two, "/pad/1/xy")
            two.send("/gain", -6.0)
            echoes = await arrival(one, "/gain")
            assert [m.address for m in echoes] == ["/gain"]  # and no /pad/1/xy
            assert two.received() == []
        feedback.close()
        server.close()

    asyncio.run(run())


def test_an_older_value_from_elsewhere_does_not_pull_a_control_from_the_finger(
    instrument: Instrument,
) -> None:
    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            instrument.apply("/sync", (), pad.sender)
            await arrival(pad, "/pad/10/pitch")
            instrument.apply("/gain", (-6.0,), ELSEWHERE)
            instrument.apply("/gain", (-7.0,), pad.sender)
            instrument.apply("/texture", (0.5,), ELSEWHERE)
            assert [m.address for m in await arrival(pad, "/texture")] == ["/texture"]

    with_feedback(instrument, play)


def test_a_value_goes_out_at_most_sixty_times_a_second_and_the_newest_last(
    instrument: Instrument,
) -> None:
    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            instrument.apply("/sync", (), pad.sender)
            await arrival(pad, "/pad/10/pitch")
            began, got = time.monotonic(), []
            for i in range(400):
                instrument.apply("/gain", (-i / 10,), ELSEWHERE)
                await asyncio.sleep(0.001)
                got += pad.received()
            instrument.apply("/texture", (0.5,), ELSEWHERE)
            got += await arrival(pad, "/texture")
            elapsed = time.monotonic() - began
        gains = [m.args[0] for m in got if m.address == "/gain"]
        assert 2 <= len(gains) <= 60 * elapsed + 2
        assert gains[-1] == pytest.approx(-39.9)
        assert gains == sorted(gains, reverse=True)  # type: ignore[type-var]

    with_feedback(instrument, play)


def test_notes_are_no_values_but_what_is_set_for_notes_is(instrument: Instrument) -> None:
    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            instrument.apply("/sync", (), pad.sender)
            await arrival(pad, "/pad/10/pitch")
            instrument.apply("/note", (60, 100), ELSEWHERE)
            instrument.apply("/panic", (), ELSEWHERE)
            instrument.apply("/snapshot/1/store", (), ELSEWHERE)
            instrument.apply("/note/track", (0,), ELSEWHERE)
            got = await arrival(pad, "/note/track")
            assert [m.address for m in got] == ["/note/track"]

    with_feedback(instrument, play)


def test_a_meter_is_published_like_a_value(instrument: Instrument) -> None:
    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            instrument.apply("/sync", (), pad.sender)
            await arrival(pad, "/pad/10/pitch")
            for level in (-20.0, -10.0):
                feedback.publish("/meter", (level,))
            assert await arrival(pad, "/meter") == [Message("/meter", (-10.0,))]

    with_feedback(instrument, play)


def test_a_subscriber_that_is_gone_is_dropped(instrument: Instrument) -> None:
    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            instrument.apply("/sync", (), pad.sender)
            await arrival(pad, "/pad/10/pitch")
        for i in range(1000):  # the first is lost, and its refusal comes with a later one
            if not feedback.subscribers:
                break
            instrument.apply("/gain", (-i / 100,), ELSEWHERE)
            await asyncio.sleep(0.005)
        assert feedback.subscribers == []

    with_feedback(instrument, play)


def test_a_subscriber_that_was_silent_for_long_is_dropped(instrument: Instrument) -> None:
    now = [0.0]

    async def play(feedback: Feedback) -> None:
        with Pad() as quiet:
            instrument.apply("/sync", (), quiet.sender)
            await arrival(quiet, "/pad/10/pitch")
            now[0] = module.FORGET - 1
            instrument.apply("/gain", (-1.0,), Sender(quiet.sender.group, 1))  # its host speaks
            await arrival(quiet, "/gain")
            now[0] += module.FORGET - 1
            instrument.apply("/gain", (-2.0,), ELSEWHERE)
            await arrival(quiet, "/gain")
            now[0] += 2
            instrument.apply("/gain", (-3.0,), ELSEWHERE)
            while feedback.subscribers:
                await asyncio.sleep(0.005)
            assert quiet.received() == []

    with_feedback(instrument, play, clock=lambda: now[0])


def test_the_quietest_gives_way_to_one_subscriber_too_many(instrument: Instrument) -> None:
    now = [0.0]

    async def play(feedback: Feedback) -> None:
        with ExitStack() as stack:
            pads = [stack.enter_context(Pad()) for _ in range(module.SUBSCRIBERS + 1)]
            for pad in pads:
                now[0] += 1
                instrument.apply("/sync", (), pad.sender)
            assert len(feedback.subscribers) == module.SUBSCRIBERS
            kept = {subscriber.ports[1] for subscriber in feedback.subscribers}
            assert kept == {pad.port for pad in pads[1:]}

    with_feedback(instrument, play, clock=lambda: now[0])


def test_syncing_again_is_one_subscription(instrument: Instrument) -> None:
    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            for _ in range(3):
                instrument.apply("/sync", (), pad.sender)
            assert len(feedback.subscribers) == 1

    with_feedback(instrument, play)


@pytest.mark.parametrize("args", [(0,), (65_536,), (-1,), ("a",), (float("nan"),), (9001, 1)])
def test_a_port_that_is_none_is_refused(instrument: Instrument, args: tuple[Any, ...]) -> None:
    async def play(feedback: Feedback) -> None:
        with pytest.raises(CommandError):
            instrument.apply("/sync", args, Sender("osc 127.0.0.1", 5))
        with pytest.raises(CommandError):
            instrument.apply("/sync", (), ELSEWHERE)
        assert feedback.subscribers == []

    with_feedback(instrument, play)
