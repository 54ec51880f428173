"""What is heard of sounds is compared with their recordings, and averaged over those that count."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from latentpad.models import figures
from latentpad.models.metrics import detail, heard, picture
from latentpad.models.metrics.heard import Detail
from latentpad.models.representation import Floats, Representation

R = Representation(sample_rate=16000, n_fft=256, hop=128, frames=60, range_db=80.0)


def noise(seed: int) -> Floats:
    return np.random.default_rng(seed).normal(size=R.samples).astype(np.float32)


def test_a_sound_that_is_blurred_has_less_grain_and_its_recording_the_same() -> None:
    recorded = heard.again(noise(0), R)
    blurred = np.asarray(uniform_filter(recorded, (5, 5)), np.float32)
    same, less = (heard.detail(recorded, other, R) for other in (recorded, blurred))
    assert same.grain == 1 and less.grain < 0.6
    assert less.recorded_fine_db == same.fine_db == detail.fine_db(recorded)
    assert less.grain == pytest.approx(detail.grain(recorded, blurred))


def test_what_is_played_is_analysed_as_a_recording_is_whatever_its_length() -> None:
    sound = noise(0)
    np.testing.assert_array_equal(heard.again(sound, R), R.decibels(R.magnitudes(sound)))
    longer, shorter = np.concatenate([sound, sound]), sound[:1000]
    assert heard.again(longer, R).shape == heard.again(shorter, R).shape == (R.frames, R.bins)


def test_contrast_is_a_mean_over_the_tonal_sounds_and_a_median_over_all() -> None:
    means = heard.means([Detail(3, 6, 10, 20), Detail(4, 5, 6, 12), Detail(2, 2, 7, 7)])
    assert (means.tonal, means.contrast) == (2, 0.5)
    assert (means.contrast_db, means.recorded_contrast_db) == (7, 12)
    assert means.grain == pytest.approx((0.5 + 0.8 + 1) / 3) and means.fine_db == 3


def test_sounds_without_a_figure_are_left_out_of_the_means() -> None:
    silent = Detail(math.nan, math.nan, math.nan, math.nan)
    means = heard.means([silent, Detail(4, 5, 6, 7)])
    assert (means.grain, means.contrast_db, means.tonal) == (0.8, 6, 0)
    assert math.isnan(means.contrast) and math.isnan(heard.means([silent]).grain)


def test_a_picture_has_each_recording_above_what_is_heard_on_the_same_scales() -> None:
    loud, soft = (np.full((R.frames, R.bins), level, np.float32) for level in (-10, -50))
    drawn = picture.figure([loud] * 3, [soft] * 3, ["a", "b", "c"], R)
    *pictures, scale = drawn.axes
    assert [axes.get_title() for axes in pictures[:3]] == ["a", "b", "c"]
    assert [axes.get_ylabel() for axes in pictures[::3]] == ["recording\nkHz", "as heard\nkHz"]
    assert {axes.images[0].get_clim() for axes in pictures} == {(-R.range_db, 0)}
    assert len({(*axes.get_xlim(), *axes.get_ylim()) for axes in pictures}) == 1
    assert scale.get_ylabel().startswith("dB")
    assert figures.png(drawn).startswith(b"\x89PNG")
