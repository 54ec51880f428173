from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.engine.plane import Plane
from latentpad.evaluation import paths
from latentpad.models.packs.pack import Pack

LATENTS = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)


@given(st.integers(2, 40), st.integers(1, 200), st.integers(0, 5))
def test_a_way_goes_between_two_different_sounds(count: int, pairs: int, seed: int) -> None:
    anchors = np.arange(count) * 3
    result = paths.draw_paths(anchors, pairs, seed=seed)
    assert len(result.first) == len(result.last) == pairs
    assert (result.first != result.last).all()
    assert set(result.first) | set(result.last) <= set(anchors)


@given(st.integers(1, 50), st.integers(0, 5))
def test_the_first_ways_are_the_same_however_many_are_asked_for(pairs: int, seed: int) -> None:
    few, many = (paths.draw_paths(np.arange(30), n, seed=seed) for n in (pairs, 60))
    np.testing.assert_array_equal(few.first, many.first[:pairs])
    np.testing.assert_array_equal(few.last, many.last[:pairs])


def test_one_sound_has_no_ways() -> None:
    with pytest.raises(paths.EvaluationError, match="two sounds"):
        paths.draw_paths(np.array([3]))


def test_a_line_begins_and_ends_at_its_anchors_to_the_last_bit() -> None:
    result = paths.draw_paths(np.arange(40), 30)
    line = result.lines(LATENTS)
    np.testing.assert_array_equal(line[:, 0], LATENTS[result.first])
    np.testing.assert_array_equal(line[:, -1], LATENTS[result.last])
    np.testing.assert_allclose(line[:, 2], (line[:, 0] + line[:, 4]) / 2, atol=1e-6)


def test_the_points_of_a_projection_are_the_line_s_shadow() -> None:
    plane = Plane.raw(LATENTS, (3, 1))
    result = paths.draw_paths(np.arange(40), 30)
    np.testing.assert_allclose(result.points(plane), result.lines(LATENTS)[..., [3, 1]], atol=1e-6)


@pytest.mark.parametrize("snr", [1e2, 1.0, 1e-2])
def test_neighbours_are_as_far_as_their_snr_says(snr: float) -> None:
    near = paths.around(LATENTS, snr, 2000)
    noise = near - LATENTS[:, None]
    wanted = (LATENTS**2).mean(axis=1) / snr
    np.testing.assert_allclose((noise**2).mean(axis=(1, 2)), wanted, rtol=0.1)


def test_without_noise_a_sound_has_one_neighbour_itself() -> None:
    np.testing.assert_array_equal(paths.around(LATENTS, np.inf, 20)[:, 0], LATENTS)


def test_held_out_are_the_sounds_that_the_weights_never_met(small: Pack) -> None:
    splits = [row["split"] for row in small.sources()]
    chosen = paths.held_out(small)
    assert {splits[i] for i in chosen} == {"validation", "test"}
    assert len(chosen) == sum(split != "train" for split in splits)


def test_a_finer_way_has_the_same_ends() -> None:
    result = paths.draw_paths(np.arange(40), 30)
    fine = result.finer(200, 7)
    assert len(fine.first) == 7 and len(fine.share) == 201
    np.testing.assert_array_equal(fine.lines(LATENTS)[:, -1], LATENTS[result.last[:7]])
