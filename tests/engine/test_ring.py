"""How many blocks are kept ready: few while all is calm, more where the machine stalls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.ring import CALM_S, CAUTIOUS, DARING, LADEN, Length

LATE = 5.0


def length(asked: float | None = None, most: float = 6.0) -> Length:
    made = Length(asked, most, 0.0)
    made.adapts = True
    return made


def calm_again(ring: Length, now: float) -> float:
    """When the ring, filled in time from `now` on, is as short as it was before it grew."""
    begun = ring.blocks
    while ring.blocks >= begun:
        now += 0.5
        ring.filled(now, 0.1)
    return now


def test_it_dares_less_with_real_time_scheduling() -> None:
    ring = length()
    assert ring.blocks == CAUTIOUS
    ring.dare()
    assert ring.blocks == DARING


def test_much_to_do_keeps_more_ready_at_once_and_less_again_when_that_is_over() -> None:
    ring = length()
    ring.dare()
    ring.busy = 0.4
    ring.filled(0.1, 0.1)
    assert ring.blocks == LADEN
    ring.busy = 0.1
    ring.filled(0.2, 0.1)
    assert ring.blocks == LADEN
    now = 0.2
    for _ in range(3):
        now = calm_again(ring, now)
    assert ring.blocks == DARING


def test_the_performers_own_length_is_not_gone_below_nor_overruled_by_load() -> None:
    ring = length(asked=1.0)
    ring.dare()
    ring.busy = 0.9
    ring.filled(1.0, 0.1)
    assert ring.blocks == 1.0
    ring.filled(2.0, LATE)
    assert ring.blocks > 1.0, "a stall still lengthens it"
    calm_again(ring, 2.0)
    assert ring.blocks == 1.0


def test_each_starved_read_doubles_the_calm_it_takes_to_shrink() -> None:
    ring = length()
    taken = []
    now = 0.0
    for _ in range(3):
        ring.starved(now, LATE)
        grown = now
        now = calm_again(ring, now)
        taken.append(now - grown)
    assert taken[0] >= 2 * CALM_S
    assert taken[1] >= 1.9 * taken[0] and taken[2] >= 1.9 * taken[1]


def test_a_stall_that_no_ring_would_have_outlived_does_not_lengthen_it() -> None:
    ring = length(most=6.0)
    ring.starved(0.0, 19.0)
    ring.filled(0.0, 19.0)
    assert ring.blocks == CAUTIOUS
    ring.starved(1.0, LATE)
    assert ring.blocks > CAUTIOUS


def test_it_does_not_grow_while_the_machine_is_starting_up() -> None:
    ring = length()
    ring.adapts = False
    for now in range(5):
        ring.filled(float(now), LATE)
        ring.starved(float(now), LATE)
    assert ring.blocks == CAUTIOUS


@given(
    asked=st.none() | st.floats(1, 8),
    most=st.floats(1, 8),
    steps=st.lists(st.tuples(st.floats(0, 30), st.floats(0, 20), st.floats(0, 1), st.booleans())),
)
def test_whatever_happens_it_stays_between_the_least_and_the_most(
    asked: float | None, most: float, steps: list[tuple[float, float, float, bool]]
) -> None:
    ring = length(asked, most)
    now = 0.0
    for passed, late, busy, starved in steps:
        now += passed
        ring.busy = busy
        if starved:
            ring.starved(now, late)
        ring.filled(now, late)
        assert (asked or DARING) <= ring.blocks <= max(asked or LADEN, most)
