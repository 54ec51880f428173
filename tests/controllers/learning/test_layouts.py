"""The messages that real pad layouts send: every pad and fader plays after one `/learn`."""

from __future__ import annotations

import itertools

import pytest

from latentpad.engine.arguments import Argument
from tests.controllers.learning.teaching import Teacher

NAMES = [
    "/1/xy",
    "/7/xy1",
    "/synth/PAD",
    "/my pad/xy",
    "/π/点",
    "/3/multixy/2",
    "/XY",
    "/a",
    "/1/2/3/xy/4",
]
RANGES = [(0.0, 1.0), (-1.0, 1.0), (0, 127), (-100.0, 100.0), (0.0, 1023.0), (20.0, 20000.0)]
CORNERS = [(0.0, 0.0), (1.0, 0.25), (0.5, 1.0), (0.0, 0.75)]


def scaled(position: float, span: tuple[float, float]) -> Argument:
    """A value within the range, of the range's own type."""
    low, high = span
    value = low + position * (high - low)
    return round(value) if isinstance(low, int) else value


def plays(
    teacher: Teacher,
    address: str,
    before: tuple[Argument, ...],
    after: tuple[Argument, ...],
    span: tuple[float, float] = (0.0, 1.0),
    *,
    y_first: bool = False,
    finger: int = 1,
) -> None:
    """Sweep a pad from edge to edge, and see that it then reaches any point."""
    for position in (*CORNERS, (0.3, 0.8), (0.9, 0.1)):
        pair = [scaled(p, span) for p in position]
        sent = pair[::-1] if y_first else pair
        assert teacher.send(address, *before, *sent, *after)
    assert teacher.point(finger) == pytest.approx((0.9, 0.1), abs=0.01)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("span", RANGES, ids=str)
def test_a_pad_of_any_name_and_range_plays(
    teacher: Teacher, name: str, span: tuple[float, float]
) -> None:
    teacher.learn("/pad/xy")
    plays(teacher, name, (), (), span)


@pytest.mark.parametrize("when", ["before", "while waiting", "after"])
@pytest.mark.parametrize("name", ["/1/xy", "/pad one/XY"])
def test_a_pad_that_sends_y_first_plays(teacher: Teacher, name: str, when: str) -> None:
    def swap() -> None:
        teacher.instrument.apply("/learn/swap", (1,))

    if when == "before":
        swap()
    teacher.learn("/pad/xy")
    if when == "while waiting":
        swap()
    if when == "after":
        teacher.send(name, 0.0, 0.1)
        teacher.send(name, 0.2, 0.3)
        swap()
    plays(teacher, name, (), (), y_first=True)


def test_a_swap_for_the_next_pad_leaves_the_one_before(teacher: Teacher) -> None:
    teacher.learn("/pad/1/xy")
    plays(teacher, "/1/xy", (), ())
    teacher.instrument.apply("/learn/swap", (1,))
    teacher.learn("/pad/2/xy")
    plays(teacher, "/2/xy", (), (), y_first=True, finger=2)
    plays(teacher, "/1/xy", (), ())
    teacher.learn("/pad/3/xy")
    plays(teacher, "/3/xy", (), (), finger=3)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ("/2/pad/x", "/2/pad/y"),
        ("/kaoss/X", "/kaoss/Y"),
        ("/PAD1/X", "/PAD1/Y"),
        ("/1/x1", "/1/y1"),
        ("/posX", "/posY"),
        ("/pad_x", "/pad_y"),
        ("/x/1", "/y/1"),
        ("/my pad/x", "/my pad/y"),
        ("/π/x", "/π/y"),
    ],
)
@pytest.mark.parametrize("span", RANGES, ids=str)
@pytest.mark.parametrize("first", ["x", "y"])
def test_a_pair_of_addresses_is_learned_as_one(
    teacher: Teacher, x: str, y: str, span: tuple[float, float], first: str
) -> None:
    teacher.learn("/pad/3/xy")
    order = (0, 1) if first == "x" else (1, 0)
    for position in (*CORNERS, (0.3, 0.8), (0.9, 0.1)):
        for axis in order:
            teacher.send((x, y)[axis], scaled(position[axis], span))
    assert teacher.point(3) == pytest.approx((0.9, 0.1), abs=0.01)
    assert teacher.bound() == [(x, "/pad/3/x"), (y, "/pad/3/y")]


