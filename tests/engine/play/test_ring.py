"""The ring with a simulated host: it never runs empty once the host is known, and never gets stuck.

`python -m latentpad.benchmarks.output` is the long form.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentpad.benchmarks.simulated_host import HostResult, Rhythm, SimulatedHost, render
from latentpad.engine.play.buffering import REALTIME_LEAD_S, Buffering
from latentpad.engine.play.ring import FRAMES, IDLE_S, POLL_S, RingOutput

MODELS = [(48_000, 128), (44_100, 128), (16_000, 32), (22_050, 64)]
RATES = [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000]
PERIODS = [16, 32, 48, 64, 100, 128, 192, 256, 441, 512, 1024, 2048, 4096]


def settled(rhythm: Rhythm) -> float:
    """The time when the host is known: after a second and some of its periods."""
    return max(1.0, 16 * rhythm.period / rhythm.rate)


def after_settling(heard: HostResult, rhythm: Rhythm) -> int:
    return sum(at > settled(rhythm) for at in heard.starved)


def kept_in_time(heard: HostResult) -> float:
    """The share of the time for which the host got its frames."""
    return heard.taken / heard.seconds


# A draw renders seconds of a host: a quarter of them is tried, all by `make laws`.
SHORT = settings.get_current_profile_name() == "same"
tried = settings(max_examples=25 if SHORT else settings().max_examples)

rhythms = st.builds(
    Rhythm,
    rate=st.sampled_from(RATES) | st.integers(8_000, 192_000),
    period=st.sampled_from(PERIODS) | st.integers(16, 4096),
    late=st.sampled_from([0.0, 0.2, 0.5, 0.9]),
    drift=st.sampled_from([0.0, 0.0005, -0.0005, -0.01]),
)


@tried
@given(rhythm=rhythms, model=st.sampled_from(MODELS), dear=st.floats(0.1, 1.2), block=st.booleans())
def test_once_the_host_is_known_no_read_finds_the_ring_empty(
    rhythm: Rhythm, model: tuple[int, int], dear: float, block: bool
) -> None:
    """`dear` is the cost of a hop in ms; `block`, whether the host was first taken for one of
    128."""
    rate, hop = model
    cost = min(dear / 1000, 0.4 * hop / rate)
    seconds = settled(rhythm) + max(3.0, 20 * rhythm.period / rhythm.rate)
    heard = render(
        rhythm, seconds, cost=cost, hop=hop, model_rate=rate,
        period=128 if block else None, exact=not block or rhythm.period >= 128,
    )  # fmt: skip
    assert after_settling(heard, rhythm) == 0
    assert len(heard.starved) <= 4
    assert heard.kept <= heard.most + 1
    assert kept_in_time(heard) > 0.7 * rhythm.rate


@tried
@given(
    rhythm=rhythms,
    burst=st.integers(2, 4),
    every=st.sampled_from([40, 100]),
    dear=st.floats(0.1, 1.2),
)
def test_a_burst_of_a_new_size_is_missed_once_at_most(
    rhythm: Rhythm, burst: int, every: int, dear: float
) -> None:
    """The host stalls now and then, and then reads at once what it has missed. With much jitter,
    no two bursts have the same size."""
    late = min(rhythm.late, 0.5)
    bursting = Rhythm(rhythm.rate, rhythm.period, late, burst, every, 0.0)
    step = rhythm.period / rhythm.rate
    heard = render(bursting, min(settled(rhythm) + 4 * every * step, 30.0), cost=dear / 1000)
    assert after_settling(heard, rhythm) <= 1
    assert heard.kept <= heard.most + 1


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("period", [128, 1024])
def test_a_regular_host_is_kept_little_more_than_a_period_ready(rate: int, period: int) -> None:
    heard = render(Rhythm(rate, period), 10.0)
    assert heard.starved == []
    assert heard.target <= period + 0.003 * rate


def test_of_a_regular_host_no_hop_is_ready_before_the_one_that_it_takes_next() -> None:
    heard = render(Rhythm(), 10.0)
    assert heard.starved == []
    assert max(heard.ready) == 0
    assert heard.target == REALTIME_LEAD_S * 48_000


@pytest.mark.parametrize("drift", [0.0, 0.0001, -0.0001])
def test_a_host_that_comes_late_needs_no_more_ready(drift: float) -> None:
    """Its device's clock is steady: late reads say nothing about the next one."""
    heard = render(Rhythm(late=0.4, drift=drift), 20.0)
    assert heard.starved == []
    assert np.percentile(heard.ready, 90) == 0


