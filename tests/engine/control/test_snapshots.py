"""Snapshots contain what the pad points at, which glides as other numbers do."""

from __future__ import annotations

import numpy as np
import pytest

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import NOBODY
from tests.engine.control.test_instrument import DAW, PHONE, Desk

START, END = (0.0, 1.0, -1.0, 2.0), (1.0, 0.0, -1.0, -2.0)


@pytest.fixture
def desk() -> Desk:
    """An instrument whose finger 1 holds a loop, voice 0."""
    desk = Desk()
    desk.send("/pad/1/touch", 1)
    return desk


def after(desk: Desk, seconds: float) -> None:
    desk.now += seconds
    desk.instrument.tick()


def test_a_latent_comes_back(desk: Desk) -> None:
    desk.send("/latent", *END)
    desk.send("/snapshot/1/store")
    desk.send("/pad/xy", 0.9, 0.1)
    desk.send("/snapshot/1/recall")
    assert desk.instrument.args_of("/latent") == END
    assert desk.board.origin[0] == b.LATENT
    np.testing.assert_array_equal(desk.board.latents[0, :4], END)


def test_weights_come_back_and_those_that_were_0_become_0(desk: Desk) -> None:
    desk.send("/lattice/2", 0.5)
    desk.send("/lattice/3", -0.25)
    desk.send("/snapshot/1/store")
    desk.send("/lattice/2", 0.75)
    desk.send("/lattice/3", 0)
    desk.send("/lattice/4", 1)
    desk.send("/pad/xy", 0.9, 0.1)
    desk.send("/snapshot/1/recall")
    weights = [desk.instrument.args_of(f"/lattice/{k}") for k in (2, 3, 4)]
    assert weights == [(0.5,), (-0.25,), (0.0,)]
    assert desk.board.origin[0] == b.LATTICE


def test_the_point_holds_again_where_it_held(desk: Desk) -> None:
    desk.send("/pad/xy", 0.2, 0.3)
    desk.send("/snapshot/1/store")
    desk.send("/latent", *END)
    desk.send("/snapshot/1/recall")
    assert desk.board.origin[0] == b.POINT
    assert desk.board.points[0].tolist() == [0.2, 0.3]
    assert desk.instrument.args_of("/latent") == ()


def test_an_anchor_that_was_jumped_to_comes_back(desk: Desk) -> None:
    desk.send("/anchor/6")
    desk.send("/snapshot/1/store")
    desk.send("/anchor/3")
    desk.send("/snapshot/1/recall")
    assert desk.board.points[0].tolist() == [0.6, 0.25]
    assert desk.board.latents[0, :4].tolist() == [6.0] * 4 and desk.board.origin[0] == b.LATENT


def test_an_original_comes_back_with_its_mode(desk: Desk) -> None:
    desk.send("/mode", "original")
    desk.send("/anchor/6")
    desk.send("/snapshot/1/store")
    desk.send("/mode", "loop")
    desk.send("/latent", *END)
    desk.send("/snapshot/1/recall")
    assert desk.board.origin[0] == b.ORIGINAL and desk.board.points[0].tolist() == [0.6, 0.25]


def test_a_latent_that_comes_with_another_mode_holds(desk: Desk) -> None:
    desk.send("/mode", "shot")
    desk.send("/latent", *END)
    desk.send("/snapshot/1/store")
    desk.send("/mode", "loop")
    desk.send("/latent", *END)
    desk.send("/snapshot/1/recall")
    assert desk.instrument.args_of("/latent") == END and desk.board.origin[0] == b.LATENT


def test_latents_glide_to_latents(desk: Desk) -> None:
    desk.send("/latent", *END)
    desk.send("/snapshot/1/store")
    desk.send("/latent", *START)
    desk.send("/snapshot/1/recall", 2)
    for share in (0.25, 0.5, 0.75):
        after(desk, 0.5)
        glide = [s + share * (e - s) for s, e in zip(START, END, strict=True)]
        np.testing.assert_allclose(desk.board.latents[0, :4], glide, atol=0.01)
    after(desk, 0.5)
    assert desk.instrument.args_of("/latent") == END


def test_weights_glide_to_weights(desk: Desk) -> None:
    desk.send("/lattice/2", 1)
    desk.send("/snapshot/1/store")
    desk.send("/lattice/2", 0)
    desk.send("/lattice/5", -1)
    desk.send("/snapshot/1/recall", 2)
    after(desk, 1)
    shares = [desk.instrument.args_of(f"/lattice/{k}")[0] for k in (2, 5)]
    assert shares == pytest.approx([0.5, -0.5], abs=0.01)
    after(desk, 1)
    assert desk.instrument.state().pad.weights == {2: 1.0}


def test_what_is_pointed_by_another_thing_switches_at_the_end(desk: Desk) -> None:
    desk.send("/pad/xy", 0.2, 0.3)
    desk.send("/snapshot/1/store")
    desk.send("/latent", *END)
    desk.send("/pad/2/xy", 0.5, 0.5)
    desk.send("/snapshot/1/recall", 2)
    after(desk, 1.9)
    assert desk.board.origin[0] == b.LATENT
    after(desk, 0.2)
    assert desk.board.origin[0] == b.POINT and desk.board.points[0].tolist() == [0.2, 0.3]


@pytest.mark.parametrize(
    ("address", "args"),
    [("/pad/xy", (0.4, 0.4)), ("/latent", (0.5,) * 4), ("/lattice/1", (0.5,)), ("/anchor/3", ())],
)
def test_a_glide_leaves_the_pad_to_who_points_it_elsewhere(
    desk: Desk, address: str, args: tuple[Argument, ...]
) -> None:
    desk.send("/pitch", 12)
    desk.send("/latent", *END)
    desk.send("/snapshot/1/store")
    desk.send("/pitch", 0)
    desk.send("/latent", *START)
    desk.send("/snapshot/1/recall", 2)
    after(desk, 1)
    desk.send(address, *args, by=DAW)
    pad = desk.instrument.state().pad
    after(desk, 2)
    assert desk.instrument.state().pad == pad
    assert desk.value("/pitch") == (12,)


def test_a_recalled_pad_is_told_as_commands_of_nobody(desk: Desk) -> None:
    desk.send("/latent", *END)
    desk.send("/snapshot/1/store")
    desk.send("/pad/xy", 0.9, 0.1)
    heard = []
    desk.instrument.taps.append(lambda address, args, sender: heard.append((address, sender)))
    desk.send("/snapshot/1/recall")
    assert heard == [("/pad/1/xy", NOBODY), ("/latent", NOBODY)]


def test_a_glide_that_changes_nothing_says_nothing(desk: Desk) -> None:
    desk.send("/lattice/3", 0.5)
    desk.send("/snapshot/1/store")
    heard = []
    desk.instrument.taps.append(lambda *command: heard.append(command))
    desk.send("/snapshot/1/recall", 2)
    for _ in range(4):
        after(desk, 0.6)
    assert heard == []


@pytest.mark.parametrize("pad", [("/latent", *START), ("/lattice/3", 0.5), ("/pad/1/xy", 0.1, 0.9)])
def test_a_recalled_pad_starts_no_sound(pad: tuple[str, *tuple[float, ...]]) -> None:
    desk = Desk()
    desk.send(pad[0], *pad[1:], by=NOBODY)
    desk.send("/snapshot/1/store")
    desk.send("/pad/1/xy", 0.5, 0.5, by=NOBODY)
    desk.send("/snapshot/1/recall", by=PHONE)
    assert desk.kinds() == []
