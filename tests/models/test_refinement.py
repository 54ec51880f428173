"""Latents are moved to where the decoder makes their sounds."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from latentpad.models import reconstruction, vae
from latentpad.models.refinement import BATCH, Refinement
from latentpad.models.representation import Floats, Representation

SHORT = Representation(sample_rate=16000, n_fft=256, hop=64, frames=24)


@pytest.fixture(scope="module")
def decoder() -> Any:
    keras.utils.set_random_seed(3)
    made = vae.build(SHORT, 6, width=24, hidden=24, seed_channels=8)[1]
    for layer in made.layers:  # so that latents are heard
        layer.set_weights([3 * weights for weights in layer.get_weights()])
    return made


@pytest.fixture(scope="module")
def places() -> Floats:
    return np.random.default_rng(0).normal(size=(BATCH + 5, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def sounds(decoder: Any, places: Floats) -> Floats:
    return np.asarray(decoder(places))


def errors(decoder: Any, latents: Floats, sounds: Floats) -> Any:
    return np.asarray(reconstruction.errors(sounds, np.asarray(decoder(latents)), 90.0))


def test_a_sound_that_the_decoder_can_make_is_made_nearly_exactly(
    decoder: Any, places: Floats, sounds: Floats
) -> None:
    start = places + np.random.default_rng(1).normal(0, 0.3, places.shape).astype(np.float32)
    refined = Refinement(decoder, SHORT, 50)(start, sounds)
    before, after = errors(decoder, start, sounds), errors(decoder, refined, sounds)
    assert (after <= before).all() and after.mean() < 0.2 * before.mean()


def test_a_place_does_not_depend_on_the_sounds_beside_it(
    decoder: Any, places: Floats, sounds: Floats
) -> None:
    start = places + np.float32(0.1)
    refinement = Refinement(decoder, SHORT, 10)
    whole = refinement(start, sounds)
    chosen = [BATCH + 2, 3]
    beside_none = refinement(start[chosen], sounds[chosen])
    np.testing.assert_allclose(beside_none, whole[chosen], atol=1e-5)  # rounding
    again = Refinement(decoder, SHORT, 10)(start, list(sounds))
    np.testing.assert_array_equal(again, whole)


def test_what_cannot_be_improved_stays_where_it_is(
    decoder: Any, places: Floats, sounds: Floats
) -> None:
    np.testing.assert_array_equal(Refinement(decoder, SHORT, 5)(places, sounds), places)
    unheard = np.full_like(sounds[:3], np.nan)
    np.testing.assert_array_equal(Refinement(decoder, SHORT, 5)(places[:3], unheard), places[:3])


def test_no_steps_change_nothing_and_the_decoder_is_never_changed(
    decoder: Any, places: Floats, sounds: Floats
) -> None:
    weights = [np.array(w) for w in decoder.get_weights()]
    start = places + np.float32(0.1)
    np.testing.assert_array_equal(Refinement(decoder, SHORT, 0)(start, sounds), start)
    moved = Refinement(decoder, SHORT, 3)(start, sounds)
    assert not np.array_equal(moved, start)
    for before, after in zip(weights, decoder.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert all(layer.trainable for layer in decoder.layers)