def test_a_host_that_skips_time_is_followed_within_a_tenth_of_a_second() -> None:
    host = SimulatedHost(Rhythm(), 0)
    buffering = Buffering(48_000, 128, 128, FRAMES, exact=True)
    buffering.realtime()
    output = RingOutput(host, host, buffering, clock=host.clock)
    block = np.zeros((128, 2), np.float32)
    ready = []
    skips = [2.0, 2.5, 3.0]
    while host.now < 4.0:
        if skips and host.now > skips[0]:
            host.skip(3.4 * 128 / 48_000)
            skips.pop(0)
        if output.hop_due():
            ready.append((host.now, host.read_available))
            host.now += 0.0002
            output.write(block)
        else:
            host.now += output.pause() + 0.00005
    assert output.starved == 0
    times, frames = np.array(ready).T
    assert frames[(times > 2.0) & (times < 2.05)].max() > 0
    for skip in (2.0, 2.5, 3.0):
        assert frames[(times > skip + 0.15) & (times < skip + 0.5)].max() == 0


def test_stalls_of_the_render_thread_are_outlived_after_the_first() -> None:
    stalls = tuple(1.0 + 0.7 * k for k in range(40))
    heard = render(Rhythm(), 30.0, stalls=stalls)
    assert len(heard.starved) <= 1
    assert heard.kept / 48_000 < 0.012


def test_a_host_that_turns_to_a_larger_period_is_missed_once_at_most() -> None:
    host = SimulatedHost(Rhythm(period=128), 0)
    buffering = Buffering(48_000, 128, 128, FRAMES)
    buffering.learns = True
    output = RingOutput(host, host, buffering, clock=host.clock)
    block = np.zeros((128, 2), np.float32)

    def run(until: float) -> None:
        while host.now < until:
            if output.hop_due():
                host.now += 0.0003
                output.write(block)
            else:
                host.now += output.pause()

    run(3.0)
    assert output.starved == 0
    host.turn_to(Rhythm(period=1024))
    run(6.0)
    assert output.starved <= 1
    run(30.0)
    assert output.starved <= 1
    assert buffering.period == 1024


def test_a_host_that_takes_nothing_is_not_waited_for_in_a_hurry_and_goes_on_when_it_does() -> None:
    host = SimulatedHost(Rhythm(), 0)
    buffering = Buffering(48_000, 128, 128, FRAMES)
    output = RingOutput(host, host, buffering, clock=host.clock)
    block = np.zeros((128, 2), np.float32)
    made = 0
    host.stop()
    while host.now < 5.0:
        if output.hop_due():
            output.write(block)
            made += 1
        else:
            pause = output.pause()
            assert POLL_S <= pause <= IDLE_S or host.now < 0.1
            host.now += pause
    assert made <= 4, "what lies ready is all that is made"
    host.turn_to(Rhythm())
    while host.now < 7.0:
        if output.hop_due():
            output.write(block)
            made += 1
        else:
            host.now += output.pause()
    assert made > 0.95 * 2.0 * 48_000 / 128
    assert output.starved == 0


def test_one_channel_hears_both_sides() -> None:
    host = SimulatedHost(Rhythm(), 0)
    output = RingOutput(host, host, Buffering(48_000, 128, 128, FRAMES), channels=1)
    output.write(np.array([[1.0, 0.5], [0.0, -0.5]], np.float32))
    assert host.written[-1].tolist() == [[0.75], [-0.25]]
