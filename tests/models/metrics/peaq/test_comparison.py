"""What must hold of any grade, whatever the sounds."""

from __future__ import annotations

import itertools
import math
import pickle
from collections.abc import Callable
from dataclasses import astuple, fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from latentpad.models.metrics.peaq import (
    Patterns,
    Peaq,
    compared,
    comparison,
    ear_patterns,
    peaq,
    peaqs,
    repeated,
)
from tests.models.metrics.peaq.pairs import RATE, Sound, low_passed, noisy

TIME = np.arange(RATE) / RATE
SILENCE = np.zeros(RATE)


def tone(pitch: float) -> Sound:
    """A second of harmonics that swing, as those of a voice."""
    angle = 2 * np.pi * pitch * TIME + 0.7 * np.sin(2 * np.pi * 5.5 * TIME)
    return np.asarray(0.2 * sum(np.sin(k * angle) / k for k in range(1, 21)))


def dull(seed: int) -> Sound:
    """A second of noise below 15 kHz: with nothing above, so that it has a bandwidth."""
    return 0.1 * low_passed(np.random.default_rng(seed).standard_normal(RATE), 15000.0)


def strokes(seed: int) -> Sound:
    """Four decaying bursts of `dull` noise."""
    return dull(seed) * np.exp(-8 * (TIME % 0.25))


SOUNDS = st.one_of(
    st.floats(100, 1000).map(tone),
    st.integers(0, 1000).map(dull),
    st.integers(0, 1000).map(strokes),
)
CHANGES: dict[str, Callable[[Sound], Sound]] = {
    "noise": lambda sound: noisy(sound, -50, 1),
    "clipping": lambda sound: np.clip(sound, -0.1, 0.1),
    "fewer bits": lambda sound: np.round(sound * 127) / 127,
    "low pass": lambda sound: low_passed(sound, 5000.0),
    "delay": lambda sound: np.roll(sound, 50),
    "gain": lambda sound: 0.7 * sound,
    "polarity": lambda sound: -sound,
    "silence": lambda sound: 0 * sound,
    "modulation": lambda sound: sound * (1 + 0.3 * np.sin(2 * np.pi * 20 * TIME)),
}


def figures(grade: Peaq) -> list[float]:
    return [value for value in astuple(grade) if isinstance(value, float)]


@given(sound=SOUNDS)
@settings(max_examples=8)
def test_no_change_scores_better_than_none(sound: Sound) -> None:
    patterns = ear_patterns(sound)
    same = compared(patterns, patterns)
    assert abs(same.odg) < 0.25
    for name, change in CHANGES.items():
        assert compared(patterns, ear_patterns(change(sound))).di <= same.di, name


@given(sound=SOUNDS, seed=st.integers(0, 1000))
@settings(max_examples=8)
def test_more_noise_never_scores_better(sound: Sound, seed: int) -> None:
    """Over steps of 6 dB, for as long as the same variables can be measured: loud noise leaves
    no bandwidth, and a 0 in its place is another scale. The network need not be monotone in
    every variable: 0.05 of the distortion index, of which a grade is about 1, is let pass.
    """
    patterns = ear_patterns(sound)
    grades = [compared(patterns, ear_patterns(noisy(sound, db, seed))) for db in range(-78, 1, 6)]
    for less, more in itertools.pairwise(grades):
        assert more.di < less.di + 0.05 or more.missing != less.missing


@given(sound=SOUNDS, gain_db=st.floats(-10, 6))
@settings(max_examples=10)
def test_a_gain_of_both_keeps_the_bandwidths(sound: Sound, gain_db: float) -> None:
    gain = 10 ** (gain_db / 20)
    other = low_passed(sound, 12000.0)
    before, after = peaq(sound, other), peaq(gain * sound, gain * other)
    assert after.BandwidthRef == pytest.approx(before.BandwidthRef, rel=1e-3)
    assert after.BandwidthTest == pytest.approx(before.BandwidthTest, rel=1e-3)


@given(sound=SOUNDS, change=st.sampled_from(sorted(CHANGES)))
@settings(max_examples=10)
def test_two_equal_channels_are_heard_as_one(sound: Sound, change: str) -> None:
    other = CHANGES[change](sound)
    mono = peaq(sound, other)
    stereo = peaq(np.stack([sound, sound], 1), np.stack([other, other], 1))
    assert figures(stereo) == pytest.approx(figures(mono), rel=1e-9, abs=1e-9)
    assert stereo.missing == mono.missing


def test_it_does_not_matter_which_channel_is_left() -> None:
    one = np.stack([tone(300), strokes(1)], 1)
    two = np.stack([tone(300), noisy(strokes(1), -20, 1)], 1)
    assert figures(peaq(one[:, ::-1], two[:, ::-1])) == pytest.approx(figures(peaq(one, two)))


