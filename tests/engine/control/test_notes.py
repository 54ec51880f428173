"""What shapes a note while it is held: its point, bend, level, pan and pressure."""

from __future__ import annotations

import pytest

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument, CommandError
from tests.engine.control.test_instrument import DAW, PHONE, Desk, desk

__all__ = ["desk"]  # the fixture


def voice(desk: Desk) -> int:
    """The voice of the only note."""
    (held,) = (loop for loop in desk.instrument.state().held if loop.address == "/note")
    return held.voice


def test_a_note_with_a_point_of_its_own_no_longer_follows_the_pad(desk: Desk) -> None:
    desk.send("/note", 60, 100)
    desk.send("/note/60/xy", 0.25, 0.75)
    desk.send("/pad/xy", 0.9, 0.1)
    assert desk.board.points[voice(desk)].tolist() == [0.25, 0.75]
    assert desk.woken >= 2


def test_a_point_in_the_same_change_is_where_the_note_starts(desk: Desk) -> None:
    desk.instrument.apply_all([("/note", (60, 100)), ("/note/60/xy", (0.25, 0.75))], PHONE)
    (start,) = desk.player()
    assert desk.board.points[start.voice].tolist() == [0.25, 0.75]
    assert desk.board.requests[start.voice] > start.request


def test_a_note_that_points_elsewhere_stays_out_of_a_latent(desk: Desk) -> None:
    desk.send("/note", 60, 100)
    desk.send("/note/60/xy", 0.25, 0.75)
    desk.send("/latent", 1, 2, 3, 4)
    assert desk.board.origin[voice(desk)] == b.POINT


@pytest.mark.parametrize(
    ("what", "value", "field", "expected"),
    [
        ("bend", -1.5, "pitches", 4 - 1.5),
        ("bend", 1000, "pitches", 4 + 48),
        ("level", -6, "levels", -6),
        ("pan", 0.5, "pans", 0.5),
    ],
)
def test_a_note_is_shaped_beside_what_it_was_struck_with(
    desk: Desk, what: str, value: float, field: str, expected: float
) -> None:
    desk.send("/note", 64, 100)
    desk.send(f"/note/64/{what}", value)
    assert getattr(desk.board, field)[voice(desk)] == expected
    desk.send("/note", 64, 100)  # struck again it is as it was
    assert desk.board.pitches[voice(desk)] == 4
    assert (desk.board.levels[voice(desk)], desk.board.pans[voice(desk)]) == (0, 0)


@pytest.mark.parametrize("amount", [1.0, 0.5, 0.0])
def test_pressure_takes_the_place_of_velocity(desk: Desk, amount: float) -> None:
    desk.send("/note/velocity", amount)
    levels = []
    for velocity in (127, 30):
        desk.send("/note", 60, velocity)
        desk.send("/note/60/pressure", 0.5)
        struck = voice(desk)
        levels.append(desk.board.start_level[struck] + desk.board.pressures[struck])
    assert levels[0] == pytest.approx(levels[1])
    assert levels[0] == pytest.approx(amount * -12.04, abs=0.01)


def test_the_next_note_of_a_voice_is_not_pressed(desk: Desk) -> None:
    desk.send("/note", 60, 100)
    desk.send("/note/60/pressure", 0.5)
    desk.send("/note", 60, 0)
    desk.player()
    desk.ended(0)
    desk.send("/pad/touch", 1)
    assert not desk.board.pressures.any()


def test_only_the_sender_s_own_note_is_shaped(desk: Desk) -> None:
    desk.send("/note", 60, 100, by=PHONE)
    desk.send("/note/60/bend", 2, by=DAW)
    assert desk.board.pitches[voice(desk)] == 0


def test_a_note_that_was_let_go_keeps_its_shape(desk: Desk) -> None:
    desk.send("/note", 60, 100)
    struck = voice(desk)
    desk.send("/note", 60, 0)
    desk.send("/note/60/bend", 2)
    assert desk.board.pitches[struck] == 0


def test_a_shot_keeps_the_point_that_it_has_started_at(desk: Desk) -> None:
    desk.send("/mode", "shot")
    desk.instrument.apply_all([("/note", (60, 100)), ("/note/60/xy", (0.25, 0.75))], PHONE)
    desk.now += 0.1
    desk.send("/note/60/xy", 0.5, 0.5)
    (start,) = [event for event in desk.player() if event.kind == b.START]
    assert desk.board.points[start.voice].tolist() == [0.25, 0.75]


@pytest.mark.parametrize(
    ("address", "args"),
    [
        ("/note/60/xy", (0.5,)),
        ("/note/60/bend", ()),
        ("/note/60/bend", ("up",)),
        ("/note/128/bend", (1,)),
        ("/note/x/bend", (1,)),
        ("/note/60/colour", (1,)),
    ],
)
def test_what_is_no_shape_is_refused(desk: Desk, address: str, args: tuple[Argument, ...]) -> None:
    desk.send("/note", 60, 100)
    with pytest.raises(CommandError):
        desk.send(address, *args)
