from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.controllers.learning.targets import target
from latentpad.engine.parameters import ROW, TABLE

ROWS = [row.address.replace("{n}", "2") for row in TABLE if row.size == 1]


@pytest.mark.parametrize(
    ("address", "ends"),
    [
        ("/pad/x", (0, 1)),
        ("/pad/10/y", (0, 1)),
        ("/pad/2/level", (-60, 12)),
        ("/latent/4", (-3, 3)),
        ("/lattice/12", (0, 1)),
        ("/guard", (0, 1)),
        ("/pad/touch", (0, 1)),
    ],
)
def test_a_target_reaches_from_end_to_end(address: str, ends: tuple[float, float]) -> None:
    assert (*target(address).args(0), *target(address).args(1)) == ends


@pytest.mark.parametrize(
    ("address", "kind"),
    [("/pad/xy", "point"), ("/pad/7/xy", "point"), ("/panic", "trigger"), ("/anchor/3", "trigger"),
     ("/snapshot/2/recall", "trigger"), ("/guard", "switch"), ("/gain", "value")],
)  # fmt: skip
def test_the_command_table_says_what_an_address_takes(address: str, kind: str) -> None:
    assert target(address).kind == kind


@given(st.sampled_from(ROWS), st.floats(0, 1))
def test_a_control_stands_where_its_value_brings_it(address: str, position: float) -> None:
    steered = target(address)
    args = steered.args(position)
    (again,) = steered.positions(args)
    assert (
        steered.args(again) == pytest.approx(args)
        if steered.row and (steered.row.kind == "float")
        else steered.args(again) == args
    )


@pytest.mark.parametrize(
    ("curve", "middle"), [("linear", 2.5), ("exponential", 0.237), ("", 0.237)]
)
def test_a_binding_may_have_another_curve(curve: str, middle: float) -> None:
    assert target("/attack", curve).args(0.5) == (pytest.approx(middle, abs=0.001),)
    assert ROW["/attack"].curve


@pytest.mark.parametrize(
    ("address", "meant", "kind"),
    [
        ("/Pad/2/XY", "/pad/2/xy", "point"),
        ("/multixy/3", "/pad/3/xy", "point"),
        ("/pad/2/xy/x", "/pad/2/x", "value"),
        ("/pad/2/z", "/pad/2/touch", "switch"),
        ("/n/gain", "/gain", "value"),
        ("/mode/index", "/mode", "value"),
        ("/mode/shot", "/mode/shot", "trigger"),
        ("/preset/next", "/preset/next", "trigger"),
        ("/preset/wind", "/preset/wind", "trigger"),
        ("/preset/index", "/preset/index", "value"),
    ],
)
def test_an_alias_is_learned_as_what_it_stands_for(address: str, meant: str, kind: str) -> None:
    assert (target(address).address, target(address).kind) == (meant, kind)


def test_a_control_chooses_a_preset_by_its_number() -> None:
    assert [target("/preset/index").args(p) for p in (0, 0.5, 1)] == [(0,), (64,), (127,)]
