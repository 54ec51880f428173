"""The parameter table: every row accepts what it shows, and nothing that is not a finite number."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.parameter import DETENT
from latentpad.engine.parameters import (
    AUTO,
    FINGER,
    GLOBAL,
    LATENT_MAX,
    OFFSET,
    ROW,
    TABLE,
    VALUES,
    Affects,
    Parameter,
    defaults,
)


def within(row: Parameter) -> st.SearchStrategy[tuple[float, ...]]:
    """Board values that the row can hold."""
    integers = st.integers(math.ceil(row.low), math.floor(row.high)).map(float)
    one = st.floats(row.low, row.high) if row.kind == "float" else integers
    return st.tuples(*[one] * row.size)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.address)
def test_every_default_is_a_value_of_its_row(row: Parameter) -> None:
    assert row.parse(row.show(row.default)) == row.default
    assert row.low < row.high and row.smoothing >= 0 and row.help
    assert bool(row.choices) == (row.kind in ("choice", "axis"))


@given(st.sampled_from(TABLE).flatmap(lambda row: st.tuples(st.just(row), within(row))))
def test_what_a_row_shows_it_takes_back(case: tuple[Parameter, tuple[float, ...]]) -> None:
    row, values = case
    assert row.parse(row.show(values)) == values


@given(
    st.sampled_from(TABLE),
    st.data(),
)
def test_any_finite_number_is_clamped_to_the_range(row: Parameter, data: st.DataObject) -> None:
    number = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
    args = data.draw(st.lists(number, min_size=row.size, max_size=row.size))
    try:
        values = row.parse(args)
    except CommandError:
        assert any(abs(arg) > 1.7e308 for arg in args)
        return
    assert all(row.low <= value <= row.high for value in values)
    for arg, value in zip(args, values, strict=True):
        if row.kind == "float" and row.low <= arg <= row.high:
            assert value == arg
    if row.kind != "float":
        assert all(value == int(value) for value in values)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.address)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, "elephant", "", 10**400])
def test_what_is_no_number_or_name_is_refused(row: Parameter, bad: Argument) -> None:
    with pytest.raises(CommandError, match=r"(finite number|is none of)"):
        row.parse([bad] * row.size)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.address)
def test_a_wrong_count_of_arguments_is_refused(row: Parameter) -> None:
    good = row.show(row.default)
    for args in ((), (*good, 0)):
        with pytest.raises(CommandError, match=f"takes {row.size} argument"):
            row.parse(args)


def test_a_choice_is_taken_by_name_and_by_number() -> None:
    row = ROW["/mode"]
    assert row.parse(["shot"]) == row.parse([1]) == row.parse([1.2]) == (1.0,)
    assert row.parse(["Shot"]) == row.parse(["SHOT"]) == (1.0,)
    assert row.show((1.0,)) == ("shot",)
    with pytest.raises(CommandError, match="'Shots' is none of loop, shot, original"):
        row.parse(["Shots"])


def test_an_axis_is_a_latents_number_a_descriptors_name_or_auto() -> None:
    row = ROW["/axes"]
    assert row.parse([3, 0]) == (3, 0) and row.show((3, 0)) == (3, 0)
    assert row.parse(["3", "0"]) == (3, 0)
    assert row.parse(["auto", "auto"]) == row.default == (AUTO, AUTO)
    values = row.parse(["brightness", "loudness"])
    assert min(values) >= LATENT_MAX and row.show(values) == ("brightness", "loudness")
    assert all(isinstance(shown, int) for shown in row.show((0.0, 63.0)))
    assert row.parse(["Brightness", "LOUDNESS"]) == values
    with pytest.raises(CommandError, match="'bright' is none of auto, brightness, hardness"):
        row.parse(["bright", "hardness"])
    with pytest.raises(CommandError, match="finite number"):
        row.parse(["9" * 400, "0"])


def test_integers_are_taken_for_floats_and_back() -> None:
    assert ROW["/gain"].parse([-6]) == (-6.0,)
    assert ROW["/lookahead"].parse([1.6]) == (2.0,)
    assert ROW["/lookahead"].show((2.0,)) == (2,)
    assert isinstance(ROW["/lookahead"].show((2.0,))[0], int)
    assert ROW["/guard"].parse([True]) == ROW["/guard"].parse([0.5]) == (1.0,)
    assert ROW["/guard"].parse([0.49]) == (0.0,)


def test_rows_stand_side_by_side_on_the_board() -> None:
    offsets = [OFFSET[row.address] + k for row in GLOBAL for k in range(row.size)]
    assert offsets == list(range(VALUES)) and len(defaults()) == VALUES
    assert len({row.address for row in TABLE}) == len(TABLE) == len(GLOBAL) + len(FINGER)
    for row in GLOBAL:
        assert tuple(defaults()[OFFSET[row.address] :][: row.size]) == row.default


SCALAR = [row for row in TABLE if row.size == 1]
units = st.floats(0, 1)


@pytest.mark.parametrize("row", SCALAR, ids=lambda row: row.address)
def test_a_control_reaches_both_ends_of_a_row_exactly(row: Parameter) -> None:
    assert (row.from_unit(0), row.from_unit(1)) == (row.low, row.high)
    assert (row.from_unit(-0.5), row.from_unit(1.5)) == (row.low, row.high)
    assert (row.to_unit(row.low), row.to_unit(row.high)) == (0, 1)


@given(st.sampled_from(SCALAR), units, units)
def test_a_control_that_rises_never_lowers_the_value(row: Parameter, a: float, b: float) -> None:
    low, high = row.from_unit(min(a, b)), row.from_unit(max(a, b))
    assert row.low <= low <= high <= row.high
    assert row.parse(row.show((low,))) == (low,)


@given(st.sampled_from(SCALAR).flatmap(lambda row: st.tuples(st.just(row), within(row))))
def test_a_value_comes_back_from_the_control_s_position(
    case: tuple[Parameter, tuple[float, ...]],
) -> None:
    row, (value,) = case
    assert 0 <= row.to_unit(value) <= 1
    again = row.from_unit(row.to_unit(value))
    if row.kind == "float":
        assert again == pytest.approx(value, rel=1e-9, abs=1e-9 * (row.high - row.low))
    else:
        assert again == value


@given(st.sampled_from([row for row in SCALAR if row.kind == "float" and not row.detents]), units)
def test_a_position_comes_back_from_its_value(row: Parameter, x: float) -> None:
    assert row.to_unit(row.from_unit(x)) == pytest.approx(x, abs=1e-9)


@given(st.floats(-DETENT, DETENT))
def test_a_control_of_the_speed_finds_the_stop_and_the_sound_s_own_speed(off: float) -> None:
    row = ROW["/loop/speed"]
    for speed in row.detents:
        x = row.to_unit(speed)
        assert row.from_unit(x + 0.99 * off) == speed
        assert row.from_unit(x - 1.1 * DETENT) < speed < row.from_unit(x + 1.1 * DETENT)


@pytest.mark.parametrize("row", [row for row in TABLE if row.unit == "s"], ids=lambda r: r.address)
def test_a_time_moves_in_fine_steps_where_it_is_short(row: Parameter) -> None:
    steps = [row.from_unit((cc + 1) / 127) - row.from_unit(cc / 127) for cc in range(127)]
    assert steps[0] < (row.high - row.low) / 5000 < steps[-1]
    assert steps == sorted(steps)


def test_a_row_says_what_the_decoder_does_after_a_change() -> None:
    done = {kind: {row.address for row in GLOBAL if row.affects >= kind} for kind in Affects}
    assert done[Affects.ABORT_FIT] == {"/plane", "/axes", "/expander", "/metric"}
    assert {"/guard", "/focus", "/lattice/base"} < done[Affects.FIT]
    assert done[Affects.DECODE] - done[Affects.FIT] == {"/phase", "/grain"}
    assert "/smooth" not in done[Affects.DECODE]
