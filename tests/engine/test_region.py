"""The region of a loop: within the sound, as long as asked, and as it always was by default."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.engine.play.memory import FrameSettings
from latentpad.engine.play.playhead import wrap
from latentpad.engine.region import Region, loop_region

shares = st.floats(0, 1)
frames = st.floats(0, 188)


@given(frames, frames, shares, shares)
def test_by_default_a_region_is_the_shares_of_the_sound_and_a_frame_at_least(
    onset: float, length: float, start: float, stop: float
) -> None:
    region = loop_region(onset, onset + length, start, stop)
    span = max(onset + length - onset, 1.0)
    low = onset + min(start, stop) * span
    assert region.low == low
    assert region.high == max(onset + max(start, stop) * span, low + 1.0)
    assert (region.inner, region.skip) == (0, 0)


@given(frames, st.floats(2, 188), shares, shares, st.floats(0, 200))
def test_a_region_is_as_long_as_asked_and_within_the_sound(
    onset: float, length: float, start: float, stop: float, shortest: float
) -> None:
    region = loop_region(onset, onset + length, start, stop, shortest=shortest)
    assert region.high - region.low >= min(shortest, length) - 1e-6
    assert region.low >= onset - 1e-6
    if abs(stop - start) * length >= 1 or shortest >= 1:
        assert region.high <= onset + length + 1e-6


@given(st.floats(-1e4, 1e4), frames, st.floats(1, 188), st.floats(0, 0.5), shares, st.floats(-4, 4))
def test_the_kernel_wraps_as_the_region_does(
    playhead: float, low: float, length: float, fade: float, skip: float, advance: float
) -> None:
    region = loop_region(low, low + length, 0, 1, fade=fade).skipping(skip)
    play = FrameSettings(
        advance, region.low, region.high, True, 1.0, 0, 0.0, 1, 2, 90.0, 1.0, region.inner,
        region.skip,
    )  # fmt: skip
    wrapped = region.wrap(playhead)
    assert region.low <= wrapped <= region.high
    assert wrap(playhead, play) == pytest.approx(wrapped)
    turns = (wrapped - playhead) / region.jump
    assert turns == pytest.approx(round(turns), abs=1e-6)


@given(st.floats(-1e4, 1e4), frames, st.floats(1, 188))
def test_a_loop_without_a_fade_wraps_as_it_always_did(
    playhead: float, low: float, length: float
) -> None:
    region = Region(low, low + length)
    inside = region.low <= playhead < region.high
    before = playhead if inside else low + (playhead - low) % (region.high - region.low)
    assert region.wrap(playhead) == before


@given(frames, st.floats(1, 188), st.floats(0, 0.5), shares)
def test_a_round_has_room_for_its_fade(low: float, length: float, fade: float, skip: float) -> None:
    region = loop_region(low, low + length, 0, 1, fade=fade).skipping(skip)
    assert region.jump >= region.fade - 1e-9 > 0
