"""Surfaces to look at, and what programs send that show them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from py2tosc import Control, Conversion, Document, OscMessage, Partial, PartialType

from latentpad.controllers.layouts.surface import Surface, surface
from latentpad.controllers.osc.packet import Message
from latentpad.engine.planes import Planes
from latentpad.models.packs.pack import find, load
from latentpad.presets.bank import FACTORY, PresetBank
from latentpad.presets.names import user_folder


@cache
def of_preset(name: str = "walk") -> Surface:
    """The surface of a factory preset and its pack."""
    bank = PresetBank(FACTORY, user_folder() / "none")
    preset = bank.load(name)
    pack = load(find(preset.pack))
    values = {**dict(preset.commands()), "/preset": (name,)}
    labels = [str(label) for label in pack.anchors.labels]
    return surface(values, bank.names(), labels, Planes(pack).names)


def address(message: OscMessage) -> str:
    assert all(part.type is PartialType.CONSTANT for part in message.path)
    return "".join(part.value for part in message.path)


def osc(control: Control) -> list[OscMessage]:
    """A control's messages: it has no others."""
    found = [message for message in control.messages if isinstance(message, OscMessage)]
    assert len(found) == len(control.messages)
    return found


def messages(document: Document) -> Iterator[tuple[Control, OscMessage]]:
    """Every control with each of its messages."""
    yield from ((control, message) for control in document.walk() for message in osc(control))


def touchosc_sends(document: Document) -> Iterator[Message]:
    """What TouchOSC sends when every control is moved to its ends and its middle, or pressed."""
    for control, message in messages(document):
        if not message.send:
            continue
        for position in _positions(control, message):
            args = [_argument(part, position) for part in message.arguments]
            yield Message(address(message), tuple(args))


def _positions(control: Control, message: OscMessage) -> tuple[float, ...]:
    (var, condition), *_ = [(trigger.var, str(trigger.condition)) for trigger in message.triggers]
    if condition == "RISE":
        return (1.0,)
    button = control.control_type.value == "BUTTON"
    return (1.0, 0.0) if button or var == "touch" else (0.0, 0.5, 1.0)


def _argument(part: Partial, position: float) -> Any:
    number: Any = part.value
    if part.type is PartialType.VALUE:
        number = part.scale_min + position * (part.scale_max - part.scale_min)
    match part.conversion:
        case Conversion.INTEGER:
            return round(float(number))
        case Conversion.FLOAT:
            return float(number)
    return str(number)


def widgets(session: str) -> Iterator[dict[str, Any]]:
    """Every widget of a session of Open Stage Control."""
    yield from _below(json.loads(session)["content"])


def _below(widget: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield widget
    for inner in (*widget.get("widgets", ()), *widget.get("tabs", ())):
        yield from _below(inner)


def open_stage_control_sends(session: str) -> Iterator[Message]:
    """What its widgets send, but for those with scripts."""
    for widget in widgets(session):
        if widget.get("bypass") or "address" not in widget:
            continue
        for args in _values(widget):
            yield Message(widget["address"], args)


def _values(widget: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    number = int if widget.get("typeTags") == "i" else float
    match widget["type"], widget.get("mode"):
        case "fader", _:
            low, high = widget["range"]["min"], widget["range"]["max"]
            yield from ((number(value),) for value in (low, (low + high) / 2, high))
        case "switch", _:
            yield from ((name,) for name in widget["values"])
        case "button", "momentary":
            yield ()
        case "button", "tap":
            yield (widget["on"],)
        case "button", None:
            yield from ((1,), (0,))
        case other:
            raise AssertionError(other)