@pytest.mark.parametrize("before", [(3,), (3.0,), ("left",)], ids=str)
def test_a_pair_of_addresses_may_have_constants(
    teacher: Teacher, before: tuple[Argument, ...]
) -> None:
    teacher.learn("/pad/3/xy")
    for x, y in (*CORNERS, (0.9, 0.1)):
        teacher.send("/foo/x", *before, x)
        teacher.send("/foo/y", *before, y)
    assert teacher.point(3) == (0.9, 0.1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((3,), ()),
        ((3.0,), ()),
        ((), (5,)),
        ((), (1.0,)),
        (("left",), ()),
        ((1, 2), (3,)),
        ((True,), ("a b", 0.5)),
        ((0.5,), ()),
        ((1, "x", 2.0), (3, "π", 0.25)),
    ],
    ids=str,
)
@pytest.mark.parametrize("span", RANGES, ids=str)
def test_constants_beside_the_point_are_part_of_what_is_bound(
    teacher: Teacher,
    before: tuple[Argument, ...],
    after: tuple[Argument, ...],
    span: tuple[float, float],
) -> None:
    teacher.learn("/pad/xy")
    plays(teacher, "/touch", before, after, span)
    other = tuple(a + 1 if isinstance(a, int | float) else f"{a}2" for a in (*before, *after))
    heard = len(teacher.fired)
    middle = scaled(0.5, span)
    assert not teacher.send("/touch", *other[: len(before)], middle, middle, *other[len(before) :])
    assert len(teacher.fired) == heard
    teacher.learn("/pad/2/xy")
    plays(teacher, "/touch", other[: len(before)], other[len(before) :], span, finger=2)
    plays(teacher, "/touch", before, after, span)


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("span", RANGES, ids=str)
def test_several_points_in_one_message_are_several_fingers(
    teacher: Teacher, count: int, span: tuple[float, float]
) -> None:
    teacher.learn("/pad/xy")
    for x, y in (*CORNERS, (0.5, 0.5)):
        pairs = [(x, y), (y, x), (1 - x, y), (x, 1 - y)][:count]
        teacher.send("/touches", *(scaled(p, span) for p in itertools.chain(*pairs)))
    teacher.send("/touches", *(scaled(p / 10, span) for p in range(1, 2 * count + 1)))
    for n in range(1, count + 1):
        assert teacher.point(n) == pytest.approx(((2 * n - 1) / 10, 2 * n / 10), abs=0.01)
    teacher.send(
        "/touches", *(scaled(0.9 if p == 2 else p / 10, span) for p in range(1, 2 * count + 1))
    )
    assert teacher.point(1) == pytest.approx((0.1, 0.9), abs=0.01)


@pytest.mark.parametrize(
    "name",
    [
        "/1/fader2",
        "/4/rotary1",
        "/FADER",
        "/my fader/1",
        "/π",
        "/1/multifader/3",
        "/1/encoder",
        "/x",
    ],
)
@pytest.mark.parametrize("span", RANGES, ids=str)
@pytest.mark.parametrize(("before", "after"), [((), ()), ((3,), ()), ((), ("a",))], ids=str)
def test_a_fader_plays_over_the_whole_range(
    teacher: Teacher,
    name: str,
    span: tuple[float, float],
    before: tuple[Argument, ...],
    after: tuple[Argument, ...],
) -> None:
    teacher.learn("/pitch")
    for position in (0.0, 0.4, 1.0, 0.75):
        teacher.send(name, *before, scaled(position, span), *after)
    assert teacher.instrument.value("/pitch")[0] == pytest.approx(18, abs=0.5)


def test_the_touch_of_a_pad_comes_first_and_is_not_taken_for_it(teacher: Teacher) -> None:
    teacher.learn("/pad/2/xy")
    teacher.send("/1/xy/z", 1)
    plays(teacher, "/1/xy", (), (), finger=2)
    teacher.send("/1/xy/z", 0)
    assert not teacher.instrument.down(2)
    teacher.send("/1/xy/z", 1)
    assert teacher.instrument.down(2)
    teacher.learn("/texture")
    teacher.send("/1/fader2/z", 1)
    teacher.send("/1/fader2/z", 0)
    for value in (0.1, 0.5):
        teacher.send("/1/fader2", value)
    assert teacher.bound() == [("/1/xy", "/pad/2/xy"), ("/1/fader2", "/texture")]
    assert teacher.send("/1/fader2/z", 1)


