from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.models.metrics.peaq import ear_patterns, repeated
from latentpad.models.metrics.peaq.ear import HOP
from latentpad.models.metrics.peaq.sound import data_boundaries
from tests.models.metrics.peaq.pairs import RATE


def test_data_begin_and_end_where_five_samples_add_to_200_of_32768() -> None:
    sound = np.zeros((1, 20 * HOP))
    sound[0, 5 * HOP + 10 : 12 * HOP] = 41 / 32768
    assert data_boundaries(sound) == (5, 11)
    assert data_boundaries(sound * 40 / 41) == (0, 19), (
        "200 is not more than 200: silence throughout"
    )


def test_either_channel_may_hold_the_first_and_the_last_data() -> None:
    sound = np.zeros((2, 20 * HOP))
    sound[0, 5 * HOP], sound[1, 12 * HOP] = 0.5, 0.5
    assert data_boundaries(sound) == (4, 11)


@given(length=st.integers(1, 10 * HOP))
def test_data_are_never_outside_the_frames(length: int) -> None:
    first, last = data_boundaries(np.full((1, length), 0.5))
    assert first == 0
    assert last == max(1, length // HOP) - 1


@given(length=st.integers(1, 200_000), stereo=st.booleans())
def test_a_repeated_sound_is_whole_and_no_longer_than_need_be(length: int, stereo: bool) -> None:
    sound = np.random.default_rng(length).uniform(-1, 1, (length, 2) if stereo else length)
    long = repeated(sound)
    times, rest = divmod(len(long), length)
    assert (rest, long.shape[1:]) == (0, sound.shape[1:])
    assert len(long) >= 3 * RATE > (times - 1) * length
    np.testing.assert_array_equal(long[-length:], sound)


@pytest.mark.parametrize("seconds", [-1, np.nan, 1e9])
def test_a_sound_is_not_repeated_for_ever(seconds: float) -> None:
    with pytest.raises(ValueError, match="3600 seconds"):
        repeated(np.zeros(10), seconds)


def test_a_sine_is_heard_at_its_level() -> None:
    sine = np.sin(2 * np.pi * 1019.5 * np.arange(RATE) / RATE)
    for level in (40, 92):
        loudest = ear_patterns(sine, level_db=level).magnitudes[0, 10].max()
        assert 20 * np.log10(loudest) == pytest.approx(level, abs=0.05)


def test_10_db_more_are_twice_as_loud_and_silence_is_not_loud() -> None:
    sine = np.sin(2 * np.pi * 1019.5 * np.arange(RATE) / RATE)
    soft, loud = (ear_patterns(sine, level_db=level).loudness[0, 10] for level in (70, 80))
    assert loud / soft == pytest.approx(2, rel=0.1)
    assert ear_patterns(0 * sine).loudness.max() < 0.1
