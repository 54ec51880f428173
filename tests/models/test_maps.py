from __future__ import annotations

import numpy as np

from models.maps import tsne


def test_neighbours_stay_neighbours_and_the_seed_repeats_the_map() -> None:
    rng = np.random.default_rng(0)
    centres = np.repeat(10 * rng.normal(size=(3, 4)), 20, axis=0)
    latents = (centres + 0.1 * rng.normal(size=(60, 4))).astype(np.float32)
    plane = tsne(latents)
    assert plane.shape == (60, 2)
    assert plane.dtype == np.float32
    apart = np.linalg.norm(plane[:, None] - plane[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (apart.argmin(axis=1) // 20 == np.arange(60) // 20).all()
    np.testing.assert_array_equal(plane, tsne(latents))


def test_two_latents_are_their_own_map() -> None:
    latents = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    np.testing.assert_array_equal(tsne(latents), latents)


def test_one_latent_lies_on_a_line() -> None:
    assert (tsne(np.ones((9, 1), np.float32)) == [1, 0]).all()
