"""A surface as a session of Open Stage Control.

Widgets have its own names and properties. A widget sends its value to its address, and shows what
comes from there. What a property leaves out has its default.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from latentpad.controllers.layouts import surface as s
from latentpad.engine.parameters import FINGERS

VERSION = "1.25.0"
"""The oldest version whose properties these are: later ones change nothing of them."""

RECEIVE_PORT = 8080
"""The UDP port that Open Stage Control receives on, unless it is started with another."""

TEXT = 0.45  # height of a line that only shows, where that of a line to touch is 1

Widget = dict[str, Any]


def session(surface: s.Surface) -> str:
    """The session, as its JSON file has it."""
    numbered = _Numbered()
    left = [numbered.lines(surface.status, "status", expand=1), _pad()]
    tabs = [
        {**numbered.lines(page.lines, page.name), "type": "tab", "label": page.name}
        for page in surface.pages
    ]
    root = {
        "type": "root",
        "id": "root",
        "layout": "horizontal",
        "widgets": [
            _panel("left", "vertical", left, expand=3),
            {"type": "panel", "id": "pages", "expand": 2, "tabs": tabs},
        ],
    }
    saved = {
        "createdWith": "Open Stage Control", "version": VERSION, "type": "session", "content": root
    }  # fmt: skip
    return json.dumps(saved, indent=1, ensure_ascii=False) + "\n"


def _pad() -> Widget:
    """Each finger moves the nearest free point. The scripts send what has changed."""
    return {
        "type": "multixy",
        "id": "pad",
        "expand": 7,
        "points": [str(n) for n in range(1, FINGERS + 1)],
        "snap": True,
        "decimals": 4,
        "bypass": True,
        "onValue": _script("points.js"),
        "onTouch": _script("touch.js"),
    }


def _script(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _panel(id: str, layout: str, widgets: Sequence[Widget], expand: float) -> Widget:
    return {
        "type": "panel",
        "id": id,
        "layout": layout,
        "expand": expand,
        "scroll": False,
        "widgets": list(widgets),
    }


class _Numbered:
    """Makes widgets whose ids are unlike: those with one id would follow each other."""

    def __init__(self) -> None:
        self._made = 0

    def _id(self) -> str:
        self._made += 1
        return f"widget{self._made}"

    def lines(self, lines: Sequence[s.Line], id: str, expand: float = 1) -> Widget:
        """A panel of lines below one another."""
        rows = [
            _panel(self._id(), "horizontal", [*map(self._shown, line)], _height(line))
            for line in lines
        ]
        return _panel(id, "vertical", rows, expand)

    def _shown(self, control: s.Control) -> Widget:
        """The widget of a control; its name stands beside what has no place for one."""
        widget = {"id": self._id(), "expand": 2, **_widget(control)}
        if isinstance(control, s.Fader | s.Meter | s.Choice):
            name = {"type": "text", "id": self._id(), "expand": 1, "default": control.caption}
            return _panel(self._id(), "horizontal", [name, widget], expand=1)
        return widget


def _height(line: s.Line) -> float:
    match line:
        case (s.Choice(_, _, names),):
            return math.ceil(len(names) / s.COLUMNS)
    return TEXT if all(isinstance(control, s.Readout) for control in line) else 1.0


def _widget(control: s.Control) -> Widget:
    bar: Widget = {"type": "fader", "design": "compact", "horizontal": True}
    kind: Widget
    match control:
        case s.Fader(_, address, low, high, value, whole):
            kind = {"typeTags": "i", "decimals": 0} if whole else {"decimals": 4}
            span = {"min": low, "max": high}
            return {**bar, "address": address, "range": span, "default": value, **kind}
        case s.Meter(_, address, place, low, high):
            shown = _argument(address, place)
            span = {"min": low, "max": high}
            return {**bar, "range": span, "value": shown, "interaction": False, "bypass": True}
        case s.Switch(caption, address, on):
            kind = {"type": "button", "label": caption, "typeTags": "i"}
            return {**kind, "address": address, "default": int(on)}
        case s.Choice(_, address, names, name):
            layout = {"type": "switch", "layout": "grid", "gridTemplate": s.COLUMNS}
            return {**layout, "address": address, "values": list(names), "default": name}
        case s.Trigger(caption, address, ()):
            return {"type": "button", "mode": "momentary", "label": caption, "address": address}
        case s.Trigger(caption, address, (argument,)):
            kind = {"type": "button", "mode": "tap", "label": caption, "address": address}
            return {**kind, "on": argument, "typeTags": "i" if isinstance(argument, int) else "s"}
        case s.Readout(address, place, text):
            return {"type": "text", "default": text, "value": _argument(address, place)}
    raise AssertionError(control)


def _argument(address: str, place: int) -> str:
    """One argument of what is received: Open Stage Control gives a lone one as itself, several as
    an array."""
    return f"#{{[].concat(OSC{{{address}}})[{place}]}}"
