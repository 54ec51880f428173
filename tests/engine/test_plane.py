"""The pad's plane: every anchor is on the pad, and known and unknown coordinates lose nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from latentpad.engine.plane import Plane, default_axes

latents = st.tuples(st.integers(1, 12), st.integers(2, 6)).flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.floats(-8, 8, width=32))
)


def gaussian(anchors: int, dimension: int, seed: int = 0) -> NDArray[np.float32]:
    widths = np.linspace(2, 0.5, dimension)
    return (np.random.default_rng(seed).normal(size=(anchors, dimension)) * widths).astype("f4")


def planes(z: NDArray[np.float32]) -> list[Plane]:
    coordinates = np.random.default_rng(1).normal(size=(len(z), 2)) * (30, 5)
    return [Plane.raw(z, (1, 0)), Plane.principal(z), Plane.mapped(z, coordinates, "t-SNE")]


@settings(max_examples=50)
@given(latents)
def test_an_anchor_taken_apart_and_assembled_is_itself(z: NDArray[np.float32]) -> None:
    for plane in planes(z):
        again = plane.assemble(plane.known, plane.unknown)
        assert again.dtype == np.float32
        np.testing.assert_allclose(again, z, rtol=1e-6, atol=1e-5)


@settings(max_examples=50)
@given(latents)
def test_every_anchor_is_reachable_on_the_pad(z: NDArray[np.float32]) -> None:
    for plane in planes(z):
        xy = plane.to_pad(plane.known)
        assert xy.min() >= 0 and xy.max() <= 1
        np.testing.assert_allclose(plane.from_pad(xy), plane.known, rtol=1e-9, atol=1e-9)


def test_the_pad_spans_the_anchors_and_a_small_margin() -> None:
    for plane in planes(gaussian(100, 5)):
        xy = plane.to_pad(plane.known)
        np.testing.assert_allclose(xy.min(axis=0), xy.min(), rtol=1e-6)
        assert 0.01 < xy.min() < 0.1 and 0.9 < xy.max() < 0.99
        np.testing.assert_allclose(plane.from_pad([[0, 0], [1, 1]]), [plane.low, plane.high])


def test_raw_axes_are_the_chosen_latents_in_the_order_chosen() -> None:
    z = gaussian(20, 5)
    plane = Plane.raw(z, (3, 1))
    np.testing.assert_array_equal(plane.known, z[:, [3, 1]])
    np.testing.assert_array_equal(plane.unknown, z[:, [0, 2, 4]])
    np.testing.assert_array_equal(plane.assemble(plane.known, plane.unknown), z)


def test_with_two_latents_nothing_is_unknown() -> None:
    z = gaussian(9, 2)
    for plane in (Plane.raw(z), Plane.principal(z)):
        assert plane.unknown.shape == (9, 0)
        np.testing.assert_allclose(plane.assemble(plane.known, plane.unknown), z, atol=1e-6)


def test_principal_axes_are_the_widest_and_keep_distances() -> None:
    z = gaussian(300, 6)
    plane = Plane.principal(z)
    assert plane.known.var(axis=0).min() > plane.unknown.var(axis=0).max()
    turned = np.hstack([plane.known, plane.unknown])
    np.testing.assert_allclose(
        np.linalg.norm(turned[1:] - turned[:-1], axis=1),
        np.linalg.norm(z[1:] - z[:-1], axis=1),
        rtol=1e-5,
    )


def test_principal_axes_do_not_mirror_when_the_anchors_are_reordered() -> None:
    z = gaussian(300, 6)
    order = np.random.default_rng(2).permutation(300)
    np.testing.assert_allclose(
        Plane.principal(z[order]).known, Plane.principal(z).known[order], atol=1e-6
    )


def test_a_map_is_scaled_to_the_latents_root_mean_square() -> None:
    z = gaussian(200, 6) + 3
    for size in (1e-6, 1, 1e6):
        plane = Plane.mapped(z, size * gaussian(200, 2, seed=3), "map")
        np.testing.assert_allclose(np.mean(plane.known**2), z.var(axis=0).mean(), rtol=1e-5)
        np.testing.assert_array_equal(plane.unknown, z)


def test_on_a_map_all_of_the_latent_is_unknown() -> None:
    plane = Plane.mapped(gaussian(10, 4), gaussian(10, 2), "map")
    z = gaussian(3, 4, seed=5)
    np.testing.assert_array_equal(plane.assemble(np.full((3, 2), 99.0), z), z)


@settings(max_examples=50)
@given(arrays(np.float32, (9, 2), elements=st.floats(-1e6, 1e6, width=32)))
def test_descriptors_keep_their_order_and_take_equal_room(values: NDArray[np.float32]) -> None:
    pad = Plane.described(gaussian(9, 4), values, "descriptors")
    for value, position in zip(values.T, pad.to_pad(pad.known).T, strict=True):
        order = np.argsort(value, kind="stable")
        for i, j in itertools.pairwise(order):
            assert (position[j] - position[i] > 1e-6) == (value[j] > value[i])


def test_an_outlier_takes_no_more_room_than_another() -> None:
    values = gaussian(100, 2)
    plain = Plane.described(gaussian(100, 4), values, "d").known
    values[values[:, 0].argmax()] *= 1e6
    np.testing.assert_allclose(
        Plane.described(gaussian(100, 4), values, "d").known[:, 0], plain[:, 0]
    )
    steps = np.diff(np.sort(plain[:, 0]))
    np.testing.assert_allclose(steps, steps[0])


def test_descriptors_all_the_same_lie_in_the_middle() -> None:
    plane = Plane.described(gaussian(5, 4), np.ones((5, 2)), "d")
    np.testing.assert_allclose(plane.to_pad(plane.known), 0.5)


def test_a_dead_axis_gets_a_span_of_one() -> None:
    z = gaussian(10, 4)
    z[:, 1] = 2.5
    plane = Plane.raw(z)
    np.testing.assert_allclose(plane.to_pad(plane.known)[:, 1], 0.5)
    assert plane.from_pad([[0.5, 1.0]])[0, 1] - plane.from_pad([[0.5, 0.0]])[0, 1] == pytest.approx(
        1.1
    )


def test_a_plane_of_one_anchor_has_it_in_the_middle() -> None:
    for plane in planes(gaussian(1, 4)):
        np.testing.assert_allclose(plane.to_pad(plane.known), 0.5)


def test_the_plane_keeps_its_own_read_only_arrays() -> None:
    z = gaussian(10, 4)
    plane = Plane.raw(z)
    with pytest.raises(ValueError, match="read-only"):
        plane.unknown[0] = 0
    z.flags.writeable = True
    assert plane.dimension == 4


def test_default_axes_are_the_two_most_informative() -> None:
    assert default_axes([0.1, 3.0, 0.0, 1.5]) == (1, 3)
    assert default_axes([1.0, 1.0, 1.0]) == (0, 1)
    with pytest.raises(ValueError, match="two latents"):
        default_axes([1.0])


@pytest.mark.parametrize("axes", [(0, 0), (0, 4), (-1, 0), (2,), ()])
def test_axes_that_are_no_plane_are_refused(axes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="two or more different latents from 0 to 3"):
        Plane.raw(gaussian(5, 4), axes)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_anchor_that_is_not_finite_is_named(bad: float) -> None:
    z = gaussian(5, 4)
    z[3, 2] = bad
    with pytest.raises(ValueError, match="anchor 3 is not finite"):
        Plane.raw(z)
    with pytest.raises(ValueError, match="coordinates: anchor 3"):
        Plane.mapped(gaussian(5, 4), z[:, 2:], "map")
    with pytest.raises(ValueError, match="descriptors: anchor 3"):
        Plane.described(gaussian(5, 4), z[:, 2:], "descriptors")


def test_tables_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="give a table"):
        Plane.raw(np.zeros(4))
    with pytest.raises(ValueError, match="give a table"):
        Plane.raw(np.zeros((0, 4)))
    with pytest.raises(ValueError, match="one dimension"):
        Plane.principal(np.zeros((5, 1)))
    with pytest.raises(ValueError, match=r"give \(5, 2\)"):
        Plane.mapped(gaussian(5, 4), gaussian(6, 2), "map")
