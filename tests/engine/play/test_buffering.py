"""How much is kept ready: as little as the host's rhythm and this process's lateness allow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.engine.play.buffering import (
    BUSY_LEAD_S,
    GUARD_S,
    LEAD_MEMORY_S,
    LEAD_MOST_S,
    PEAK_MEMORY_S,
    REALTIME_LEAD_S,
    SHARED_LEAD_S,
    STARVED_MEMORY_S,
    Buffering,
    Peak,
)

RATE, PERIOD, HOP, MOST = 48_000, 128, 128, 1 << 16


def buffering(period: int = PERIOD, asked: float | None = None) -> Buffering:
    made = Buffering(RATE, period, HOP, MOST, asked)
    made.learns = True
    return made


def played(made: Buffering, seconds: float, period: int = PERIOD, now: float = 0.0) -> float:
    """A host that reads a period on time; returns the time after its last read."""
    end = now + seconds
    while now < end:
        now += period / RATE
        made.record_read(period, now)
        made.record_write(MOST, now)
    return now


def test_a_peak_is_kept_for_its_time_and_then_the_largest_since() -> None:
    peak = Peak(8.0)
    peak.update(5.0, 0.0)
    peak.update(2.0, 4.0)
    peak.update(1.0, 7.9)
    assert peak.value == 5.0
    peak.update(1.0, 8.1)
    assert peak.value == 2.0
    peak.update(1.0, 16.2)
    assert peak.value == 1.0


def test_a_regular_host_has_one_period_and_the_lead_ready() -> None:
    made = buffering()
    played(made, 1.0)
    assert made.burst == PERIOD
    assert made.latency_frames == PERIOD + SHARED_LEAD_S * RATE


def test_with_real_time_scheduling_the_lead_is_shorter() -> None:
    made = buffering()
    made.realtime()
    played(made, 1.0)
    assert made.latency_frames == PERIOD + REALTIME_LEAD_S * RATE


def test_the_period_is_what_the_host_takes_not_what_it_was_asked_to() -> None:
    made = buffering(period=128)
    played(made, 1.0, period=1024)
    assert made.period == 1024
    assert made.burst == 1024


def test_a_host_that_says_its_new_period_is_known_by_it_at_once() -> None:
    made = buffering()
    now = played(made, 1.0, period=1024)
    made.record_starved(now)
    assert made.burst > 1024
    made.new_period = 256
    made.record_read(0, now)
    assert (made.period, made.burst) == (256, 256)


def test_a_host_that_catches_up_after_a_stall_has_that_much_ready_from_then_on() -> None:
    made = buffering()
    now = played(made, 1.0)
    for _ in range(12):
        now += PERIOD / 4 / RATE
        made.record_read(0, now)
    made.record_read(3 * PERIOD, now + 0.0001)  # three at once
    assert made.burst >= 3 * PERIOD - 5
    now = played(made, 2 * PEAK_MEMORY_S + 1, now=now)
    assert made.burst == pytest.approx(PERIOD, abs=1), "and after a calm no longer"


def test_a_host_that_stalls_and_does_not_catch_up_needs_no_more() -> None:
    made = buffering()
    now = played(made, 1.0)
    now = played(made, 1.0, now=now + 0.5)
    assert made.burst == PERIOD


def test_a_host_whose_clock_is_a_little_fast_needs_no_more() -> None:
    made = buffering()
    now = 0.0
    for _ in range(int(600 * RATE / PERIOD)):
        now += PERIOD / (RATE * 1.0005)
        made.record_read(PERIOD, now)
    assert made.burst == pytest.approx(PERIOD, abs=1)


def test_what_was_made_nearly_too_late_lengthens_the_lead_by_what_was_missing() -> None:
    made = buffering()
    made.realtime()
    now = played(made, 1.0)
    lead = made.lead
    # Just after a read nothing lies ready: the next read, a period later, would be in vain.
    made.record_write(0, now + PERIOD / RATE - GUARD_S / 2)
    made.record_read(0, now + PERIOD / RATE - GUARD_S / 2)
    made.record_write(0, now + PERIOD / RATE - GUARD_S / 2)
    assert lead + 0.4 * GUARD_S * RATE < made.lead <= lead + GUARD_S * RATE
    now = played(made, 2 * PEAK_MEMORY_S + 1, now=now + PERIOD / RATE)
    assert made.lead == lead


def test_much_to_do_keeps_more_ready_at_once_and_less_again_after_a_calm() -> None:
    made = buffering()
    made.realtime()
    made.busy = 0.4
    now = played(made, 0.1)
    assert made.lead == BUSY_LEAD_S * RATE
    made.busy = 0.1
    now = played(made, 1.0, now=now)
    assert made.lead == BUSY_LEAD_S * RATE
    played(made, 2 * PEAK_MEMORY_S + 1, now=now)
    assert made.lead == REALTIME_LEAD_S * RATE


def test_the_performers_own_length_is_kept_whatever_the_load() -> None:
    made = buffering(asked=3 * PERIOD)
    made.busy = 0.9
    played(made, 1.0)
    assert made.latency_frames == 3 * PERIOD


def test_less_than_a_period_cannot_be_asked_for() -> None:
    made = buffering(asked=PERIOD)
    played(made, 1.0, period=1024)
    assert made.latency_frames > 1024


def test_each_starved_read_doubles_the_calm_it_takes_to_forget() -> None:
    made = buffering()
    now = played(made, 4.0)
    for calm in (2 * LEAD_MEMORY_S, 4 * LEAD_MEMORY_S):
        now += 0.006  # in which all that lay ready was taken, and more was wanted
        made.record_read(2 * PERIOD, now)
        made.record_starved(now)
        made.record_restart(now)
        lead = made.lead
        assert lead > SHARED_LEAD_S * RATE
        now = played(made, 0.9 * calm, now=now)
        assert made.lead == lead
        now = played(made, 1.2 * calm, now=now)
        assert made.lead == SHARED_LEAD_S * RATE


def test_a_burst_that_was_starved_by_is_remembered_for_a_minute() -> None:
    made = buffering()
    now = played(made, 1.0)
    made.record_starved(now)
    made.record_restart(now)
    burst = made.burst
    assert burst > PERIOD
    now = played(made, 0.9 * STARVED_MEMORY_S, now=now)
    assert made.burst == burst
    played(made, 1.2 * STARVED_MEMORY_S, now=now)
    assert made.burst == pytest.approx(PERIOD, abs=1)


def test_a_stall_that_no_ring_would_have_outlived_changes_nothing() -> None:
    made = buffering()
    now = played(made, 1.0)
    kept = made.latency_frames
    now += 0.3  # this process did not run: all that lay ready was taken, and more wanted
    made.record_read(256, now)
    made.record_starved(now)
    assert made.latency_frames == kept


def test_of_a_stall_of_the_host_only_what_it_took_is_learned() -> None:
    made = buffering()
    now = played(made, 1.0)
    for _ in range(300):
        now += 0.001
        made.record_read(0, now)
    made.record_read(256, now)
    made.record_starved(now)
    assert 256 <= made.burst < 300


def test_lateness_does_not_count_while_the_machine_is_starting_up() -> None:
    made = buffering()
    made.learns = False
    now = played(made, 1.0)
    lead = made.lead
    made.record_write(0, now)
    assert made.lead == lead


def test_what_was_seen_during_the_start_is_forgotten_when_it_is_over() -> None:
    made = Buffering(RATE, PERIOD, HOP, MOST)
    now = played(made, 1.0)
    made.record_read(4 * PERIOD, now + 0.001)
    assert made.burst > 2 * PERIOD
    made.learns = True
    assert made.burst == PERIOD


def test_frames_are_due_when_as_many_were_played_as_lie_ready_too_many() -> None:
    made = buffering()
    now = played(made, 1.0)
    target = made.target
    due, waits = made.seconds_until_due(int(target) + 48)
    assert due == pytest.approx(0.001, abs=2 / RATE) and not waits
    assert made.seconds_until_due(0) == (0.0, False)
    assert made.seconds_until_due(MOST)[1], "the host never needs more without reading"
    assert now > 0


@given(
    asked=st.none() | st.floats(1, 8 * PERIOD),
    period=st.integers(16, 4096),
    steps=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 20_000), st.floats(0, 2), st.booleans())
    ),
)
def test_whatever_happens_what_is_kept_fits_and_is_no_less_than_the_least(
    asked: float | None, period: int, steps: list[tuple[float, int, float, bool]]
) -> None:
    made = buffering(period, asked)
    now = 0.0
    for passed, frames, busy, starved in steps:
        now += passed
        made.busy = busy
        made.record_read(frames, now)
        if starved:
            made.record_starved(now)
            made.record_restart(now)
        made.record_write(frames, now)
        assert GUARD_S * RATE <= made.lead <= max(LEAD_MOST_S * RATE, asked or 0)
        assert 0 < made.target <= MOST - 4 * HOP
        assert made.seconds_until_due(frames)[0] >= 0


@given(passed=st.floats(0, 0.002), ready=st.integers(0, MOST))
def test_a_read_within_the_known_burst_does_not_change_when_frames_are_due(
    passed: float, ready: int
) -> None:
    """So the render thread may sleep until then, whenever the host reads."""
    made = buffering()
    made.record_read(2 * PERIOD, 0.0)
    now = played(made, 4.0) + passed
    made.record_read(0, now)
    before, _ = made.seconds_until_due(ready + PERIOD)
    made.record_read(PERIOD, now)
    after, _ = made.seconds_until_due(ready)
    assert after == pytest.approx(before, abs=1e-9)
