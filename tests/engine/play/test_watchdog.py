"""The watchdog distinguishes a late output from a lost one."""

from __future__ import annotations

from latentpad.engine.play.jack_clock import HostState
from latentpad.engine.play.watchdog import SILENT_S, UNKNOWN_S, UNSERVED_S, OutputState, Watchdog

RATE = 48_000


class StandingOutput:
    """An output whose reads the test sets."""

    rate = RATE

    def __init__(self) -> None:
        self.frames_read = 0
        self.doing = HostState.UNKNOWN

    def host(self) -> HostState:
        return self.doing


def watched(
    watchdog: Watchdog, output: StandingOutput, seconds: float, now: float, rate: float = 0.0
) -> tuple[list[OutputState], float]:
    """The states reported in `seconds`, with ten checks a second, and the time after."""
    said = []
    for _ in range(round(10 * seconds)):
        now += 0.1
        output.frames_read += int(0.1 * rate)
        said.append(watchdog.check(now))
    return said, now


def first(said: list[OutputState], verdict: OutputState) -> float:
    """The seconds after which it was first reported."""
    return (said.index(verdict) + 1) / 10


def test_an_output_that_takes_what_it_should_is_well() -> None:
    output = StandingOutput()
    said, _ = watched(Watchdog(output, 0.0), output, 30, 0.0, RATE)
    assert set(said) == {OutputState.WELL}


def test_a_host_that_has_ended_is_lost_at_once() -> None:
    output = StandingOutput()
    output.doing = HostState.GONE
    said, _ = watched(Watchdog(output, 0.0), output, 2, 0.0)
    assert first(said, OutputState.LOST) <= SILENT_S + 0.2


def test_a_host_whose_clock_stands_still_is_waited_for_and_told_of_once() -> None:
    output = StandingOutput()
    output.doing = HostState.STANDS
    watchdog = Watchdog(output, 0.0)
    said, now = watched(watchdog, output, 60, 0.0)
    assert said.count(OutputState.WAITING) == 1
    assert OutputState.LOST not in said
    said, now = watched(watchdog, output, 2, now, RATE)
    assert set(said) == {OutputState.WELL}
    said, _ = watched(watchdog, output, 10, now)
    assert said.count(OutputState.WAITING) == 1, "a second time is told of again"


def test_a_host_that_serves_others_but_not_us_is_lost_after_a_while() -> None:
    output = StandingOutput()
    output.doing = HostState.RUNS
    said, _ = watched(Watchdog(output, 0.0), output, 10, 0.0)
    assert UNSERVED_S - 0.2 <= first(said, OutputState.LOST) <= UNSERVED_S + 0.3


def test_the_time_in_which_the_host_stood_still_is_not_held_against_it() -> None:
    output = StandingOutput()
    watchdog = Watchdog(output, 0.0)
    output.doing = HostState.STANDS
    _, now = watched(watchdog, output, 30, 0.0)
    output.doing = HostState.RUNS
    said, _ = watched(watchdog, output, 3, now)
    assert OutputState.LOST not in said


def test_a_host_without_a_clock_is_lost_after_two_seconds() -> None:
    output = StandingOutput()
    said, _ = watched(Watchdog(output, 0.0), output, 5, 0.0)
    assert UNKNOWN_S - 0.2 <= first(said, OutputState.LOST) <= UNKNOWN_S + 0.3


def test_a_time_in_which_this_process_was_stopped_does_not_count() -> None:
    output = StandingOutput()
    watchdog = Watchdog(output, 0.0)
    _, now = watched(watchdog, output, 1, 0.0, RATE)
    assert watchdog.check(now + 3600) is OutputState.WELL
    said, _ = watched(watchdog, output, 1, now + 3600)
    assert OutputState.LOST not in said


def test_a_device_that_takes_faster_than_its_rate_keeps_no_time() -> None:
    output = StandingOutput()
    said, _ = watched(Watchdog(output, 0.0), output, 3, 0.0, 40 * RATE)
    assert first(said, OutputState.TIMELESS) <= 0.7


def test_a_device_that_catches_up_after_a_pause_is_not_taken_for_one() -> None:
    output = StandingOutput()
    watchdog = Watchdog(output, 0.0)
    _, now = watched(watchdog, output, 5, 0.0, RATE)
    _, now = watched(watchdog, output, 0.5, now)
    output.frames_read += RATE // 2
    said, _ = watched(watchdog, output, 5, now, RATE)
    assert set(said) == {OutputState.WELL}
