from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from latentpad.controllers.echo import ECHO_S
from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.osc.packet import Message, decode, encode
from latentpad.controllers.osc.remembered import HostMemory, RememberedHost, load
from latentpad.controllers.osc.server import listen
from latentpad.controllers.osc.subscribers import (
    BYTES_S,
    COPY_S,
    FRESH_S,
    HOSTS,
    KNOWN_S,
    Subscribers,
)
from latentpad.engine.arguments import CommandError
from latentpad.engine.control.aliases import forms
from latentpad.engine.control.instrument import Instrument, Sender

ELSEWHERE = Sender("midi keys 1")


class Pad:
    """A touch app: sends from one UDP port and listens there."""

    def __init__(
        self, server: tuple[str, int] = ("127.0.0.1", 9), host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._server = server
        self._udp = socket.socket(type=socket.SOCK_DGRAM)
        self._udp.bind((host, port))
        self._udp.setblocking(False)
        self.port: int = self._udp.getsockname()[1]
        self.sender = Sender(f"osc {host}", self.port)

    def __enter__(self) -> Pad:
        return self

    def __exit__(self, *_: object) -> None:
        self._udp.close()

    def send(self, address: str, *args: Any) -> None:
        self._udp.sendto(encode(address, args), self._server)

    def packet(self) -> bytes:
        return self._udp.recv(65_535)

    def received(self) -> list[Message]:
        messages: list[Message] = []
        while True:
            try:
                messages += decode(self.packet()).messages
            except BlockingIOError:
                return messages


def told(instrument: Instrument) -> dict[str, Any]:
    """All values, under every address that they are sent under."""
    values = dict(instrument.sync_messages())
    also = {alias: v for known, args in values.items() for alias, v in forms(known, args)}
    return {address: pytest.approx(args) for address, args in {**values, **also}.items()}


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
        expected = told(instrument)
        assert {m.address: m.args for m in got} == expected
        assert len(got) == len(expected)
        feedback.close()
        server.close()

    asyncio.run(run())


def test_sync_sends_what_is_touched_and_what_the_pad_points_at(instrument: Instrument) -> None:
    async def play(feedback: Feedback) -> None:
        instrument.apply("/pad/3/touch", (1,), ELSEWHERE)
        instrument.apply("/lattice/2", (0.5,), ELSEWHERE)
        instrument.apply("/latent", (0.25, 0.5, -1.0, 0.0), ELSEWHERE)
        with Pad() as pad:
            instrument.apply("/sync", (), pad.sender)
            got = {m.address: m.args for m in await arrival(pad, "/pad/10/pitch")}
        touches = [got[f"/pad/{n}/touch"] for n in range(1, 11)]
        assert touches == [(int(n in (1, 3)),) for n in range(1, 11)]  # 1: by its latent's move
        assert got["/lattice/2"] == (0.5,) and got["/latent"] == (0.25, 0.5, -1.0, 0.0)
        assert set(got) >= set(dict(instrument.values()))

    with_feedback(instrument, play)


def test_the_copy_of_all_values_is_of_one_moment(instrument: Instrument) -> None:
    """A change of several values, by another thread, is in it whole or not at all."""
    half, whole = threading.Event(), threading.Event()

    def change() -> None:
        with instrument.together():
            instrument.apply("/gain", (-7.0,))
            half.set()
            whole.wait(0.2)
            instrument.apply("/pitch", (7.0,))

    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            instrument.apply("/sync", (pad.port,), pad.sender)
            changing = threading.Thread(target=change)
            changing.start()
            half.wait()
            got = {m.address: m.args for m in await arrival(pad, "/pad/10/pitch")}
            whole.set()
            changing.join()
            assert (got["/gain"] == (-7.0,)) == (got["/pitch"] == (7.0,))

    with_feedback(instrument, play)


def test_changes_go_to_every_subscriber_but_the_one_who_touches(instrument: Instrument) -> None:
    async def run() -> None:
        server = await listen(instrument, "127.0.0.1", 0)
        feedback = Feedback(instrument)
        with Pad(server.address) as one, Pad(server.address, "127.0.0.2") as two:
            one.send("/sync")
            two.send("/sync", float(two.port))
            await arrival(one, "/pad/10/pitch")
            await arrival(two, "/pad/10/pitch")
            one.send("/pad/xy", 0.25, 0.75)
            got = await arrival(two, "/pad/1/xy")
            assert Message("/pad/1/xy", (0.25, 0.75)) in got
            assert Message("/pad/xy", (0.25, 0.75)) in got
            two.send("/gain", -6.0)
            echoes = await arrival(one, "/gain")
            assert [m.address for m in echoes] == ["/pad/1/touch", "/gain"]  # and no /pad/1/xy
            assert Message("/gain", (-6.0,)) not in two.received()
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


def test_a_port_that_refuses_is_asleep_and_its_hosts_next_packet_wakes_it(
    instrument: Instrument,
) -> None:
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
        await asyncio.sleep(COPY_S)
        instrument.apply("/gain", (-3.0,), Sender(pad.sender.group, 1))  # still nobody there
        await asyncio.sleep(0.05)
        assert feedback.subscribers == []
        await asyncio.sleep(COPY_S)
        with Pad(port=pad.port) as again:
            instrument.apply("/gain", (-4.0,), again.sender)
            got = await arrival(again, "/pad/10/pitch")
            assert Message("/gain", (-4.0,)) in got

    with_feedback(instrument, play)


def test_a_port_nobody_listens_on_costs_one_datagram_a_second() -> None:
    now = [0.0]
    sender = Sender("osc 127.0.0.1", 9000)
    subscribers = Subscribers(lambda: now[0])
    subscribers.ask(sender, None)
    ((_, subscriber, _),) = subscribers.due(lambda: {"/gain": (0.0,), "/pan": (0.0,)})
    subscribers.refused(subscriber)
    sent = 0
    for _ in range(1000):  # its host plays on, and what is sent is refused
        now[0] += 0.01
        subscribers.hear(sender)
        for _, subscriber, sent_now in subscribers.due(lambda: {"/gain": (0.0,), "/pan": (0.0,)}):
            assert list(sent_now) == ["/gain"]
            sent += 1
            subscribers.refused(subscriber)
    assert 9 <= sent <= 10
    subscribers.close()


def silent_for(
    instrument: Instrument, seconds: float, *before: tuple[str, tuple[Any, ...]]
) -> tuple[list[Message], list[Message]]:
    """What comes of a change so long after `/sync` and these commands, and after a packet more."""
    now = [0.0]
    reported: list[list[Message]] = []

    async def play(feedback: Feedback) -> None:
        with Pad() as pad, Pad() as other:
            instrument.apply("/sync", (), pad.sender)
            await arrival(pad, "/pad/10/pitch")
            for address, args in before:
                instrument.apply(address, args, Sender(pad.sender.group, 1))
            now[0] += ECHO_S  # until it is sent its own
            await asyncio.sleep(0.05)
            pad.received()
            now[0] += seconds
            stranger = Sender("osc 127.0.0.9", other.port)
            instrument.apply("/gain", (-2.0,), stranger)
            reported.append([])
            for _ in range(1000):
                await asyncio.sleep(0.005)
                reported[0] += pad.received()
                if reported[0] or not feedback.subscribers:
                    break
            assert bool(reported[0]) == bool(feedback.subscribers)
            now[0] += 1
            instrument.apply("/texture", (0.5,), Sender(pad.sender.group, 1))
            now[0] += ECHO_S
            got = await arrival(pad, "/texture")
            await asyncio.sleep(0.15)  # a copy is sent in some packets
            reported.append(got + pad.received())

    with_feedback(instrument, play, clock=lambda: now[0])
    return reported[0], reported[1]


def test_a_host_that_sent_one_packet_only_is_told_for_seconds(instrument: Instrument) -> None:
    assert silent_for(instrument, FRESH_S - 1)[0] == [Message("/gain", (-2.0,))]
    reported, woken = silent_for(instrument, FRESH_S + 1)
    assert reported == []
    assert dict(woken) == told(instrument)


def test_a_host_that_plays_is_told_for_minutes(instrument: Instrument) -> None:
    played = ("/note/track", (0,))
    reported, woken = silent_for(instrument, KNOWN_S - 1, played)
    assert reported == [Message("/gain", (-2.0,))]
    assert [message.address for message in woken] == ["/texture"]
    reported, woken = silent_for(instrument, KNOWN_S + 1, played)
    assert reported == [] and len(woken) == len(told(instrument))


# -- bounds: UDP's senders can be anyone -------------------------------------------------------


def test_one_host_has_four_ports(instrument: Instrument) -> None:
    """Of forty that it asks for, those it asked for last."""

    async def play(feedback: Feedback) -> None:
        with ExitStack() as stack:
            pads = [stack.enter_context(Pad(host="127.0.0.2")) for _ in range(40)]
            sender = pads[0].sender
            for pad in pads:
                instrument.apply("/sync", (pad.port,), sender)
            kept = {subscriber.port for subscriber in feedback.subscribers}
            assert kept == {pad.port for pad in pads[-4:]}

    with_feedback(instrument, play)


def test_a_host_gets_one_copy_a_second_however_often_it_asks(instrument: Instrument) -> None:
    async def run() -> None:
        server = await listen(instrument, "127.0.0.1", 0)
        feedback = Feedback(instrument)
        one_copy = len(told(instrument))
        with (
            Pad(server.address, "127.0.0.2") as storm,
            Pad(server.address, "127.0.0.3") as other,
            Pad(server.address, "127.0.0.3") as display,
        ):
            began, got = time.monotonic(), 0
            while time.monotonic() < began + 1.5 * COPY_S:
                for _ in range(20):
                    storm.send("/sync")
                await asyncio.sleep(0.01)
                got += len(storm.received())
            assert 0 < got <= one_copy * (1 + (time.monotonic() - began) / COPY_S)
            began = time.monotonic()
            other.send("/sync")  # another host does not wait for it, but for its own first
            await arrival(other, "/pad/10/pitch")
            other.send("/sync", display.port)
            await arrival(display, "/pad/10/pitch")
            assert time.monotonic() - began >= COPY_S
        feedback.close()
        server.close()

    asyncio.run(run())


def test_so_many_hosts_are_told_and_no_more_and_who_plays_is_kept(instrument: Instrument) -> None:
    now = [0.0]

    async def play(feedback: Feedback) -> None:
        with Pad(host="127.0.1.1") as mine:
            instrument.apply("/sync", (), mine.sender)
            instrument.apply("/gain", (-1.0,), mine.sender)
            for k in range(4 * HOSTS):
                now[0] += 0.1
                instrument.apply("/sync", (), Sender(f"osc 127.0.2.{k + 1}", 9000))
                assert len(feedback.subscribers) <= HOSTS
            assert mine.port in {subscriber.port for subscriber in feedback.subscribers}

    with_feedback(instrument, play, clock=lambda: now[0])


def test_what_goes_to_hosts_that_are_heard_once_is_bounded_for_all_together(
    instrument: Instrument,
) -> None:
    async def play(feedback: Feedback) -> None:
        with ExitStack() as stack:
            pads = [stack.enter_context(Pad(host=f"127.0.3.{k + 1}")) for k in range(200)]
            began, size = time.monotonic(), 0
            for pad in pads:
                instrument.apply("/sync", (), pad.sender)
                await asyncio.sleep(0.005)
            for pad in pads:
                size += sum(len(encode(*message)) for message in pad.received())
            assert 0 < size <= BYTES_S * (1.5 + time.monotonic() - began)

    with_feedback(instrument, play)


def test_what_goes_to_one_host_in_a_second_is_bounded(instrument: Instrument) -> None:
    """A thousand addresses that change sixty times a second."""

    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            instrument.apply("/sync", (), pad.sender)
            await arrival(pad, "/pad/10/pitch")
            began, size = time.monotonic(), 0
            while time.monotonic() < began + 1.0:
                for k in range(1000):
                    feedback.publish(f"/meter/{k}", (time.monotonic(),))
                await asyncio.sleep(0.01)
                got = pad.received()
                size += sum(len(encode(*message)) for message in got)
            assert 0 < size <= BYTES_S * (1.5 + time.monotonic() - began)

    with_feedback(instrument, play)


@pytest.mark.parametrize("args", [(), (1,), (1.0,), (True,), (0.7,)])
def test_a_press_is_answered_where_it_comes_from_and_on_the_port_last_named(
    instrument: Instrument, args: tuple[Any, ...]
) -> None:
    async def play(feedback: Feedback) -> None:
        with Pad() as pad, Pad() as display:
            instrument.apply("/sync", args, pad.sender)
            await arrival(pad, "/pad/10/pitch")
            instrument.apply("/sync", (display.port,), pad.sender)
            await arrival(display, "/pad/10/pitch")
            assert pad.received() == []
            instrument.apply("/sync", args, pad.sender)
            for one in (pad, display):
                await arrival(one, "/pad/10/pitch")
            assert len(feedback.subscribers) == 2

    with_feedback(instrument, play)


@pytest.mark.parametrize("args", [(0,), (0.0,), (False,)])
def test_a_release_is_ignored(instrument: Instrument, args: tuple[Any, ...]) -> None:
    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            instrument.apply("/sync", args, pad.sender)
            assert feedback.subscribers == []

    with_feedback(instrument, play)


def test_a_ping_is_taken_and_keeps_a_host_informed(instrument: Instrument) -> None:
    played = ("/ping", ())
    reported, _ = silent_for(instrument, KNOWN_S - 1, played)
    assert reported == [Message("/gain", (-2.0,))]


def test_syncing_again_is_one_subscription(instrument: Instrument) -> None:
    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            for _ in range(3):
                instrument.apply("/sync", (), pad.sender)
            assert len(feedback.subscribers) == 1

    with_feedback(instrument, play)


@pytest.mark.parametrize(
    "args",
    [(2,), (1023,), (65_536,), (9000.5,), (-1,), ("a",), (float("nan"),), (1e308,), (9001, 1)],
)
def test_a_port_that_is_none_is_refused(instrument: Instrument, args: tuple[Any, ...]) -> None:
    async def play(feedback: Feedback) -> None:
        with pytest.raises(CommandError):
            instrument.apply("/sync", args, Sender("osc 127.0.0.1", 5000))
        with pytest.raises(CommandError):  # a reply to a service of the system
            instrument.apply("/sync", (), Sender("osc 127.0.0.1", 123))
        with pytest.raises(CommandError):
            instrument.apply("/sync", (), ELSEWHERE)
        assert feedback.subscribers == []

    with_feedback(instrument, play)


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    def send(self, address: str, args: object) -> None:
        self.addresses.append(address)


def test_who_publishes_waits_until_somebody_follows(instrument: Instrument) -> None:
    async def play(feedback: Feedback) -> None:
        waiting = asyncio.create_task(feedback.wait_followed())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        sink = Kept()
        feedback.follow(sink, ELSEWHERE)
        await asyncio.wait_for(waiting, 60)
        await feedback.wait_followed()  # at once
        feedback.unfollow(sink)
        waiting = asyncio.create_task(feedback.wait_followed())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        with Pad() as pad:
            instrument.apply("/sync", (), pad.sender)
            await asyncio.wait_for(waiting, 60)

    with_feedback(instrument, play)


# -- what a device needs to follow ---------------------------------------------------------------


def test_a_host_gets_its_own_value_when_it_has_let_go_of_the_control() -> None:
    """Whatever port it is on: a second control of the same device follows."""
    now = [0.0]
    subscribers = Subscribers(lambda: now[0])
    tablet, other = Sender("osc 127.0.0.1", 5000), Sender("osc 127.0.0.2", 5000)
    for sender in (tablet, other):
        subscribers.ask(sender, 9001)

    def due() -> dict[str, dict[str, Any]]:
        return {host.group: values for host, _, values in subscribers.due(lambda: {"/pan": (0,)})}

    assert due() == {tablet.group: {"/pan": (0,)}, other.group: {"/pan": (0,)}}
    for k in range(3):
        subscribers.change("/gain", (float(k),), tablet)
        subscribers.change("/texture", (float(k),), other)
        assert due() == {tablet.group: {"/texture": (k,)}, other.group: {"/gain": (k,)}}
        now[0] += 0.9 * ECHO_S
    subscribers.change("/gain", (5.0,), other)  # while the tablet's finger may still be on it
    assert due() == {}
    assert subscribers.unfinished()
    now[0] += 0.11 * ECHO_S
    assert due() == {tablet.group: {"/gain": (5.0,)}, other.group: {"/texture": (2.0,)}}
    now[0] += ECHO_S
    assert due() == {other.group: {"/gain": (5.0,)}}
    assert not subscribers.unfinished()
    subscribers.close()


def test_a_copy_is_sent_in_few_packets_of_limited_size_one_after_the_other(
    instrument: Instrument,
) -> None:
    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            instrument.apply("/sync", (), pad.sender)
            packets: list[bytes] = []
            times: list[float] = []
            while not packets or b"/pad/10/pitch" not in packets[-1]:
                try:
                    packets.append(pad.packet())
                    times.append(time.monotonic())
                except BlockingIOError:
                    await asyncio.sleep(0.001)
        sizes = [len(packet) for packet in packets]
        assert 2 <= len(sizes) <= 8 and max(sizes) <= 1400 < sum(sizes)
        assert times[-1] - times[0] > (len(sizes) - 2) / 60

    with_feedback(instrument, play)


def test_a_choice_comes_back_by_name_and_by_number_and_a_point_as_both_of_its_names(
    instrument: Instrument,
) -> None:
    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            instrument.apply("/sync", (), pad.sender)
            await arrival(pad, "/pad/10/pitch")
            instrument.apply("/mode/original", (1,), ELSEWHERE)
            got = await arrival(pad, "/mode/index")
            assert Message("/mode", ("original",)) in got and Message("/mode/index", (2,)) in got
            instrument.apply("/pad/1/xy", (0.25, 0.5), ELSEWHERE)
            assert Message("/pad/xy", (0.25, 0.5)) in await arrival(pad, "/pad/xy")

    with_feedback(instrument, play)


def test_who_sends_0_to_1_gets_0_to_1_back(instrument: Instrument) -> None:
    async def play(feedback: Feedback) -> None:
        with Pad() as pad, Pad(host="127.0.0.2") as other:
            for one in (pad, other):
                instrument.apply("/sync", (), one.sender)
                await arrival(one, "/pad/10/pitch")
            instrument.apply("/n/gain", (0.25,), pad.sender)
            assert [m.address for m in await arrival(other, "/gain")] == ["/gain"]
            await arrival(pad, "/n/gain")
            instrument.apply("/gain", (-24.0,), other.sender)
            assert Message("/n/gain", (0.5,)) in await arrival(pad, "/n/gain")

    with_feedback(instrument, play)


def test_a_port_that_opens_again_gets_a_copy_without_a_message_of_its_host(
    instrument: Instrument,
) -> None:
    """A tablet whose app sleeps and wakes: nobody has to tap it."""

    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            instrument.apply("/sync", (), pad.sender)
            await arrival(pad, "/pad/10/pitch")
        for i in range(1000):
            if not feedback.subscribers:
                break
            instrument.apply("/gain", (-i / 100,), ELSEWHERE)
            await asyncio.sleep(0.005)
        instrument.apply("/gain", (-3.0,), ELSEWHERE)
        with Pad(port=pad.port) as again:
            assert Message("/gain", (-3.0,)) in await arrival(again, "/pad/10/pitch")
            instrument.apply("/gain", (-4.0,), ELSEWHERE)
            assert await arrival(again, "/gain") == [Message("/gain", (-4.0,))]

    with_feedback(instrument, play)


# -- across runs ---------------------------------------------------------------------------------


def test_hosts_and_ports_are_remembered_across_runs(instrument: Instrument, tmp_path: Path) -> None:
    path = tmp_path / "state" / "feedback.toml"

    def run(play: Callable[[Feedback], Coroutine[Any, Any, None]]) -> None:
        with_feedback(instrument, play, memory=HostMemory(path, pytest.fail))

    with Pad() as pad, Pad() as display:

        async def ask(feedback: Feedback) -> None:
            instrument.apply("/sync", (), pad.sender)
            await arrival(pad, "/pad/10/pitch")
            instrument.apply("/sync", (display.port,), pad.sender)
            await arrival(display, "/pad/10/pitch")
            instrument.apply("/n/pan", (0.5,), pad.sender)

        async def play_on(feedback: Feedback) -> None:
            instrument.apply("/gain", (-5.0,), ELSEWHERE)
            await asyncio.sleep(0.1)
            assert pad.received() == display.received() == []  # they sleep
            instrument.apply("/ping", (), pad.sender)
            for one in (pad, display):
                got = await arrival(one, "/pad/10/pitch")
                assert Message("/gain", (-5.0,)) in got and Message("/n/pan", (0.5,)) in got
            assert feedback.port_of(pad.sender.group) == display.port

        run(ask)
        pad.received(), display.received()
        run(play_on)


def test_a_port_that_is_closed_at_the_end_is_forgotten_unless_it_was_named(
    instrument: Instrument, tmp_path: Path
) -> None:
    path = tmp_path / "feedback.toml"

    async def play(feedback: Feedback) -> None:
        with Pad() as pad, Pad() as display:
            instrument.apply("/sync", (), pad.sender)
            instrument.apply("/sync", (display.port,), pad.sender)
            await arrival(pad, "/pad/10/pitch")
        ports.append(display.port)
        for i in range(1000):
            if not feedback.subscribers:
                return
            instrument.apply("/gain", (-i / 100,), ELSEWHERE)
            await asyncio.sleep(0.005)

    ports: list[int] = []
    with_feedback(instrument, play, memory=HostMemory(path, pytest.fail))
    assert load(path) == [RememberedHost("127.0.0.1", ports[0], ports, [])]


@pytest.mark.parametrize(
    "text",
    ["hosts = 3", "[hosts.a]", "[hosts]\na = 1", "\0", "[", '[hosts.a]\nports = "x"\nport = []'],
)
def test_a_damaged_file_of_hosts_is_told_and_not_fatal(
    instrument: Instrument, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "feedback.toml"
    path.write_text(text)
    lines: list[str] = []

    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            instrument.apply("/sync", (), pad.sender)
            await arrival(pad, "/pad/10/pitch")

    with_feedback(instrument, play, memory=HostMemory(path, lines.append))
    assert len(lines) <= 1 and all(str(path) in line for line in lines)
    assert [host.host for host in load(path)] == ["127.0.0.1"]


def test_hosts_that_cannot_be_written_are_told(instrument: Instrument, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lines: list[str] = []

    async def play(feedback: Feedback) -> None:
        with Pad() as pad:
            instrument.apply("/sync", (), pad.sender)

    memory = HostMemory(tmp_path / "file" / "feedback.toml", lines.append)
    with_feedback(instrument, play, memory=memory)
    assert len(lines) == 2 and all("feedback.toml" in line for line in lines)
