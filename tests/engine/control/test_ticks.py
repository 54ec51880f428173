"""The instrument ticks only while something depends on time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument
from latentpad.engine.control import last_heard
from latentpad.engine.control.allocation import Sender
from tests.engine.control.test_instrument import PHONE, Desk

Commands = Sequence[tuple[str, tuple[Argument, ...]]]

# commands that leave something to do, and those or the seconds after which nothing is left
LASTING: dict[str, tuple[Commands, Commands, float]] = {
    "a coordinate waits": ([("/mode", ("shot",)), ("/pad/x", (0.3,))], [], 0.01),
    "a glide": (
        [("/snapshot/1/store", ()), ("/gain", (-30,)), ("/snapshot/1/recall", (2.0,))], [], 2.5,
    ),
    "a touch may time out": ([("/pad/2/touch", (1,))], [("/pad/2/touch", (0,))], 0.0),
    "a note may time out": ([("/note", (60, 100))], [], 61.0),
}  # fmt: skip


def changes(desk: Desk) -> bool:
    """Whether a tick changes the board."""
    before = desk.board.version[0]
    desk.instrument.tick()
    return desk.board.version[0] != before


def test_without_anything_to_do_a_tick_changes_nothing() -> None:
    desk = Desk()
    desk.send("/pad/xy", 0.2, 0.4, by=Sender("midi Keys 1"))
    desk.send("/gain", -20)
    desk.send("/note", 60, 100, by=Sender("midi Keys 1"))
    desk.send("/pad/1/touch", 0)
    assert not changes(desk) and desk.ticks_wanted == 0


@pytest.mark.parametrize("what", LASTING)
def test_a_change_that_depends_on_time_asks_for_ticks_until_it_is_over(what: str) -> None:
    begin, end, seconds = LASTING[what]
    desk = Desk()
    for address, args in begin:
        desk.send(address, *args)
    assert desk.ticks_wanted > 0
    desk.player()  # the events found room
    if seconds:
        wanted = desk.ticks_wanted
        assert changes(desk)
        assert desk.ticks_wanted > wanted, "the tick asks for another"
    for address, args in end:
        desk.send(address, *args)
    desk.now += seconds
    desk.instrument.tick()
    wanted = desk.ticks_wanted
    assert not changes(desk) or desk.ticks_wanted == wanted
    assert not changes(desk)


def test_events_without_room_ask_for_ticks_until_they_are_sent() -> None:
    desk = Desk()
    desk.instrument.apply_all(
        [("/note", (k % 128, 127)) for k in range(2 * b.EVENTS)], Sender("midi Keys 1")
    )
    assert desk.ticks_wanted > 0
    desk.player()
    assert changes(desk)
    desk.player()
    while changes(desk):
        desk.player()
    assert len(desk.player()) == 0


def test_the_senders_that_are_remembered_are_bounded_without_ticks() -> None:
    now = 0.0
    heard = last_heard.LastHeard(lambda: now)
    for k in range(10_000):
        now += 0.001
        heard.hear(PHONE._replace(group=f"osc {k}"))
        assert len(heard._last) <= last_heard.SENDERS
    assert "osc 9999" in heard._last
