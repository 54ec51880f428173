from __future__ import annotations

import itertools

import py2tosc
import pytest
from py2tosc import Control, Document, PartialType

from latentpad.controllers.layouts import touchosc
from latentpad.controllers.layouts.touchosc import PHONE, TABLET, Shape
from latentpad.engine.parameters import FINGERS, GLOBAL
from tests.controllers.layouts import shown

SHAPES = pytest.mark.parametrize("shape", [PHONE, TABLET], ids=["phone", "tablet"])
LEAST = 44  # points: Apple's least size of what is touched; Google's is 48 dp, of a finer grid
TOUCHED = ("BUTTON", "FADER", "XY")


def document(shape: Shape, preset: str = "walk") -> Document:
    return touchosc.document(shown.of_preset(preset), shape)


@SHAPES
@pytest.mark.parametrize("preset", ["walk", "kit"])
def test_the_file_validates_and_is_read_again_as_the_same_tree(shape: Shape, preset: str) -> None:
    assert document(shape, preset).validate() == []
    file = touchosc.tosc(shown.of_preset(preset), shape)
    again = py2tosc.loads(file)
    assert again.validate() == []
    assert plain(again.root) == plain(document(shape, preset).root)


def plain(control: Control) -> object:
    """All of a control but its id, which is another one each time."""
    properties = {key: (kept.type, kept.value) for key, kept in control.properties.items()}
    children = [plain(child) for child in control.children]
    return control.control_type, properties, control.values, control.messages, children


@SHAPES
def test_whatever_is_touched_is_large_enough_for_a_finger(shape: Shape) -> None:
    small = [
        (control.get("name"), control.frame)
        for control in document(shape).walk()
        if control.control_type.value in TOUCHED and control.interactive
        if min(control.frame.w, control.frame.h) < LEAST
    ]
    assert small == []


@SHAPES
def test_nothing_overlaps_and_nothing_reaches_beyond_its_group(shape: Shape) -> None:
    """But the ten XYs of the pad, a control and its caption, and the pages of the pager."""
    for group in document(shape).walk():
        for child in group.children:
            x, y, w, h = child.frame
            assert x >= 0 and x + w <= group.frame.w and y >= 0 and y + h <= group.frame.h
        types = [child.control_type.value for child in group.children]
        if group.control_type.value == "PAGER" or types == ["XY"] * FINGERS:
            continue
        if len(types) == 2 and types[0] in TOUCHED and types[1] == "LABEL":
            assert not group.children[1].interactive
            continue
        for one, other in itertools.combinations(group.children, 2):
            assert apart(one, other), (group.get("name"), one, other)


def default(control: Control, key: str) -> bool | float | str:
    value = control.value(key)
    assert value is not None
    return value.default


def apart(one: Control, other: Control) -> bool:
    a, b = one.frame, other.frame
    return a.x + a.w <= b.x or b.x + b.w <= a.x or a.y + a.h <= b.y or b.y + b.h <= a.y


@SHAPES
def test_names_fit_into_their_controls(shape: Shape) -> None:
    for label in document(shape).find_all(type="LABEL"):
        text = str(default(label, "text"))
        assert len(text) * 0.5 * label.get("textSize") <= label.frame.w, text


@SHAPES
def test_ten_fingers_lie_on_one_another_with_the_first_on_top(shape: Shape) -> None:
    pad = document(shape).find("pad")
    assert pad is not None
    assert [child.get("name") for child in pad] == [f"finger{n}" for n in range(FINGERS, 0, -1)]
    assert len({child.frame for child in pad}) == 1
    assert min(pad.frame.w, pad.frame.h) >= 0.45 * max(shape.width, shape.height)
    for child, n in zip(pad, range(FINGERS, 0, -1), strict=True):
        place, touch = shown.osc(child)
        assert shown.address(place) == f"/pad/{n}/xy"
        assert [(t.var, str(t.condition)) for t in place.triggers] == [("x", "ANY"), ("y", "ANY")]
        assert [part.value for part in place.arguments] == ["x", "y"]
        assert shown.address(touch) == f"/pad/{n}/touch"
        assert [(t.var, str(t.condition)) for t in touch.triggers] == [("touch", "ANY")]


@SHAPES
def test_a_button_that_makes_something_happen_sends_only_when_it_is_pressed(shape: Shape) -> None:
    pressed = {}
    for control, message in shown.messages(document(shape)):
        if control.control_type.value == "BUTTON" and control.get("buttonType") == 0:
            assert [(t.var, str(t.condition)) for t in message.triggers] == [("x", "RISE")]
            assert not message.receive
            pressed[shown.address(message)] = [part.value for part in message.arguments]
    assert {"/panic", "/preset/walk", "/preset/next", "/snapshot/8/recall"} <= set(pressed)
    assert {"/mode/shot", "/expander/lattice", "/plane/learned"} <= set(pressed)
    assert pressed.pop("/sync") == ["9001"]
    assert not any(pressed.values())


@SHAPES
def test_what_only_shows_never_sends(shape: Shape) -> None:
    received = set()
    for control, message in shown.messages(document(shape)):
        if control.control_type.value == "LABEL" or not control.interactive:
            assert message.receive and not message.send
            assert message.triggers == []
            received.add(shown.address(message))
    assert {"/anchor/near", "/preset", "/mode", "/meter/peak", "/meter/limiter"} <= received


def test_the_right_meter_and_the_sounds_name_skip_the_arguments_before_theirs() -> None:
    taken = [
        [(part.type, part.value) for part in message.arguments]
        for _, message in shown.messages(document(PHONE))
        if shown.address(message) in ("/meter/peak", "/anchor/near")
    ]
    skipped = (PartialType.PROPERTY, "tag")
    x, text = (PartialType.VALUE, "x"), (PartialType.VALUE, "text")
    assert taken == [[skipped, text], [skipped, skipped, text], [x], [skipped, x]]


@SHAPES
def test_every_row_of_the_table_is_there_once(shape: Shape) -> None:
    sent = {shown.address(message) for _, message in shown.messages(document(shape))}
    for row in GLOBAL:
        if row.kind == "choice":
            assert f"{row.address}/{row.choices[0]}" in sent
        elif row.kind != "axis":
            assert (row.address in sent) != (f"/n{row.address}" in sent), row.address


def test_a_fader_is_scaled_in_its_message_and_stands_at_the_presets_value() -> None:
    (fader,) = document(PHONE, "drone").find_all("loop start", type="FADER")
    (message,) = shown.osc(fader)
    (argument,) = message.arguments
    row = next(row for row in GLOBAL if row.address == "/loop/start")
    assert (argument.scale_min, argument.scale_max) == (row.low, row.high)
    (morph,) = document(PHONE, "walk").find_all("morph", type="FADER")
    row = next(row for row in GLOBAL if row.address == "/morph")
    assert row.from_unit(float(default(morph, "x"))) == pytest.approx(0.06)


def test_only_planes_that_the_pack_has_can_be_chosen() -> None:
    sent = {shown.address(message) for _, message in shown.messages(document(PHONE))}
    assert {name for name in sent if name.startswith("/plane/")} == {
        "/plane/raw", "/plane/principal", "/plane/map", "/plane/learned", "/plane/descriptors",
        "/plane/auto",
    }  # fmt: skip
