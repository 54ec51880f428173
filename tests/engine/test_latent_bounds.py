"""The box that limits every latent on its way to the decoder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from latentpad.engine.latent_bounds import REACH, LatentBounds
from latentpad.engine.plane import Plane
from latentpad.models.packs.pack import SHIPPED, load

anchor = st.floats(-1e9, 1e9, width=32)
anything = st.floats(allow_nan=True, allow_infinity=True)


@given(
    st.tuples(st.integers(1, 12), st.integers(1, 5)).flatmap(
        lambda shape: arrays(np.float32, shape, elements=anchor)
    ),
    st.data(),
)
def test_whatever_is_asked_is_finite_as_float32_and_no_anchor_is_moved(
    latents: NDArray[np.float32], data: st.DataObject
) -> None:
    bounds = LatentBounds.of(latents)
    np.testing.assert_array_equal(bounds.clip(latents).astype(np.float32), latents)
    asked = data.draw(arrays(np.float64, latents.shape[1:], elements=anything))
    held = bounds.clip(asked)
    assert np.isfinite(held.astype(np.float32)).all()
    assert (bounds.low <= held).all() and (held <= bounds.high).all()
    inside = (bounds.low <= asked) & (asked <= bounds.high)
    np.testing.assert_array_equal(held[inside], asked[inside])


def normal(count: int, deviation: list[float], mean: float = 0.0) -> NDArray[np.float32]:
    drawn = np.random.default_rng(0).normal(size=(count, len(deviation)))
    drawn = (drawn - drawn.mean(axis=0)) / drawn.std(axis=0)
    return (mean + drawn * deviation).astype(np.float32)


@pytest.mark.parametrize(
    ("latents", "reach"),
    [
        (normal(100, [1.0, 2.0]), [REACH, 2 * REACH]),
        (normal(100, [300.0, 5.0], 1000.0), [300 * REACH, 5 * REACH]),
        (normal(100, [0.01, 0.02]), [0.02 * REACH, 0.02 * REACH]),  # a pack of small numbers
        (normal(100, [1.5, 0.001]), [1.5 * REACH, REACH]),  # the second is never used
        (np.full((1, 2), 7.0, np.float32), [REACH, REACH]),
        (np.full((9, 2), 0.1, np.float32), [REACH, REACH]),
    ],
)
def test_a_latent_may_go_ten_deviations_of_its_own_or_of_what_the_decoder_knows(
    latents: NDArray[np.float32], reach: list[float]
) -> None:
    bounds = LatentBounds.of(latents)
    np.testing.assert_allclose(bounds.middle, latents.mean(axis=0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(bounds.high - bounds.middle, reach, rtol=1e-4)
    np.testing.assert_allclose(bounds.middle - bounds.low, reach, rtol=1e-4)


@pytest.mark.parametrize("name", ["footsteps", "oneshots"])
def test_every_plane_of_a_shipped_pack_lies_well_within(name: str) -> None:
    pack = load(SHIPPED / name)
    latents = pack.anchors.latents
    bounds = LatentBounds.of(latents)
    raw = Plane.raw(latents)
    corners = raw.from_pad([[0.0, 0.0], [1.0, 1.0]])
    assert (bounds.low[:2] < corners[0]).all() and (corners[1] < bounds.high[:2]).all()
