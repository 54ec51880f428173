"""Another pack keeps all state that has a meaning there; the rest comes back with the old pack."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.control.pack_limits import PackLimits
from latentpad.engine.parameters import GLOBAL
from latentpad.engine.planes import Planes
from latentpad.models.packs.pack import SHIPPED, Pack, load
from tests.engine.control.test_instrument import DIM, Desk, look_up_anchor
from tests.engine.control.test_state import Step, play, played, steering
from tests.limits import limits

PHONE = Sender("osc 10.0.0.5")


class Two:
    """An instrument that plays one of two packs, with the changes that it tells."""

    def __init__(self, first: Pack, second: Pack) -> None:
        r, self.latents = first.representation, first.latent_dim
        self.board = Board(BoardShape(r.frames, r.bins, r.samples, r.sample_rate))
        self.limits = [
            PackLimits.of(pack, Planes(pack), self.board, name)
            for pack, name in ((first, "first"), (second, "second"))
        ]
        Planes(first).set_defaults(self.board)
        self.instrument = Instrument(self.board, self.limits[0], clock=lambda: 0.0)
        self.told: dict[str, tuple[Argument, ...]] = {}
        self.instrument.listeners.append(lambda a, v, s: self.told.update({a: tuple(v)}))

    def send(self, address: str, *args: Argument) -> None:
        self.instrument.apply(address, args, PHONE)

    def change(self, k: int) -> list[str]:
        self.told.clear()
        with self.instrument.together():
            return self.instrument.change_pack(self.limits[k])

    def values(self) -> dict[str, tuple[Argument, ...]]:
        return dict(self.instrument.values())


@pytest.fixture
def two() -> Two:
    return Two(load(SHIPPED / "footsteps"), load(SHIPPED / "oneshots"))


@given(played)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_state_is_what_it_was_after_another_pack_and_back(steps: list[Step]) -> None:
    desk = Desk()
    first = limits(DIM, ("raw", "principal", "map"), look_up_anchor)
    other = replace(limits(DIM + 3), name="other")
    for step in steps:
        play(desk, step)
    before = steering(desk.instrument)
    with desk.instrument.together():
        desk.instrument.change_pack(other)
    assert desk.instrument.latent_dim == DIM + 3
    assert not np.isin(desk.board.origin, (b.LATENT, b.LATTICE)).any()
    with desk.instrument.together():
        desk.instrument.change_pack(first)
    assert steering(desk.instrument) == before


def test_a_note_keeps_its_point_when_a_latent_that_steers_nothing_comes_back(two: Two) -> None:
    two.send("/latent", *[0.5] * two.latents)
    two.send("/mode", "loop")
    two.send("/note", 60, 100)
    two.send("/mode", "original")
    held = two.board.held != 0
    before = two.board.origin[held].tolist()
    two.change(1)
    two.change(0)
    assert two.board.origin[held].tolist() == before


def test_every_value_that_names_nothing_of_the_pack_is_kept(two: Two) -> None:
    for row in GLOBAL:
        if row.kind == "float" and row.size == 1:
            two.send(row.address, row.low + 0.3 * (row.high - row.low))
    two.send("/expander", "rbf")
    two.send("/pad/3/xy", 0.2, 0.9)
    before = two.values()
    left_out = two.change(1)
    after = two.values()
    changed = {address for address in before if before[address] != after[address]}
    assert changed <= {"/plane", "/axes"}
    assert left_out == []


def test_what_the_new_pack_does_not_have_is_named_and_told_and_comes_back(two: Two) -> None:
    two.send("/plane", "raw")
    two.send("/axes", 3, 1)
    two.send("/lattice/base", 17)
    two.send("/pad/1/touch", 1)
    two.send("/lattice/5", 0.5)
    before = two.values()
    assert two.change(1) == ["/lattice/base 17", "/axes 3 1", "/lattice"]
    assert two.told["/pack"] == ("second",)
    assert two.told["/lattice/base"] == (0,) and two.told["/lattice/5"] == (0.0,)
    assert two.values()["/plane"] == ("raw",)
    assert int(two.board.origin[0]) == b.POINT
    assert two.change(0) == []
    assert two.values() == before
    assert int(two.board.origin[0]) == b.LATTICE
    assert two.told["/axes"] == (3, 1) and two.told["/lattice/5"] == (0.5,)


def test_a_latent_is_used_no_more_and_the_finger_is_followed_again(two: Two) -> None:
    two.send("/pad/1/xy", 0.2, 0.7)
    two.send("/pad/1/touch", 1)
    latent = (1.0, 0.5, 0.25, 2.0, *[0.125] * (two.latents - 4))
    two.send("/latent", *latent)
    requests = int(two.board.requests[0])
    assert two.change(1) == ["/latent"]
    assert int(two.board.requests[0]) > requests
    assert two.board.points[0].tolist() == [0.2, 0.7]
    assert int(two.board.origin[0]) == b.POINT and not two.board.latents.any()
    two.change(0)
    assert two.instrument.args_of("/latent") == latent
    assert tuple(two.board.latents[0, : two.latents].tolist()) == latent


def test_axes_that_are_descriptors_mean_the_same_in_both_packs(two: Two) -> None:
    two.send("/plane", "descriptors")
    two.send("/axes", "depth", "attack")
    assert two.change(1) == []
    assert two.values()["/axes"] == ("depth", "attack")


def test_commands_are_those_of_the_new_pack(two: Two) -> None:
    two.change(1)
    two.send("/latent", *[0.5] * 128)
    two.send("/anchor/1300")
    two.send("/axes", 126, 127)


def test_a_snapshot_of_another_pack_recalls_what_has_a_meaning(two: Two) -> None:
    two.send("/texture", 0.8)
    two.send("/pad/1/xy", 0.1, 0.2)
    two.send("/latent/1", 2.0)
    two.send("/lattice/base", 7)
    two.send("/snapshot/1/store")
    two.change(1)
    two.send("/texture", 0.0)
    two.send("/pad/1/xy", 0.9, 0.9)
    two.send("/snapshot/1/recall")
    values = two.values()
    assert values["/texture"] == (0.8,) and values["/pad/1/xy"] == (0.1, 0.2)
    assert values["/lattice/base"] == (0,)
    assert two.instrument.args_of("/latent") == ()
    two.change(0)
    two.send("/snapshot/1/recall")
    assert two.instrument.args_of("/latent")[0] == 2.0


def test_a_glide_goes_on_with_what_is_no_packs(two: Two) -> None:
    now = [0.0]
    two.instrument._snapshots._clock = lambda: now[0]
    two.send("/latent", *[1.0] * two.latents)
    two.send("/texture", 1.0)
    two.send("/snapshot/1/store")
    two.send("/latent", *[0.0] * two.latents)
    two.send("/texture", 0.0)
    two.send("/snapshot/1/recall", 10.0)
    now[0] = 5.0
    two.change(1)
    two.instrument.tick()
    assert two.values()["/texture"] == (0.5,)
    now[0] = 11.0
    two.instrument.tick()
    assert two.values()["/texture"] == (1.0,)
    assert two.instrument.args_of("/latent") == ()


def test_a_take_gets_the_change_and_what_came_back(two: Two) -> None:
    taken: list[tuple[str, tuple[Argument, ...]]] = []
    two.send("/lattice/base", 17)
    two.change(1)
    two.instrument.taps.append(lambda address, args, sender: taken.append((address, tuple(args))))
    two.change(0)
    assert taken[0] == ("/pack", ("first",))
    assert ("/lattice/base", (17,)) in taken
