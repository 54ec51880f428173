from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from latentpad.models.representation import Floats
from latentpad.models.training.augmentation import augmented


def sounds(seed: int = 0) -> Floats:
    frames = np.zeros((4, 24, 17), np.float32)
    frames[:, 4:12] = np.random.default_rng(seed).uniform(0.2, 1, (4, 8, 17))
    return frames / frames.max(axis=(1, 2), keepdims=True)


@given(st.integers(0, 1000), st.floats(0, 2))
@settings(max_examples=30)
def test_variants_are_sounds_of_the_same_scale(seed: int, strength: float) -> None:
    varied = augmented(sounds(), np.random.default_rng(seed), strength)
    assert varied.shape == (4, 24, 17)
    assert varied.dtype == np.float32
    np.testing.assert_allclose(varied.max(axis=(1, 2)), 1, atol=1e-5)
    assert varied.min() >= 0


def test_silence_stays_silent() -> None:
    varied = augmented(sounds(), np.random.default_rng(0))
    assert not varied[:, 18:].any()


def test_strength_zero_changes_nothing() -> None:
    np.testing.assert_array_equal(augmented(sounds(), np.random.default_rng(0), 0), sounds())


def test_variants_differ_and_the_seed_repeats_them() -> None:
    first = augmented(sounds(), np.random.default_rng(5))
    assert np.abs(first - sounds()).max() > 0.05
    np.testing.assert_array_equal(first, augmented(sounds(), np.random.default_rng(5)))
