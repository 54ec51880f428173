from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.controllers.midi.change import FINE, Change
from latentpad.controllers.midi.controls import Controls
from latentpad.controllers.midi.pairs import WAIT_S

MS = 0.001
seven = st.integers(0, 127)


def read(*sent: tuple[float, list[int]]) -> list[Change]:
    """The changes of bytes, each at its time in ms, until nothing waits."""
    controls, heard = Controls(), []
    for at, data in sent:
        heard += [*controls.due(at * MS), *controls.feed(data, at * MS)]
    return [*heard, *controls.due((sent[-1][0] + 10) * MS)]


def cc(number: int, value: int) -> list[int]:
    return [0xB0, number, value]


def both(coarse: int, fine: int) -> Change:
    return Change("cc", 1, 16, 128 * coarse + fine, FINE)


@pytest.mark.parametrize(
    ("data", "change"),
    [
        ([0x91, 60, 99], Change("note", 2, 60, 99)),
        ([0x91, 60, 0], Change("note", 2, 60, 0)),
        ([0x8F, 60, 99], Change("note", 16, 60, 0)),
        ([0xA0, 60, 5], Change("key pressure", 1, 60, 5)),
        ([0xD0, 5], Change("pressure", 1, 0, 5)),
        ([0xE0, 0, 64], Change("bend", 1, 0, 8192, FINE)),
        ([0xC3, 7], Change("program", 4, 0, 7)),
        ([0xB0, 74, 9], Change("cc", 1, 74, 9)),
        ([0xFA], Change("start", 0, 0, 127)),
        ([0xFB], Change("continue", 0, 0, 127)),
        ([0xFC], Change("stop", 0, 0, 127)),
    ],
)
def test_a_message_is_a_change_of_its_control(data: list[int], change: Change) -> None:
    assert read((0, data)) == [change]


@pytest.mark.parametrize("data", [[0xF8], [0xFE], [0xFF], [0xF1, 3], [0xF0, 1, 2, 0xF7]])
def test_clock_sensing_and_system_exclusive_are_no_controls(data: list[int]) -> None:
    assert read((0, data)) == []


def test_a_coarse_half_whose_fine_one_was_never_seen_does_not_wait() -> None:
    controls = Controls()
    assert [*controls.feed(cc(16, 3), 0.0)] == [Change("cc", 1, 16, 3)]
    assert controls.due_at is None


@given(st.lists(st.tuples(seven, seven), min_size=2, max_size=10), st.booleans())
def test_a_pair_is_one_value_in_either_order(values: list[tuple[int, int]], first: bool) -> None:
    halves = [(cc(16, coarse), cc(48, fine)) for coarse, fine in values]
    sent = [(5.0 * k + 0.5 * n, pair[n != first]) for k, pair in enumerate(halves) for n in (0, 1)]
    heard = read(*sent)
    assert heard[-len(values) + 1 :] == [both(*value) for value in values[1:]]
    assert heard[0].value in (values[0][0], 128 * values[0][0] + values[0][1])


def test_a_half_whose_other_does_not_come_counts_after_three_milliseconds() -> None:
    controls = Controls()
    known = [cc(16, 1), cc(48, 2)]
    assert [*controls.feed(known[0] + known[1], 0.0)] == [Change("cc", 1, 16, 1), both(1, 2)]
    assert [*controls.feed(cc(16, 5), 1.0)] == []
    assert controls.due_at == pytest.approx(1.0 + WAIT_S)
    assert [*controls.due(1.0 + 0.9 * WAIT_S)] == []
    assert [*controls.due(1.0 + 1.1 * WAIT_S)] == [Change("cc", 1, 16, 5)]
    assert [*controls.feed(cc(48, 7), 2.0)] == []
    assert [*controls.due(2.0 + 1.1 * WAIT_S)] == [both(5, 7)]


def test_a_fine_half_alone_is_told_under_its_own_number() -> None:
    assert read((0, cc(48, 9))) == [Change("cc", 1, 48, 9)]


def test_what_waits_comes_before_a_note() -> None:
    known = [*cc(16, 1), *cc(48, 2)]
    heard = read((0, known), (5, cc(16, 9)), (5.5, [0x90, 60, 100]))
    assert heard[2:] == [Change("cc", 1, 16, 9), Change("note", 1, 60, 100)]


def test_a_bank_is_that_of_the_programs_after_it() -> None:
    assert read((0, [*cc(0, 1), *cc(32, 2), 0xC0, 3, 0xC1, 3])) == [
        Change("program", 1, 130, 3),
        Change("program", 2, 0, 3),
    ]


@pytest.mark.parametrize(("fine", "coarse", "kind"), [(100, 101, "rpn"), (98, 99, "nrpn")])
def test_data_entry_is_that_of_the_chosen_parameter(fine: int, coarse: int, kind: str) -> None:
    chosen = [*cc(coarse, 1), *cc(fine, 2)]
    assert read((0, [*chosen, *cc(6, 12), *cc(38, 50)])) == [
        Change(kind, 1, 130, 12),
        Change(kind, 1, 130, 12 * 128 + 50, FINE),
    ]
    assert read((0, cc(6, 12))) == []  # none is chosen
    assert read((0, [*chosen, *cc(coarse, 127), *cc(fine, 127), *cc(6, 12)])) == []


def test_data_entry_that_waits_is_that_of_the_parameter_chosen_before() -> None:
    chosen = [*cc(101, 0), *cc(100, 6)]
    heard = read((0, [*chosen, *cc(6, 2), *cc(38, 0)]), (50, [*chosen, *cc(6, 15), *cc(101, 127)]))
    assert heard[-1] == Change("rpn", 1, 6, 15)


def test_a_fine_half_is_not_put_to_the_coarse_one_of_another_parameter() -> None:
    one, other = [*cc(99, 0), *cc(98, 1)], [*cc(99, 0), *cc(98, 2)]
    heard = read((0, [*one, *cc(6, 10), *cc(38, 5)]), (50, [*other, *cc(38, 7)]))
    assert {change.number for change in heard} == {1}
    heard = read(*((10 * k, [*one, *cc(6, k), *cc(38, 5)]) for k in range(3)))
    assert [change.value for change in heard[1:]] == [5, 133, 261]  # no steps between


def test_a_plain_device_has_no_halves_banks_or_parameters() -> None:
    controls = Controls(plain=True)
    for number in (0, 6, 32, 38, 48, 98, 101):
        assert [*controls.feed(cc(number, 9), 0.0)] == [Change("cc", 1, number, 9)]
