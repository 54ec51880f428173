"""The clock of a host is known from its earliest reads, late ones and skips notwithstanding."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from latentpad.engine.play.host_clock import (
    EARLY_S,
    SKIPPED_READS,
    WATCH_S,
    WINDOW_READS,
    WINDOW_S,
    HostClock,
)

RATE, PERIOD = 48_000, 128
STEP = PERIOD / RATE
BEFORE_S = 0.0003  # a watched read is seen so long after the last look


def watched(clock: HostClock, first: int, count: int, late: float = 0.0) -> float:
    """Reads number `first` and so on, each seen at once, all `late` seconds late. Returns the time
    of the last one."""
    now = 0.0
    for k in range(first, first + count):
        now = k * STEP + late
        clock.record(0, PERIOD, now - BEFORE_S)
        clock.record(PERIOD, PERIOD, now)
    return now


def test_the_clock_is_known_after_a_few_reads_that_were_watched() -> None:
    clock = HostClock(RATE)
    watched(clock, 0, WINDOW_READS - 1)
    assert not clock.known
    now = watched(clock, WINDOW_READS - 1, 1)
    assert clock.known
    assert math.isclose(clock.frames_until_read(now), PERIOD - EARLY_S * RATE)


def test_late_reads_change_nothing_and_an_early_one_counts_at_once() -> None:
    clock = HostClock(RATE)
    watched(clock, 0, WINDOW_READS)
    now = watched(clock, WINDOW_READS, 3, late=0.001)
    assert math.isclose(clock.frames_until_read(now), PERIOD - (EARLY_S + 0.001) * RATE)
    now = watched(clock, WINDOW_READS + 3, 1, late=-0.0005)
    assert math.isclose(clock.frames_until_read(now), PERIOD - EARLY_S * RATE)


def test_the_clock_follows_a_slower_device_within_two_windows() -> None:
    clock = HostClock(RATE)
    watched(clock, 0, WINDOW_READS)
    reads = int(2 * WINDOW_S / STEP) + 2 * WINDOW_READS
    now = watched(clock, WINDOW_READS, reads, late=0.001)
    assert math.isclose(clock.frames_until_read(now), PERIOD - EARLY_S * RATE)


def test_a_skip_is_known_after_reads_that_were_all_late() -> None:
    clock = HostClock(RATE)
    watched(clock, 0, WINDOW_READS)
    late = 2.5 * STEP
    now = watched(clock, WINDOW_READS, SKIPPED_READS - 1, late)
    assert clock.frames_until_read(now) < -PERIOD
    now = watched(clock, WINDOW_READS + SKIPPED_READS - 1, 1, late)
    assert PERIOD / 2 < clock.frames_until_read(now) < PERIOD
    assert clock.known


def test_reads_are_watched_one_by_one_at_first_and_then_now_and_then() -> None:
    clock = HostClock(RATE)
    assert clock.seconds_until_look(0.0) < STEP / 4
    now = watched(clock, 0, WINDOW_READS)
    assert clock.seconds_until_look(now) == math.inf
    now += WATCH_S
    clock.record(PERIOD * int(WATCH_S / STEP), PERIOD, now)
    until_read = clock.frames_until_read(now) / RATE
    assert until_read <= clock.seconds_until_look(now) <= until_read + EARLY_S


def test_after_a_pause_nothing_is_known() -> None:
    clock = HostClock(RATE)
    now = watched(clock, 0, WINDOW_READS)
    clock.reset(now)
    assert not clock.known and clock.taken == 0


@given(
    seed=st.integers(0, 999), late=st.floats(0, 0.4), drift=st.floats(-3e-4, 3e-4),
    period=st.sampled_from([64, 128, 256]),
)  # fmt: skip
def test_hardly_a_read_comes_earlier_than_expected(
    seed: int, late: float, drift: float, period: int
) -> None:
    """A host of even jitter, looked at as the ring does."""
    dice, clock = random.Random(seed), HostClock(RATE)
    step = period / RATE * (1 + drift)
    now, reads, early = 0.0, 1, 0.0
    at = step
    while reads < 3000:
        if now >= at:
            if clock.known:
                early = max(early, clock.frames_until_read(at) / RATE)
            clock.record(period, period, now)
            reads += 1
            at = (reads + late * dice.random()) * step
        else:
            clock.record(0, period, now)
        now += min(clock.seconds_until_look(now), 0.7 * step)
    assert early < 0.0003 + 0.06 * late * step
