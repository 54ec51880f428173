"""From the board's points to latent vectors: glides and planes."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest

from latentpad.engine import board as b
from latentpad.engine.board import Board
from latentpad.engine.decode.background import Background
from latentpad.engine.decode.pointing import Pointing
from latentpad.engine.expanders import Expander, fit
from latentpad.engine.latent_bounds import LatentBounds
from latentpad.engine.parameters import EXPANDERS, METRICS, PLANES
from latentpad.models.packs.pack import Pack
from tests.engine.decode.requests import put


def test_a_new_voice_starts_at_its_finger(footsteps: Pack, board: Board) -> None:
    put(board, "/smooth", 5)
    pointing = Pointing(footsteps, board)
    with board.writing():
        board.points[3] = 0.1, 0.9
        board.starts[3] = 1
    assert pointing.aim(3, 0.0).arrived
    np.testing.assert_array_equal(pointing.point(3), [0.1, 0.9])


def test_a_point_glides_with_its_time_constant_and_arrives(footsteps: Pack, board: Board) -> None:
    put(board, "/smooth", 0.1)
    pointing = Pointing(footsteps, board)
    with board.writing():
        board.points[0] = 0.2, 0.2
    pointing.aim(0, 0.0)
    with board.writing():
        board.points[0] = 0.8, 0.2
    path = []
    for _ in range(400):
        aim = pointing.aim(0, 0.005)
        path.append(float(pointing.point(0)[0]))
        if aim.arrived:
            break
    assert aim.arrived and path[-1] == 0.8
    assert np.all(np.diff(path) > 0)
    assert path[19] == pytest.approx(0.8 - 0.6 * np.exp(-1), abs=0.01)  # after 0.1 s


def test_a_glide_does_not_depend_on_how_often_it_is_looked_at(
    footsteps: Pack, board: Board
) -> None:
    put(board, "/smooth", 0.1)
    ends = []
    for steps in (1, 7, 100):
        pointing = Pointing(footsteps, board)
        with board.writing():
            board.points[0] = 0.2, 0.2
        pointing.aim(0, 0.0)
        with board.writing():
            board.points[0] = 0.8, 0.6
        for _ in range(steps):
            pointing.aim(0, 0.15 / steps)
        ends.append(pointing.point(0).copy())
    np.testing.assert_allclose(ends, [ends[0]] * 3, atol=1e-12)


def test_latents_pass_the_expander_and_the_lattice_mixes(footsteps: Pack, board: Board) -> None:
    pointing = Pointing(footsteps, board)
    latents = footsteps.anchors.latents
    given = np.resize([1, -2, 3, -4], footsteps.latent_dim)
    with board.writing():
        board.origin[0] = b.LATENT
        board.latents[0, : len(given)] = given
    np.testing.assert_array_equal(pointing.aim(0, 0).latent, given)
    with board.writing():
        board.origin[0] = b.LATTICE
    put(board, "/lattice/base", 5)
    np.testing.assert_array_equal(pointing.aim(0, 0).latent, latents[5])
    with board.writing():
        board.lattice_anchor[:2], board.lattice_weight[:2] = (9, 11), (0.5, 0.25)
    mixed = latents[5] + 0.5 * (latents[9] - latents[5]) + 0.25 * (latents[11] - latents[5])
    np.testing.assert_allclose(pointing.aim(0, 0).latent, mixed, atol=1e-5)
    with board.writing():
        board.origin[0] = b.ORIGINAL
    assert (latents == pointing.aim(0, 0).latent).all(axis=1).any()


@pytest.mark.parametrize("value", [3.4e38, 1e308, -1e308, math.inf, -math.inf, math.nan])
def test_whatever_stands_on_the_board_no_latent_leaves_the_packs_bounds(
    footsteps: Pack, board: Board, value: float
) -> None:
    pointing = Pointing(footsteps, board)
    bounds = LatentBounds.of(footsteps.anchors.latents)
    with board.writing():
        board.origin[0] = b.LATENT
        board.latents[0, :4] = 0, value, 1, value
    latents = [pointing.aim(0, 0).latent]
    np.testing.assert_array_equal(latents[0][[0, 2]], [0, 1])
    with board.writing():
        board.origin[0] = b.LATTICE
        board.lattice_anchor[:] = range(b.LATTICE_SLOTS)
        board.lattice_weight[:] = value
    latents.append(pointing.aim(0, 0).latent)
    for z in latents:
        assert z.dtype == np.float32 and np.isfinite(z).all()
        assert (z >= bounds.low.astype(np.float32)).all()
        assert (z <= bounds.high.astype(np.float32)).all()


@pytest.mark.parametrize("guard", [0, 1])
def test_whatever_an_expander_does_no_latent_leaves_the_packs_bounds(
    footsteps: Pack, board: Board, guard: int
) -> None:
    """`multilateration` at its largest scale alone leads a thousand standard deviations away."""
    latents = footsteps.anchors.latents
    bounds = LatentBounds.of(latents)
    put(board, "/guard", guard)
    put(board, "/multilateration/scale", 16)
    put(board, "/focus", 256)
    put(board, "/lattice/base", 1e9)
    pointing = Pointing(footsteps, board)
    for expander in range(len(EXPANDERS)):
        put(board, "/expander", expander)
        for metric in range(len(METRICS)):
            put(board, "/metric", metric)
            for board.points[0] in ((0, 0), (1, 1), (0.5, 0.5), (0, 1)):
                with board.writing():
                    board.starts[0] += 1
                z = pointing.aim(0, 0).latent
                assert (z >= bounds.low.astype(np.float32)).all()
                assert (z <= bounds.high.astype(np.float32)).all()


def test_a_change_of_expander_is_heard_at_the_same_point(footsteps: Pack, board: Board) -> None:
    pointing = Pointing(footsteps, board)
    with board.writing():
        board.points[0] = 0.37, 0.61
    latents = []
    for k in range(len(EXPANDERS)):
        put(board, "/expander", k)
        latents.append(pointing.aim(0, 0).latent)
    assert len(np.unique(np.round(latents, 4), axis=0)) == len(EXPANDERS)
    assert np.isfinite(latents).all()


def test_levels_between_anchors_stay_within_what_is_allowed(footsteps: Pack, board: Board) -> None:
    pointing = Pointing(footsteps, board)
    for point in np.random.default_rng(0).uniform(size=(30, 2)):
        with board.writing():
            board.points[0] = point
            board.starts[0] += 1
        assert -40 <= pointing.aim(0, 0).level <= 6


def test_a_plane_and_axes_that_change_together_are_never_fitted_apart(
    footsteps: Pack, board: Board
) -> None:
    fitted = []

    class Watched(Pointing):
        def fit(self) -> None:
            super().fit()
            fitted.append(self._plane)

    pointing = Watched(footsteps, board)
    with board.writing():
        put(board, "/plane", PLANES.index("raw"))
        put(board, "/axes", 0, 1)
    pointing.aim(0, 0)
    with board.writing():
        put(board, "/axes", 2, 1)
        pointing.aim(0, 0)
        put(board, "/axes", 2, 3)
    pointing.aim(0, 0)
    first, between, after = (plane.known for plane in fitted)
    np.testing.assert_array_equal(first, footsteps.anchors.latents[:, :2])
    np.testing.assert_array_equal(between, first)
    np.testing.assert_array_equal(after, footsteps.anchors.latents[:, 2:4])


def test_a_change_that_is_half_written_moves_no_point_and_is_followed_when_it_is_whole(
    footsteps: Pack, board: Board
) -> None:
    put(board, "/smooth", 0)
    given = np.resize([1, -2, 3, -4], footsteps.latent_dim)
    pointing = Pointing(footsteps, board)
    before = pointing.aim(0, 0).latent
    with board.writing():
        board.origin[0] = b.LATENT
        with board.writing():
            board.lattice_anchor[0], board.lattice_weight[0] = 9, 1.0
        np.testing.assert_array_equal(pointing.aim(0, 0).latent, before)
        with board.writing():
            board.latents[0, : len(given)] = given
    np.testing.assert_array_equal(pointing.aim(0, 0).latent, given)


def test_a_fit_is_given_up_when_another_expander_is_chosen(
    footsteps: Pack, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, finish = threading.Event(), threading.Event()

    def slow(name: str, *args: Any, **options: Any) -> Expander:
        if name == "gaussian":
            begun.set()
            assert finish.wait(60)
        return fit(name, *args, **options)

    pointing = Pointing(footsteps, board, Background())
    pointing.fit()
    monkeypatch.setattr("latentpad.engine.decode.pointing.fit", slow)
    put(board, "/expander", EXPANDERS.index("gaussian"))
    fitting = threading.Thread(target=pointing.fit)
    fitting.start()
    assert begun.wait(60)
    put(board, "/expander", EXPANDERS.index("nearest"))
    fitting.join(60)
    assert not fitting.is_alive() and not finish.is_set()
    with board.writing():
        board.points[0] = 0.4, 0.6
        board.starts[0] = 1
    heard = pointing.aim(0, 0).latent
    assert (footsteps.anchors.latents == heard).all(axis=1).any()
    finish.set()
