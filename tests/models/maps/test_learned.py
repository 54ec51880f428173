"""A map learned by what the decoder makes of its sounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from latentpad.models.maps import learned as learned_map
from latentpad.models.maps.learned import decode_sounds, flatten_slopes, learn_map
from latentpad.models.maps.projection import tsne
from latentpad.models.maps.slopes import slopes
from latentpad.models.representation import Floats

Decode = Callable[[Floats], Floats]
COUNT = 30  # sounds, of which a map takes seconds


@pytest.fixture(scope="module")
def decode() -> Decode:
    """Sounds of which the first latent hardly tells, and the second much."""
    time, tone = np.linspace(0, 1, 12)[:, None], np.linspace(0, 1, 80)[None]
    paths = np.stack(
        [0.3 * np.sin(9 * tone + time), 12 * np.cos(4 * tone) + 0 * time, -9 * time + 0 * tone]
    )

    def decoded(latents: Floats) -> Floats:
        return np.asarray(
            -30 + np.tanh(latents / 3) @ paths.reshape(3, -1) * 2, np.float32
        ).reshape(-1, *paths.shape[1:])

    return decoded


@pytest.fixture(scope="module")
def latents() -> Floats:
    random = np.random.default_rng(0)
    return (random.normal(size=(COUNT, 3)) * [3, 1, 1]).astype(np.float32)


def test_the_metric_tells_how_far_the_sound_goes(decode: Decode, latents: Floats) -> None:
    heard = decode_sounds(latents, decode)
    assert heard.sounds.shape[0] == COUNT and heard.roots.shape == (COUNT, 3, 3)
    step = np.array([0.01, -0.02, 0.015], np.float32)
    change = decode(latents + step) - decode(latents)
    expected = np.sqrt((change.astype(np.float64) ** 2).mean(axis=(1, 2)))
    reported = np.linalg.norm(heard.roots @ step, axis=1)
    np.testing.assert_allclose(reported, expected, rtol=0.05)


def test_a_finger_finds_it_less_steep_than_before(
    decode: Decode, latents: Floats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learned_map, "ROUNDS", 4)  # of twelve: it need not be the best map
    heard = decode_sounds(latents, decode)
    start = learned_map._normalised(tsne(latents, 0).astype(np.float64))
    positions = flatten_slopes(start.astype(np.float32), latents, heard)
    glides = learned_map._glides(np.random.default_rng(7), COUNT, 3000)
    z = latents.astype(np.float64)
    before, after = (
        slopes(p.astype(np.float64), z, heard.roots, glides, 3.0) for p in (start, positions)
    )
    assert np.percentile(after, 99) < 0.5 * np.percentile(before, 99)
    assert after.mean() < before.mean()


def test_the_seed_repeats_the_map(
    decode: Decode, latents: Floats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learned_map, "ROUNDS", 2)
    plane = learn_map(latents, decode, 3)
    assert plane.shape == (COUNT, 2) and plane.dtype == np.float32 and np.isfinite(plane).all()
    np.testing.assert_array_equal(plane, learn_map(latents, decode, 3))


@pytest.mark.parametrize("count", [1, 3, 4, 5])
def test_few_sounds_and_sounds_all_the_same_have_a_map(
    decode: Decode, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(learned_map, "ROUNDS", 2)
    few = np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)
    for some in (few, np.full((count, 3), 0.5, np.float32), np.repeat(few, 3, axis=0)):
        plane = learn_map(some, decode)
        assert plane.shape == (len(some), 2) and np.isfinite(plane).all()


def test_of_too_many_sounds_some_are_mapped_and_the_others_lie_among_them(
    decode: Decode, latents: Floats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learned_map, "MOST", 12)
    monkeypatch.setattr(learned_map, "ROUNDS", 2)
    plane = learn_map(latents, decode)
    some = np.linspace(0, COUNT - 1, 12).astype(int)
    np.testing.assert_allclose(plane[some], learn_map(latents[some], decode), rtol=1e-5, atol=1e-4)
