"""The limiter: nothing exceeds the ceiling, and what is below it is unchanged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from latentpad.benchmarks.signals import noise, tone
from latentpad.engine.play.limiter import DC_HZ, Limiter

Floats = NDArray[np.float32]

RATE = 48000


def limited(
    sound: Floats, ceiling: float = 1.0, gain: float = 1.0, sizes: tuple[int, ...] = ()
) -> Floats:
    """(n, 2) through a new limiter, in one block or in blocks of the given sizes, repeatedly."""
    limiter = Limiter(RATE)
    out = sound.copy()
    start, k = 0, 0
    while start < len(out):
        size = sizes[k % len(sizes)] if sizes else len(out)
        limiter.process(out[start : start + size], gain, gain, ceiling)
        start, k = start + size, k + 1
    return out


def stereo(sound: Floats) -> Floats:
    return np.stack([sound, -sound], axis=1)


# Anything a float32 can be, loud stretches of it too.
wild = arrays(
    np.float32,
    st.tuples(st.integers(1, 400), st.just(2)),
    elements=st.one_of(
        st.floats(-4, 4, width=32),
        st.floats(width=32, allow_nan=True, allow_infinity=True),
    ),
)


@settings(max_examples=150)
@given(wild, st.floats(0.05, 1.0))
def test_nothing_ever_passes_the_ceiling(sound: Floats, ceiling: float) -> None:
    out = limited(sound, ceiling)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= np.float32(ceiling)


@settings(max_examples=100)
@given(wild, st.lists(st.integers(1, 97), min_size=1, max_size=6).map(tuple))
def test_blocks_of_any_size_give_the_same_samples(sound: Floats, sizes: tuple[int, ...]) -> None:
    np.testing.assert_array_equal(limited(sound, 0.5, sizes=sizes), limited(sound, 0.5))


def test_what_is_below_the_ceiling_comes_out_as_it_was_half_a_millisecond_later() -> None:
    sound = stereo(tone(1000, level=0.9))
    out = limited(sound)
    delay = Limiter(RATE).delay
    assert delay == 24
    assert not out[:delay].any()
    # But for the DC guard: 0.005 of a 1 kHz tone, as phase.
    np.testing.assert_allclose(out[delay:], sound[:-delay], atol=0.01)
    np.testing.assert_allclose(np.abs(out[4800:]).max(), 0.9, rtol=1e-3)


def test_an_impulse_is_delayed_by_exactly_the_delay() -> None:
    sound = np.zeros((500, 2), np.float32)
    sound[100] = 0.5, -0.25
    out = limited(sound)
    start = 100 + Limiter(RATE).delay
    np.testing.assert_array_equal(out[start], sound[100])
    assert not out[:start].any()
    assert np.abs(out[start + 1 :]).max() < 1e-3


def test_a_peak_is_turned_down_in_time_and_not_clipped() -> None:
    """The gain glides: its steps are at most those of a straight line over the delay."""
    rng = np.random.default_rng(0)
    sound = stereo(tone(1000, level=0.5))
    for start in rng.integers(1000, 40000, 20):
        sound[start : start + 200] *= rng.uniform(2, 8)
    open_, out = limited(sound, 1e9), limited(sound, 0.5)
    heard = np.abs(open_[:, 0]) > 0.05
    gain = out[heard, 0] / open_[heard, 0]
    steps = np.abs(np.diff(gain)) / np.diff(np.flatnonzero(heard))
    assert np.abs(out).max() <= 0.5
    assert gain.min() < 0.2
    assert steps.max() <= 1 / Limiter(RATE).delay + 1e-4
    # The largest peak is exactly at the ceiling: not cut off there, and not lower than needed.
    assert np.abs(out).max() == pytest.approx(0.5, rel=1e-4)
    assert (np.abs(out[:, 0]) >= 0.5).sum() < 200


def test_the_gain_comes_back_after_a_peak() -> None:
    sound = stereo(tone(1000, seconds=2, level=0.5))
    sound[:4800] *= 8
    out = limited(sound, 0.5)
    assert np.abs(out[4848:5000]).max() < 0.2
    assert np.abs(out[-4800:]).max() == pytest.approx(0.5, rel=1e-3)


def test_both_sides_are_turned_down_together() -> None:
    loud, soft = tone(1000, level=4.0), tone(700, level=0.1)
    out = limited(np.stack([loud, soft], axis=1), 0.5)[4800:]
    balance = np.abs(out).max(axis=0)
    assert balance[1] / balance[0] == pytest.approx(0.1 / 4.0, rel=0.1)


def test_dc_dies_away_and_does_not_eat_the_headroom() -> None:
    sound = stereo(tone(1000, seconds=2, level=0.4) + np.float32(0.5))
    out = limited(sound)
    second = out[RATE:]
    assert np.abs(second.mean(axis=0)).max() < 1e-3
    assert np.abs(second).max() == pytest.approx(0.4, rel=1e-2)
    constant = limited(np.full((RATE, 2), 0.5, np.float32))
    after = constant[round(RATE / DC_HZ)]
    np.testing.assert_allclose(after, 0.5 * np.exp(-2 * np.pi), rtol=0.05)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_no_number_is_silence_and_leaves_no_trace(bad: float) -> None:
    sound = stereo(tone(1000, seconds=3, level=0.3))
    sound[1000:1010, 0] = bad
    out = limited(sound)
    assert np.isfinite(out).all()
    np.testing.assert_allclose(out[-1000:], limited(stereo(tone(1000, seconds=3, level=0.3)))[
        -1000:
    ], atol=1e-4)  # fmt: skip


def test_the_gain_runs_from_one_value_to_the_other_within_a_block() -> None:
    limiter = Limiter(RATE)
    sound = stereo(noise())[:1024] * np.float32(0.1)
    out = sound.copy()
    limiter.process(out, 0.0, 1.0, 1.0)
    ramp = ((np.arange(1024) + 1) / 1024)[:, None]
    delay = limiter.delay
    np.testing.assert_allclose(out[delay:], (sound * ramp)[:-delay], atol=2e-3)


def test_the_reduction_is_told_in_decibels() -> None:
    limiter = Limiter(RATE)
    assert limiter.reduction_db == 0
    limiter.process(stereo(tone(1000, level=0.5)), 4.0, 4.0, 1.0)
    assert limiter.reduction_db == pytest.approx(-6, abs=0.3)