BUTTONS: dict[str, list[tuple[Argument, ...]]] = {
    # what a press and a release send
    "/1/push5": [(1.0,), (0.0,)],
    "/2/toggle3": [(1,), (0,)],
    "/2/radio1/4": [(True,), (False,)],
    "/bang": [(), ()],
    "/cue": [(5,), (0,)],
    "/my button/π": [("go",), (0,)],
    "/pads": [(3, 1.0), (3, 0.0)],
    "/drum": [(127,), (0,)],
    "/scene 0.5": [(0.5,), (0.0,)],
    "/velocity": [(1.0, 3), (0.0, 3)],
}


@pytest.mark.parametrize("target", ["/panic", "/anchor/5", "/snapshot/1/store"])
@pytest.mark.parametrize("name", BUTTONS)
def test_a_button_acts_when_it_is_pressed_and_never_when_it_is_released(
    teacher: Teacher, name: str, target: str
) -> None:
    press, release = BUTTONS[name]
    teacher.learn(target)
    teacher.send(name, *press)
    teacher.send(name, *press)
    assert teacher.bound() == [(name, target)]
    teacher.commands.clear()
    for presses in range(1, 4):
        if release:
            teacher.send(name, *release)
        teacher.send(name, *press)
        assert teacher.commands == [(target, ())] * presses


def test_buttons_of_one_address_with_other_constants_are_others(teacher: Teacher) -> None:
    for cue in (5, 6):
        teacher.learn(f"/anchor/{cue}")
        teacher.send("/cue", cue)
    assert teacher.bound() == [("/cue", "/anchor/5"), ("/cue", "/anchor/6")]
    assert not teacher.send("/cue", 7)
    teacher.fired.clear()
    teacher.send("/cue", 6)
    assert teacher.fired == [("/anchor/6", ())]


def test_what_a_touch_app_sends_by_itself_is_not_learned(teacher: Teacher) -> None:
    teacher.learn("/pad/xy")
    for k in range(5):
        teacher.send("/accxyz", 0.1 * k, 0.2 * k, 0.3 * k)
    teacher.learn("/panic")
    teacher.send("/2")
    assert teacher.bound() == []


def test_one_value_alone_binds_nothing(teacher: Teacher) -> None:
    teacher.learn("/pad/xy")
    for _ in range(5):
        teacher.send("/1/xy", 0.5, 0.5)
    assert teacher.bound() == []
    teacher.learn("/texture")
    for _ in range(5):
        teacher.send("/1/fader1", 0.5)
    assert teacher.bound() == []


def test_what_the_instrument_understands_is_not_learned(teacher: Teacher) -> None:
    teacher.learn("/texture")
    for value in (0.25, 0.5):
        teacher.send("/pan", value)
        teacher.send("/pad/2/xy", value, value)
    assert teacher.bound() == []
    assert teacher.instrument.value("/pan") == (0.5,)


@pytest.mark.parametrize("name", ["/pad/xy", "/pad/1/xy"])
@pytest.mark.parametrize("span", RANGES[1:], ids=str)
def test_a_pad_of_the_instruments_own_name_in_another_range_is_learned(
    teacher: Teacher, name: str, span: tuple[float, float]
) -> None:
    teacher.learn("/pad/xy")
    for position in CORNERS:
        teacher.send(name, *(scaled(p, span) for p in position))
    plays(teacher, name, (), (), span)


def test_a_pad_of_the_instruments_own_name_in_another_form_is_learned(teacher: Teacher) -> None:
    teacher.learn("/pad/2/xy")
    plays(teacher, "/pad/xy", (2,), (), finger=2)
    assert teacher.send("/pad/xy", 0.25, 0.75) and teacher.point() == (0.25, 0.75)
    teacher.instrument.apply("/learn/swap", (1,))
    teacher.learn("/pad/3/xy")
    plays(teacher, "/pad/3/xy", (), (), y_first=True, finger=3)
    teacher.published.clear()
    teacher.instrument.apply("/pad/3/xy", (0.25, 0.5))
    assert teacher.published == []  # for others it means what it always meant