EDGES: dict[str, Sound] = {
    "silence": SILENCE,
    "click": np.eye(1, RATE, 24000)[0],
    "DC": np.full(RATE, 0.3),
    "square": np.sign(np.sin(2 * np.pi * 700 * TIME)),
    "one loud sample": 100 * np.eye(1, RATE, 2000)[0],
    "hardly anything": np.full(RATE, 5e-324),
    "white noise": np.random.default_rng(0).uniform(-1, 1, RATE),
}


@pytest.mark.parametrize("other", EDGES)
@pytest.mark.parametrize("reference", EDGES)
def test_a_grade_is_always_a_number(reference: str, other: str) -> None:
    with np.errstate(all="raise", under="ignore"):
        grade = peaq(EDGES[reference], EDGES[other])
    assert all(math.isfinite(value) for value in figures(grade))
    assert grade.valid == (not grade.missing)


@given(st.data())
@settings(max_examples=30)
def test_a_grade_of_a_very_short_sound_is_a_number(data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 4000))
    samples = arrays.arrays(np.float64, length, elements=st.floats(-1, 1), fill=st.floats(-1, 1))
    grade = peaq(data.draw(samples), data.draw(samples))
    assert all(math.isfinite(value) for value in figures(grade))
    assert {"WinModDiff1", "AvgModDiff1", "AvgModDiff2", "RmsNoiseLoud"} <= set(grade.missing)


def test_a_variable_without_frames_is_0_and_is_named() -> None:
    grade = peaq(SILENCE, SILENCE)
    assert grade.missing == ("RmsNoiseLoud", "EHS")
    assert (grade.RmsNoiseLoud, grade.EHS) == (0, 0)


def test_a_short_sound_has_all_variables_once_repeated() -> None:
    step = (strokes(3) * (TIME < 0.25))[: RATE // 4]
    assert not peaq(step, step).valid
    assert peaq(repeated(step), repeated(step)).valid


def test_many_pairs_are_each_graded_as_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tone(200), strokes(2)
    references, others = [first, first, second], [noisy(first, -30, 1), first, noisy(first, -9, 2)]
    alone = [peaq(*pair) for pair in zip(references, others, strict=True)]
    listened = []

    def counted(sound: Sound, *, level_db: float) -> Patterns:
        listened.append(sound)
        return ear_patterns(sound, level_db=level_db)

    monkeypatch.setattr(comparison, "ear_patterns", counted)
    assert peaqs(references, others) == alone
    assert len(listened) == 5, "a reference that comes twice on end is heard once"


def test_a_grade_and_patterns_go_between_processes() -> None:
    patterns = ear_patterns(tone(200))
    grade = compared(patterns, patterns)
    again = pickle.loads(pickle.dumps(patterns))
    assert pickle.loads(pickle.dumps(grade)) == compared(again, again) == grade


def test_the_eleven_variables_have_the_recommendations_names() -> None:
    names = [field.name for field in fields(Peaq)]
    assert names[:2] == ["odg", "di"]
    assert names[-2:] == ["valid", "missing"]
    assert len(names) == 15


@pytest.mark.parametrize(
    ("reference", "other", "says"),
    [
        (SILENCE, SILENCE[1:], "one length"),
        (SILENCE, np.zeros((RATE, 2)), "channels"),
        (np.zeros((RATE, 3)), np.zeros((RATE, 3)), r"\(n,\) or \(n, 2\)"),
        (np.array(0.5), np.array(0.5), r"\(n,\) or \(n, 2\)"),
        (np.zeros(0), np.zeros(0), "at least one sample"),
        (np.array([0.0, np.nan]), np.zeros(2), "finite"),
        (np.zeros(2), np.array([-np.inf, 0.0]), "finite"),
        (np.zeros(2, np.int16), np.zeros(2, np.int16), "floats of full scale 1"),
        (np.full(9, 3000.0), np.zeros(9), "full scale 1: found a peak of 3000"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_line(
    reference: Sound, other: Sound, says: str
) -> None:
    with pytest.raises(ValueError, match=says) as refusal:
        peaq(reference, other)
    assert "\n" not in str(refusal.value)


def test_refusals_of_levels_and_numbers_of_sounds() -> None:
    for level in (math.nan, -1.0, 141.0):
        with pytest.raises(ValueError, match="dB SPL"):
            ear_patterns(SILENCE, level_db=level)
    with pytest.raises(ValueError, match="at one level"):
        compared(ear_patterns(SILENCE), ear_patterns(SILENCE, level_db=80))
    with pytest.raises(ValueError, match="no pairs"):
        peaqs([SILENCE], [])
