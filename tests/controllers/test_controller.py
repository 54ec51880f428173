"""What a controller of this process is told: values, changes, answers, meters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from latentpad.controllers.controller import Connection
from latentpad.controllers.echo import ECHO_S
from latentpad.controllers.osc.feedback import INTERVAL, Feedback
from latentpad.controllers.outcomes import Outcomes
from latentpad.controllers.sinks import ANSWERS
from latentpad.engine import error_log
from latentpad.engine.arguments import Argument
from latentpad.engine.control.aliases import forms
from latentpad.engine.control.instrument import Instrument, Sender

STRIP, OTHER = Sender("strip"), Sender("keys")


class Heard:
    """A sink that keeps what it gets, or fails."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.messages: list[tuple[str, tuple[Argument, ...]]] = []
        self._fault = fault

    def send(self, address: str, args: Sequence[Argument]) -> None:
        if self._fault is not None:
            raise self._fault
        self.messages.append((address, tuple(args)))

    def of(self, address: str) -> list[tuple[Argument, ...]]:
        return [args for heard, args in self.messages if heard == address]


def connected(instrument: Instrument, play: Callable[[Connection], Awaitable[None]]) -> None:
    async def run() -> None:
        outcomes = Outcomes(instrument)
        feedback = Feedback(instrument, outcomes=outcomes)
        try:
            await play(Connection(instrument, outcomes, feedback, lambda line: None))
        finally:
            feedback.close()

    asyncio.run(run())


async def sent() -> None:
    """Until all that is pending has been sent."""
    await asyncio.sleep(3 * INTERVAL)


def test_a_sink_gets_every_value_and_then_every_change_its_own_when_it_has_let_go(
    instrument: Instrument,
) -> None:
    async def play(connection: Connection) -> None:
        sink = Heard()
        connection.follow(sink, STRIP)
        await sent()
        values = list(instrument.sync_messages())
        assert dict(sink.messages) == dict([*values, *(f for v in values for f in forms(*v))])
        sink.messages.clear()
        for k in range(100):
            connection.apply("/pan", (k / 100,), OTHER)
        connection.apply("/gain", (-20.0,), STRIP)
        await sent()
        assert sink.messages == [("/pan", (0.99,))]
        await asyncio.sleep(ECHO_S)
        assert sink.messages == [("/pan", (0.99,)), ("/gain", (-20.0,))]

    connected(instrument, play)


def test_an_older_value_of_another_does_not_pull_the_control_from_the_hand(
    instrument: Instrument,
) -> None:
    async def play(connection: Connection) -> None:
        sink = Heard()
        connection.follow(sink, STRIP)
        await sent()
        sink.messages.clear()
        connection.apply("/pan", (0.5,), OTHER)
        connection.apply("/pan", (0.25,), STRIP)
        await sent()
        assert sink.messages == []

    connected(instrument, play)


def test_answers_go_to_who_sent_the_command_and_to_no_other(instrument: Instrument) -> None:
    async def play(connection: Connection) -> None:
        mine, others = Heard(), Heard()
        connection.follow(mine, STRIP)
        connection.follow(others, OTHER)
        await sent()
        mine.messages.clear()
        others.messages.clear()
        connection.apply("/gain", (99.0,), STRIP)
        connection.apply("/gain", ("loud",), STRIP)
        connection.apply("/gian", (0.0,), STRIP)
        await sent()
        assert mine.of("/gain") == [(12.0,)]
        assert [address for address, _ in mine.of("/refused")] == ["/gain", "/gian"]
        assert others.messages == [("/gain", (12.0,))]

    connected(instrument, play)


def test_answers_that_wait_are_bounded_and_the_newest_are_kept(instrument: Instrument) -> None:
    async def play(connection: Connection) -> None:
        sink = Heard()
        connection.follow(sink, STRIP)
        for k in range(3 * ANSWERS):
            connection.apply(f"/no/{k}", (), STRIP)
        await sent()
        refused = [address for address, _ in sink.of("/refused")]
        assert refused == [f"/no/{k}" for k in range(2 * ANSWERS, 3 * ANSWERS)]

    connected(instrument, play)


def test_a_sink_that_fails_is_told_of_and_silences_no_other(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    caught: list[BaseException] = []
    monkeypatch.setattr(error_log, "report", caught.append)
    fault = OSError("the display is gone")

    async def play(connection: Connection) -> None:
        sink = Heard()
        connection.follow(Heard(fault), OTHER)
        connection.follow(sink, STRIP)
        connection.feedback.publish("/meter/load", (0.5,))
        await sent()
        assert sink.of("/meter/load") == [(0.5,)]
        assert caught == [fault]

    connected(instrument, play)


def test_who_has_left_hears_nothing_and_meters_are_made_for_nobody(
    instrument: Instrument,
) -> None:
    async def play(connection: Connection) -> None:
        sink = Heard()
        assert not connection.feedback.followed
        connection.follow(sink, STRIP)
        assert connection.feedback.followed
        await sent()
        connection.unfollow(sink)
        sink.messages.clear()
        connection.apply("/pan", (0.5,), OTHER)
        await sent()
        assert sink.messages == [] and not connection.feedback.followed

    connected(instrument, play)
