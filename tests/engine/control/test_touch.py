"""When a finger starts a voice: by reported touches, or by moves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument
from latentpad.engine.control import movement
from latentpad.engine.control.instrument import NOBODY, Sender
from latentpad.engine.parameters import FINGERS
from tests.engine.control.test_instrument import DAW, PHONE, Desk

SHOTS = ("shot", "original")
PAUSE_S = 0.5  # longer than any rest
Point = tuple[float, float]
Command = tuple[str, Sequence[Argument]]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture(params=SHOTS)
def shots(request: pytest.FixtureRequest) -> Desk:
    desk = Desk()
    desk.send("/mode", request.param, by=DAW)
    return desk


def starts(desk: Desk) -> list[Point]:
    """The points of the voices whose start the playing process has not taken yet."""
    voices = [event.voice for event in desk.player() if event.kind == b.START]
    return [(float(x), float(y)) for x, y in desk.board.points[voices]]


def wait(desk: Desk, seconds: float = PAUSE_S) -> None:
    """Let time pass, with ticks of the instrument."""
    end = desk.now + seconds
    for _ in range(round(60 * seconds)):
        desk.now += 1 / 60
        desk.instrument.tick()
    desk.now = end


def tap(desk: Desk, x: float, y: float, by: Sender = PHONE) -> None:
    wait(desk)
    desk.send("/pad/xy", x, y, by=by)


# -- loops -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", range(1, FINGERS + 1))
def test_in_a_loop_a_move_starts_the_fingers_voice_and_again_once_it_was_let_go(
    desk: Desk, n: int
) -> None:
    desk.send(f"/pad/{n}/xy", 0.2, 0.7)
    assert starts(desk) == [(0.2, 0.7)] and desk.board.held.sum() == 1
    desk.send(f"/pad/{n}/xy", 0.3, 0.7)
    assert starts(desk) == []
    for ending in ((f"/pad/{n}/touch", 0), ("/panic",)):
        desk.send(*ending)
        assert desk.board.held.sum() == 0
        desk.send(f"/pad/{n}/xy", 0.3, 0.7)
        assert starts(desk) == [(0.3, 0.7)] and desk.board.held.sum() == 1


def test_in_a_loop_one_coordinate_starts_the_voice_at_once(desk: Desk) -> None:
    desk.send("/pad/x", 0.2)
    assert starts(desk) == [(0.2, 0.5)]


def test_a_move_starts_a_loop_where_shots_were_played_before(desk: Desk) -> None:
    desk.send("/mode", "shot")
    desk.send("/pad/xy", 0.2, 0.7)
    desk.send("/mode", "loop")
    desk.send("/pad/xy", 0.2, 0.7)
    assert len(starts(desk)) == 2 and desk.board.held.sum() == 1


def test_a_shot_lets_the_loop_of_its_finger_go(desk: Desk) -> None:
    desk.send("/pad/xy", 0.2, 0.7)
    desk.send("/mode", "shot")
    tap(desk, 0.6, 0.7)
    assert desk.kinds() == [(b.START, 0), (b.RELEASE, 0), (b.START, 1)]


def test_a_voice_that_a_move_has_started_outlasts_its_senders_silence(desk: Desk) -> None:
    desk.send("/note/timeout", 10)
    desk.send("/pad/xy", 0.2, 0.7)
    desk.send("/pad/2/xy", 0.2, 0.7)
    desk.send("/pad/2/touch", 1)
    wait(desk, 11)
    assert desk.kinds() == [(b.START, 0), (b.START, 1), (b.RELEASE, 1)]


# -- a sender that tells touches -------------------------------------------------------------


@pytest.mark.parametrize("mode", ["loop", *SHOTS])
@pytest.mark.parametrize("n", [1, 2, 10])
def test_a_sender_that_tells_touches_is_believed(desk: Desk, mode: str, n: int) -> None:
    desk.send("/mode", mode)
    desk.send(f"/pad/{n}/touch", 1)
    desk.send(f"/pad/{n}/touch", 0)
    assert len(starts(desk)) == 1
    for address in ("xy", "x", "y"):
        desk.send(f"/pad/{n}/{address}", *[0.9] * len(address))
        wait(desk)
    desk.send("/panic")
    if mode != "loop" or n != 1:
        desk.send(f"/pad/{n}/xy", 0.1, 0.1)
        assert starts(desk) == []
    desk.send(f"/pad/{n}/touch", 1)
    assert len(starts(desk)) == 1


def test_after_a_panic_the_next_point_sounds_whoever_tells_it(desk: Desk) -> None:
    desk.send("/pad/touch", 1)
    desk.send("/panic")
    desk.player()
    desk.send("/pad/xy", 0.1, 0.1)
    assert starts(desk) == [(0.1, 0.1)]
    for address, value in (("/pad/touch", 1), ("/pad/touch", 0)):
        desk.send(address, value)
    desk.send("/pad/xy", 0.2, 0.1)
    assert starts(desk) == []


def test_it_is_believed_of_this_finger_and_from_all_of_its_ports(desk: Desk) -> None:
    again = Sender(PHONE.group, PHONE.port + 1)
    for address, value in (("/pad/touch", 1), ("/pad/touch", 0)):
        desk.send(address, value)
    desk.player()
    desk.send("/pad/xy", 0.2, 0.7, by=again)
    assert starts(desk) == []
    desk.send("/pad/2/xy", 0.2, 0.7, by=again)
    desk.send("/pad/xy", 0.2, 0.7, by=DAW)
    assert len(starts(desk)) == 2


def test_the_channels_of_a_midi_port_are_one_sender(shots: Desk) -> None:
    shots.send("/pad/touch", 1, by=Sender("midi Pads 2 10"))
    shots.send("/pad/touch", 0, by=Sender("midi Pads 2 10"))
    shots.player()
    tap(shots, 0.2, 0.7, by=Sender("midi Pads 2 1"))
    assert starts(shots) == []
    tap(shots, 0.3, 0.7, by=Sender("midi Pads 3 1"))
    assert starts(shots) == [(0.3, 0.7)]


@pytest.mark.parametrize("mode", ["loop", *SHOTS])
@pytest.mark.parametrize("gap", [0.0, 0.04])
def test_a_touch_that_follows_takes_over_what_the_move_has_started(
    desk: Desk, mode: str, gap: float
) -> None:
    desk.send("/mode", mode)
    for k in range(3):
        wait(desk)
        desk.send("/pad/3/xy", 0.2 + 0.2 * k, 0.7)
        desk.now += gap
        desk.send("/pad/3/touch", 1)
        wait(desk)
        desk.send("/pad/3/touch", 0)
        events = desk.player()
        assert [event.kind for event in events] == [b.START, b.RELEASE]
        assert starts(desk) == []


def test_what_was_taken_over_ends_with_its_senders_silence(desk: Desk) -> None:
    desk.send("/note/timeout", 10)
    desk.send("/pad/xy", 0.2, 0.7)
    desk.send("/pad/touch", 1)
    wait(desk, 11)
    assert desk.kinds() == [(b.START, 0), (b.RELEASE, 0)]


def test_a_second_touch_or_one_of_another_sender_takes_over_nothing(shots: Desk) -> None:
    shots.send("/pad/xy", 0.2, 0.7)
    shots.send("/pad/touch", 1, by=DAW)
    assert len(starts(shots)) == 2
    shots.send("/pad/2/xy", 0.2, 0.7)
    shots.send("/pad/2/touch", 1)
    shots.send("/pad/2/touch", 1)
    assert len(starts(shots)) == 2


def test_a_touch_long_after_the_move_is_one_of_its_own(shots: Desk) -> None:
    shots.send("/pad/xy", 0.2, 0.7)
    shots.now += 0.06
    shots.send("/pad/touch", 1)
    assert len(starts(shots)) == 2


def test_in_one_bundle_touch_and_point_start_one_shot_at_the_point(shots: Desk) -> None:
    """Whichever comes first, at the first touch and at the next."""
    for n, order in ((1, 1), (2, -1), (3, 1), (4, -1)):
        for x in (0.2, 0.8):
            wait(shots)
            both: list[Command] = [(f"/pad/{n}/xy", (x, 0.7)), (f"/pad/{n}/touch", (1,))]
            shots.instrument.apply_all(both[::order], PHONE)
            assert starts(shots) == [(x, 0.7)]
            shots.send(f"/pad/{n}/touch", 0)


# -- shots by moves --------------------------------------------------------------------------


@pytest.mark.parametrize("n", range(1, FINGERS + 1))
def test_taps_start_shots(shots: Desk, n: int) -> None:
    for x, y in ((0.2, 0.7), (0.25, 0.7), (0.9, 0.1), (0.88, 0.1)):
        wait(shots)
        shots.send(f"/pad/{n}/xy", x, y)
        assert starts(shots) == [(x, y)]
    assert shots.board.held.sum() == 0


def test_the_first_word_of_a_sender_is_a_tap_wherever_the_finger_was(shots: Desk) -> None:
    shots.send("/pad/xy", 0.5, 0.5)
    assert starts(shots) == [(0.5, 0.5)]


def test_a_state_that_is_sent_back_taps_no_other_fingers(desk: Desk) -> None:
    for mode in ("loop", *SHOTS):
        desk.send("/mode", mode)
        for n in range(2, FINGERS + 1):
            desk.send(f"/pad/{n}/xy", 0.5, 0.5)
    assert starts(desk) == []


def test_a_tap_elsewhere_sounds_at_once(shots: Desk) -> None:
    for x in (0.2, 0.8, 0.3, 0.7):
        shots.send("/pad/xy", x, 0.7)
        assert starts(shots) == [(x, 0.7)]


def test_the_same_point_again_is_no_move(shots: Desk) -> None:
    for _ in range(3):
        tap(shots, 0.2, 0.7)
    assert len(starts(shots)) == 1


def test_after_a_touch_0_the_same_point_is_another_tap(shots: Desk) -> None:
    for _ in range(3):
        tap(shots, 0.2, 0.7)
        shots.send("/pad/touch", 0)
    assert len(starts(shots)) == 3


@pytest.mark.parametrize("every", [0.01, 0.2])
def test_a_held_finger_that_trembles_plays_once(shots: Desk, every: float) -> None:
    dice = np.random.default_rng(0)
    shots.send("/shot/time", 0.05, by=DAW)
    for _ in range(300):
        x, y = 0.5 + dice.uniform(-0.003, 0.003, 2)
        shots.send("/pad/xy", x, y)
        shots.now += every
    assert len(starts(shots)) == 1


def drag(desk: Desk, *, to: float, seconds: float, begin: float = 0.1, steps: int = 200) -> None:
    """From `begin` straight to the right."""
    for k in range(steps + 1):
        desk.now += seconds / steps
        desk.instrument.apply("/pad/xy", (begin + (to - begin) * k / steps, 0.5), PHONE)


def test_a_drag_starts_a_shot_for_each_distance_however_fast(shots: Desk) -> None:
    for seconds in (0.1, 1.0, 3.0):
        wait(shots)
        shots.send("/shot/distance", 0.2, by=DAW)
        drag(shots, to=0.9, seconds=seconds)
        assert [x for x, _ in starts(shots)] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])


def test_a_drag_starts_a_shot_for_each_time_as_long_as_it_moves(shots: Desk) -> None:
    shots.send("/shot/distance", 0, by=DAW)
    shots.send("/shot/time", 0.25, by=DAW)
    drag(shots, to=0.9, seconds=1.1)
    assert len(starts(shots)) == 5
    wait(shots, 2)
    assert starts(shots) == []


def test_without_distance_and_time_a_drag_is_one_shot(shots: Desk) -> None:
    shots.send("/shot/distance", 0, by=DAW)
    drag(shots, to=0.9, seconds=1)
    assert len(starts(shots)) == 1


def test_without_a_rest_no_move_starts_a_shot(shots: Desk) -> None:
    shots.send("/shot/rest", 0, by=DAW)
    tap(shots, 0.2, 0.7)
    drag(shots, to=0.9, seconds=1)
    assert starts(shots) == []
    shots.send("/pad/touch", 1)
    assert len(starts(shots)) == 1


@pytest.mark.parametrize("mode", ["loop", *SHOTS])
def test_what_nobody_moves_makes_no_sound(desk: Desk, mode: str) -> None:
    desk.send("/mode", mode)
    desk.send("/snapshot/1/store")
    for n in (1, 2):
        desk.instrument.apply(f"/pad/{n}/xy", (0.9, 0.9), NOBODY)
    desk.send("/snapshot/1/recall", 1)
    wait(desk, 2)
    assert starts(desk) == []


def test_notes_are_no_moves_and_tell_no_touches(shots: Desk) -> None:
    shots.send("/note", 60, 100)
    assert len(starts(shots)) == 1
    tap(shots, 0.2, 0.7)
    assert starts(shots) == [(0.2, 0.7)]


def test_panic_leaves_no_move_that_waits(shots: Desk) -> None:
    shots.send("/pad/x", 0.2)
    shots.send("/panic")
    wait(shots)
    assert starts(shots) == []


# -- x and y by themselves -------------------------------------------------------------------


@pytest.mark.parametrize("order", ["xy", "yx"])
@pytest.mark.parametrize("n", [1, 7])
def test_x_and_y_are_one_move_and_sound_at_once(shots: Desk, order: str, n: int) -> None:
    for point in ((0.2, 0.7), (0.8, 0.1), (0.8, 0.4), (0.3, 0.4)):
        wait(shots)
        for letter in order:
            assert starts(shots) == []
            shots.send(f"/pad/{n}/{letter}", point["xy".index(letter)])
        assert starts(shots) == [point]
        wait(shots)
        assert starts(shots) == []


def test_one_coordinate_alone_sounds_at_the_next_tick_but_one(shots: Desk) -> None:
    for x in (0.2, 0.8):
        wait(shots)
        shots.send("/pad/x", x)
        wait(shots, 1 / 30)
        assert starts(shots) == [(x, 0.5)]
        wait(shots)
        assert starts(shots) == []


def test_the_finer_halves_of_fourteen_bits_belong_to_the_move(shots: Desk) -> None:
    for orders in ("xxyy", "xyxy"):
        for coarse in (0.25, 0.75):
            wait(shots)
            told = dict.fromkeys("xy", 0)
            for letter in orders:
                shots.send(f"/pad/{letter}", coarse + 0.005 * told[letter])
                told[letter] += 1
            assert starts(shots) == [pytest.approx((coarse + 0.005, coarse + 0.005))]
            wait(shots)
            assert starts(shots) == []


def test_a_second_coordinate_that_is_late_moves_the_shot_and_starts_no_other(shots: Desk) -> None:
    shots.send("/pad/x", 0.2)
    wait(shots, 1 / 60)
    shots.send("/pad/y", 0.9)
    wait(shots)
    assert starts(shots) == [(0.2, 0.9)]


def test_a_drag_of_single_coordinates_is_a_drag(shots: Desk) -> None:
    """At the rate of a slow pad and at that of an automation."""
    for every in (0.016, 0.001):
        wait(shots)
        for k in range(801):
            for letter, value in (("x", 0.1 + 0.001 * k), ("y", 0.9 - 0.001 * k)):
                shots.now += every / 2
                shots.instrument.apply(f"/pad/{letter}", (value,), PHONE)
            if k % 16 == 0:
                shots.instrument.tick()
        started = starts(shots)
        # 1.13 pad widths with 0.1 between two, more where ten milliseconds belong to a shot.
        assert 10 <= len(started) <= 12
        for x, y in started:
            assert x + y == pytest.approx(1, abs=0.011)


# -- what is remembered ----------------------------------------------------------------------


def test_a_flood_of_senders_is_forgotten_before_those_that_tell_touches(shots: Desk) -> None:
    shots.send("/pad/touch", 1)
    shots.send("/pad/touch", 0)
    for k in range(2 * movement.MAX_STROKES):
        shots.send("/pad/xy", 0.2, 0.2, by=Sender(f"osc 10.1.{k // 256}.{k % 256}"))
    shots.player()
    strokes = shots.instrument._touch.movement
    assert len(strokes._strokes) <= movement.MAX_STROKES and strokes.tells_touches(PHONE.device, 1)
    for k in range(2 * movement.MAX_STROKES):
        shots.send("/pad/x", 0.2, by=Sender(f"osc 10.2.{k // 256}.{k % 256}"))
    assert len(strokes._waiting_axes) <= movement.MAX_STROKES


# -- laws ------------------------------------------------------------------------------------

grid = st.integers(0, 20).map(lambda k: k / 20)
gaps = st.sampled_from((0.001, 0.016, 0.05, 0.2, 1.0))
moves = st.lists(st.tuples(gaps, grid, grid), max_size=30)


@given(moves, st.sampled_from((0.0, 0.1, 0.25)), st.sampled_from((0.0, 0.1)))
def test_no_shot_lies_near_the_last_in_place_and_time(
    moves: list[tuple[float, float, float]], distance: float, seconds: float
) -> None:
    desk = Desk()
    desk.send("/mode", "shot", by=DAW)
    desk.send("/shot/distance", distance, by=DAW)
    desk.send("/shot/time", seconds, by=DAW)
    before: Point | None = None
    last, shot_at, shot = -1e9, -1e9, (0.0, 0.0)
    for gap, x, y in moves:
        desk.now += gap
        desk.send("/pad/xy", x, y)
        started = starts(desk)
        if (x, y) == before:
            assert not started
            continue
        distance_moved = math.dist((x, y), shot)
        rested = before is None or desk.now - last >= 0.08
        far = 0 < distance <= distance_moved + 1e-6
        late = 0 < seconds <= desk.now - shot_at and distance_moved > 0
        assert len(started) == (rested or far or late)
        if started:
            assert started == [(x, y)]
            shot, shot_at = (x, y), desk.now
        before, last = (x, y), desk.now


command = st.one_of(
    st.tuples(st.sampled_from(("/pad/xy", "/pad/2/xy")), st.tuples(grid, grid)),
    st.tuples(st.sampled_from(("/pad/x", "/pad/y", "/pad/2/x")), st.tuples(grid)),
    st.tuples(st.sampled_from(("/pad/touch", "/pad/2/touch")), st.tuples(st.just(0))),
    st.tuples(st.just("/mode"), st.tuples(st.sampled_from(("loop", "shot")))),
    st.tuples(st.just("/note"), st.tuples(st.just(60), st.sampled_from((0, 100)))),
    st.tuples(st.just("/latent/1"), st.tuples(grid)),
    st.tuples(st.sampled_from(("/panic", "/anchor/3")), st.just(())),
)
touch = st.tuples(st.sampled_from(("/pad/touch", "/pad/2/touch")), st.tuples(st.just(1)))
performance = st.one_of(
    *(st.lists(st.tuples(gaps, each), max_size=20) for each in (command, st.one_of(command, touch)))
)
Performance = list[tuple[float, Command]]


@given(performance)
def test_of_a_sender_that_tells_touches_each_starts_one_voice_and_nothing_else(
    performance: Performance,
) -> None:
    desk = Desk()
    desk.instrument.expect_touches(PHONE)
    told = 0
    for gap, (address, args) in performance:
        wait(desk, gap)
        desk.send(address, *args)
        told += (address[-5:], args) in (("touch", (1,)), ("/note", (60, 100)))
    assert len(starts(desk)) == told


@given(performance)
def test_a_take_tells_every_touch_and_replays_what_was_played(performance: Performance) -> None:
    live, replay, sender = Desk(), Desk(), Sender("recording")
    take: list[tuple[float, str, Sequence[Argument]]] = []
    live.instrument.taps.append(lambda address, args, _: take.append((live.now, address, args)))
    for gap, (address, args) in performance:
        wait(live, gap)
        live.send(address, *args)
    wait(live)
    replay.instrument.expect_touches(sender)
    for now, address, told in take:
        wait(replay, now - replay.now)
        replay.instrument.apply(address, told, sender)
    played, again = live.player(), replay.player()
    assert [event[:3] for event in again] == [event[:3] for event in played]
    for field in ("points", "latents", "held", "origin"):
        np.testing.assert_array_equal(getattr(replay.board, field), getattr(live.board, field))
