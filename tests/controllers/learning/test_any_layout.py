"""Layouts that nobody has thought of: any address, number of arguments, order, range, constants."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.engine.arguments import Argument
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.instrument import Instrument
from tests.controllers.learning.teaching import Teacher
from tests.limits import limits

NAME = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"), exclude_characters="/"),
    min_size=1,
    max_size=12,
)
ADDRESS = st.lists(NAME, min_size=1, max_size=4).map(
    lambda names: "/layout/" + "/".join(names) + "/end"
)
CONSTANT = st.one_of(
    st.integers(-5, 500),
    st.integers(-5, 500).map(float),
    st.booleans(),
    st.text(max_size=8),
    st.sampled_from([0.25, 0.5, 1.5]),
)
RANGE = st.one_of(
    st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.0, 127.0), (1.0, 0.0)]),
    st.tuples(st.floats(-2000, -2), st.floats(2, 2000)),
    st.tuples(st.floats(2, 100), st.floats(200, 20_000)),
)
WHERE = st.integers(0, 7)


class Layout(NamedTuple):
    """A message with moving arguments among constants."""

    constants: list[Argument]
    places: list[int]
    spans: list[tuple[float, float]]

    def message(self, positions: Sequence[float]) -> list[Argument]:
        args = list(self.constants)
        for place, (low, high), position in sorted(
            zip(self.places, self.spans, positions, strict=True)
        ):
            args[min(place, len(args)) : min(place, len(args))] = [low + position * (high - low)]
        return args


def layouts(moving: int) -> st.SearchStrategy[Layout]:
    return st.builds(
        Layout,
        st.lists(CONSTANT, max_size=8 - moving),
        st.lists(WHERE, min_size=moving, max_size=moving, unique=True).map(sorted),
        st.lists(RANGE, min_size=moving, max_size=moving),
    )


def teacher() -> Teacher:
    board = Board(BoardShape(frames=8, bins=9, samples=256, sample_rate=8000))
    instrument = Instrument(board, limits(4), clock=lambda: 0.0)
    return Teacher(instrument, Path(tempfile.mkdtemp()) / "bindings.toml")


EDGES = [(0.0, 0.0), (0.4, 0.3), (1.0, 0.6), (0.7, 1.0), (0.3, 0.2)]
POINT = st.tuples(st.floats(0, 1), st.floats(0, 1))


@given(ADDRESS, layouts(2), POINT, st.booleans())
def test_every_xy_pad_plays_after_one_learn(
    address: str, layout: Layout, point: tuple[float, float], y_first: bool
) -> None:
    hand = teacher()
    if y_first:
        hand.instrument.apply("/learn/swap", (1,))
    hand.learn("/pad/2/xy")
    for position in EDGES:
        hand.send(address, *layout.message(position))
    assert hand.send(address, *layout.message(point))
    low_first = [low < high for low, high in layout.spans]
    expected = [p if rises else 1 - p for p, rises in zip(point, low_first, strict=True)]
    got = hand.point(2)[::-1] if y_first else hand.point(2)
    assert got == pytest.approx(expected, abs=1e-4)
    hand.learning.close()


@given(ADDRESS, layouts(1), st.floats(0, 1))
def test_every_fader_plays_after_one_learn(address: str, layout: Layout, position: float) -> None:
    hand = teacher()
    hand.learn("/pan")
    for value, _ in EDGES:
        hand.send(address, *layout.message((value,)))
    assert hand.send(address, *layout.message((position,)))
    rises = layout.spans[0][0] < layout.spans[0][1]
    expected = 2 * (position if rises else 1 - position) - 1
    assert hand.instrument.value("/pan")[0] == pytest.approx(expected, abs=1e-3)
    hand.learning.close()


@given(
    ADDRESS,
    st.lists(CONSTANT, max_size=4),
    st.sampled_from([True, 1, 1.0]),
    st.integers(1, 3),
)
def test_no_release_acts(
    address: str, constants: list[Argument], pressed: Argument, presses: int
) -> None:
    hand = teacher()
    hand.learn("/panic")
    hand.send(address, *constants, pressed)
    hand.send(address, *constants, type(pressed)(0))
    hand.fired.clear()
    for _ in range(presses):
        hand.send(address, *constants, pressed)
        hand.send(address, *constants, type(pressed)(0))
    assert hand.fired == [("/panic", ())] * presses
    hand.learning.close()
