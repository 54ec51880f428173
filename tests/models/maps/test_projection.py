from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

import numba
import numpy as np
import pytest

from latentpad.models.maps import projection
from latentpad.models.maps.neighbours import Neighbours
from latentpad.models.maps.projection import MapError, tsne, umap
from latentpad.models.representation import Floats

Map = Callable[[Floats, int], Floats]


@pytest.fixture(scope="module", autouse=True)
def _search_not_compiled() -> None:
    """UMAP's search for neighbours compiles for 24 s of processor time when it is imported. It
    serves maps of more than 4096 sounds; none here has so many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numba.config, "DISABLE_JIT", True)
        importlib.import_module("pynndescent")


@pytest.mark.parametrize("draw", [tsne, umap])
def test_neighbours_stay_neighbours_and_the_seed_repeats_the_map(draw: Map) -> None:
    rng = np.random.default_rng(0)
    centres = np.repeat(10 * rng.normal(size=(3, 4)), 20, axis=0)
    latents = (centres + 0.1 * rng.normal(size=(60, 4))).astype(np.float32)
    plane = draw(latents, 3)
    assert plane.shape == (60, 2)
    assert plane.dtype == np.float32
    apart = np.linalg.norm(plane[:, None] - plane[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (apart.argmin(axis=1) // 20 == np.arange(60) // 20).all()
    np.testing.assert_array_equal(plane, draw(latents, 3))


@pytest.mark.parametrize("draw", [tsne, umap])
@pytest.mark.parametrize("count", [1, 3, 4, 5])
def test_few_sounds_and_sounds_all_the_same_have_a_map(draw: Map, count: int) -> None:
    few = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
    for latents in (few, np.full((count, 4), 0.5, np.float32), np.repeat(few, 5, axis=0)):
        plane = draw(latents, 0)
        assert plane.shape == (len(latents), 2) and np.isfinite(plane).all()


def test_two_latents_are_their_own_map() -> None:
    latents = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    np.testing.assert_array_equal(tsne(latents), latents)


def test_one_latent_lies_on_a_line() -> None:
    assert (tsne(np.ones((9, 1), np.float32)) == [1, 0]).all()


def test_of_too_many_sounds_some_are_mapped_and_the_others_lie_among_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(200, 4)).astype(np.float32)
    monkeypatch.setattr(projection, "MOST_TSNE", 50)
    plane = tsne(latents)
    some = np.linspace(0, 199, 50).astype(int)
    np.testing.assert_allclose(plane[some], tsne(latents[some]), rtol=1e-5, atol=1e-4)
    assert plane.shape == (200, 2) and np.isfinite(plane).all()
    span = np.ptp(plane[some], axis=0)
    assert (np.ptp(plane, axis=0) <= span + 1e-3).all()
    assert (plane.std(axis=0) > 0.3 * plane[some].std(axis=0)).all()


def test_a_sound_lies_exactly_where_its_like_does_and_else_between_its_neighbours() -> None:
    known = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    positions = np.array([[0, 0], [10, 0], [0, 10]], np.float32)
    np.testing.assert_allclose(Neighbours(known, known).mean(positions), positions, atol=1e-4)
    between = Neighbours(known, np.array([[0.5, 0, 0]], np.float32)).mean(positions)
    assert 0 < between[0, 1] < 2 < between[0, 0] < 6


def test_without_umap_learn_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MapError, match=r"UMAP is not installed: .* umap'?$") as caught:
        umap(np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32))
    assert "\n" not in str(caught.value)
