"""A surface as a TouchOSC document.

The pad is ten XY controls on one another. TouchOSC's own names are used: a fader's value is `x`,
0...1; the argument of its message scales it to the row's range, both ways.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple

import py2tosc
from py2tosc import (
    AlignH,
    ButtonType,
    Control,
    Conversion,
    CursorDisplay,
    Orientation,
    OscMessage,
    Trigger,
    Value,
    ui,
)

from latentpad.controllers.layouts import surface as s
from latentpad.engine.arguments import Argument
from latentpad.engine.parameters import FINGERS


class Shape(NamedTuple):
    """The size of a document; TouchOSC scales it to the screen. `tall` has the pad on a page, else
    it is beside the pages."""

    width: int
    height: int
    tall: bool


TABLET = Shape(1180, 820, tall=False)
PHONE = Shape(390, 780, tall=True)

TABS = 44  # height of the pages' names
GAP = 4
TEXT = 0.45  # height of a line that only shows, where that of a line to touch is 1

PLAIN, PRESSED, WARNING = "#3d5a6c", "#e0a458", "#a63d40"
HUES = (
    "#e0a458", "#4ea699", "#c8553d", "#7a9e7e", "#5b7db1",
    "#b388b5", "#d9ca6c", "#6cc5d9", "#d98cad", "#9aa0a6",
)  # fmt: skip


def document(surface: s.Surface, shape: Shape) -> py2tosc.Document:
    """The document, with all its frames."""
    status = _lines(surface.status, name="status")
    pages = [_lines(page.lines, name=page.name) for page in surface.pages]
    frame = (0, 0, shape.width, shape.height)
    if shape.tall:
        pages.insert(0, _pad())
        root = ui.column(status, _pager(pages), sizes=(1, 7), gap=GAP, frame=frame)
    else:
        left = ui.column(status, _pad(), sizes=(1, 7), gap=GAP, name="left")
        root = ui.row(left, _pager(pages), sizes=(3, 2), gap=GAP, frame=frame)
    root.name = "latentpad"
    return py2tosc.Document(root=root).resolve()


def tosc(surface: s.Surface, shape: Shape) -> bytes:
    """The document as a `.tosc` file has it."""
    return zlib.compress(document(surface, shape).dumps(validate=True).encode("utf-8"))


def _pager(pages: Sequence[Control]) -> Control:
    return ui.pager(*pages, name="pages", tabbar_size=TABS, text_size_on=12, text_size_off=12)


def _lines(lines: Sequence[s.Line], name: str) -> Control:
    """Lines below one another, those that only show lower than those to touch."""
    lines = [shown for line in lines for shown in _spread(line)]
    rows = [ui.row(*map(_control, line), gap=GAP, name="line") for line in lines]
    heights = [1.0 if any(map(_is_touched, line)) else TEXT for line in lines]
    return ui.column(*rows, sizes=heights, gap=GAP, pad=GAP, name=name)


def _spread(line: s.Line) -> Iterator[s.Line]:
    """A choice is a line that tells what holds, and buttons."""
    match line:
        case (s.Choice(caption, address, names, name),):
            yield (s.Readout("", text=caption), s.Readout(address, text=name))
            yield from s.side_by_side(s.Trigger(name, f"{address}/{name}") for name in names)
        case _:
            yield line


def _is_touched(control: s.Control) -> bool:
    return isinstance(control, s.Fader | s.Switch | s.Trigger)


def _pad() -> Control:
    """Finger 1 is on top. Only the lowest XY draws its ground."""
    script = files(__package__).joinpath("fingers.lua").read_text(encoding="utf-8")
    fingers = [_finger(n) for n in range(FINGERS, 0, -1)]
    fingers[-1].script = script
    fingers[0].background = True
    return ui.stack(*fingers, name="pad", background=False)


def _finger(n: int) -> Control:
    place = ui.osc(
        f"/pad/{n}/xy",
        args=[ui.value("x"), ui.value("y")],
        triggers=[Trigger("x"), Trigger("y")],
    )
    touch = ui.osc(f"/pad/{n}/touch", args=[ui.value("touch")], var="touch", receive=False)
    return py2tosc.xy(
        name=f"finger{n}",
        color=HUES[n - 1],
        background=False,
        lines=False,
        cursor_display=CursorDisplay.ALWAYS if n == 1 else CursorDisplay.ACTIVE,
        values=[*(Value(key, default=0.5) for key in "xy"), _untouched()],
        messages=[place, touch],
    )


def _control(control: s.Control) -> Control:
    match control:
        case s.Fader(caption, address, low, high, value):
            share = (value - low) / (high - low)
            kind = Conversion.INTEGER if control.whole else Conversion.FLOAT
            sent = ui.osc(address, args=[ui.value("x", conversion=kind, scale=(low, high))])
            return _captioned(_bar(caption, share, sent), caption, AlignH.LEFT)
        case s.Meter(caption, address, place, low, high):
            shown = _shown(address, place, ui.value("x", scale=(low, high)))
            bar = _bar(caption, 0.0, shown, interactive=False)
            return _captioned(bar, caption, AlignH.LEFT)
        case s.Switch(caption, address, on):
            sent = ui.osc(address, args=[ui.value("x", conversion=Conversion.INTEGER)])
            return _button(caption, sent, button_type=ButtonType.TOGGLE_PRESS, x=float(on))
        case s.Trigger(caption, address, args):
            constants = [_constant(argument) for argument in args]
            sent = ui.osc(address, args=constants, on="RISE", receive=False)
            return _button(caption, sent, color=WARNING if address == "/panic" else PLAIN)
        case s.Readout(address, place, text):
            if not address:
                return _label(text, AlignH.LEFT)
            target = ui.value("text", conversion=Conversion.STRING)
            return _label(text, AlignH.LEFT, [_shown(address, place, target)])
        case s.Choice():
            raise AssertionError("a choice is spread over lines")


def _shown(address: str, place: int, target: py2tosc.Partial) -> OscMessage:
    """A message that is only received. The arguments before `place` go to the control's tag, which
    nothing shows."""
    skipped = [ui.prop("tag") for _ in range(place)]
    return ui.osc(address, args=[*skipped, target], triggers=[], send=False)


def _constant(argument: Argument) -> py2tosc.Partial:
    number = isinstance(argument, int)
    return ui.const(str(argument), conversion=Conversion.INTEGER if number else Conversion.STRING)


def _bar(name: str, share: float, message: OscMessage, interactive: bool = True) -> Control:
    """A fader from left to right."""
    return py2tosc.fader(
        name=name,
        color=PRESSED if interactive else PLAIN,
        orientation=Orientation.EAST,
        interactive=interactive,
        cursor=interactive,
        grid=False,
        values=[Value("x", default=share), _untouched()],
        messages=[message],
    )


def _button(
    caption: str,
    message: OscMessage,
    *,
    color: str = PLAIN,
    button_type: ButtonType = ButtonType.MOMENTARY,
    x: float = 0.0,
) -> Control:
    button = py2tosc.button(
        name=caption,
        color=color,
        button_type=button_type,
        values=[Value("x", default=x), _untouched()],
        messages=[message],
    )
    return _captioned(button, caption, AlignH.CENTER)


def _captioned(control: Control, caption: str, align: AlignH) -> Control:
    """The control below its name, which takes no touches."""
    return ui.stack(control, _label(caption, align), name=caption, background=False)


def _label(text: str, align: AlignH, messages: Sequence[OscMessage] = ()) -> Control:
    return py2tosc.label(
        name=text or "readout",
        background=False,
        outline=False,
        text_align_h=align,
        values=[Value("text", default=text), _untouched()],
        messages=list(messages),
    )


def _untouched() -> Value:
    return Value("touch", default=False)
