"""The file of bindings, TOML that can be read and edited by hand:

    [[midi]]
    port = "nanoKONTROL2"
    channel = 1
    control = "cc 74"
    address = "/texture"
    pickup = true

    [[osc]]
    control = "/3/pad"
    arguments = [3, "y", "x"]
    ranges = [[-1.0, 1.0], [-1.0, 1.0]]
    address = "/pad/xy"

`arguments` has for each argument of the message what it is: the role of one that moves ("value", or
"x" and "y", of further points "x2", "y2"), "*" for one that steers nothing, or a constant: a
number, or a text after "=". `ranges` has the range of each one that moves, in their order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w
from platformdirs import user_config_path

from latentpad.controllers.learning.binding import Binding, OscControl
from latentpad.controllers.learning.midi_control import MidiControl
from latentpad.controllers.learning.shape import Constant, Free, Moving, Part, Shape
from latentpad.controllers.learning.targets import CURVES, Target, target
from latentpad.engine import atomic_file
from latentpad.engine.arguments import MAX_ARGUMENTS
from latentpad.models.errors import LatentpadError
from latentpad.models.files import bounded, toml
from latentpad.models.text import printable, reason

MOST_BYTES = 1 << 20
ROLES = {"point": r"[xy](?:[2-9]|10)?", "value": "value", "switch": "value", "trigger": "value"}


class BindingsError(LatentpadError, ValueError):
    """A bindings file that cannot be used: one line with the place and what to do."""


class BindingsFile:
    """Reads and writes the bindings; `path` is in the user's configuration by default.

    The first time, the bindings of `midi.toml` beside it are read, which earlier versions wrote.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or user_config_path("latentpad") / "bindings.toml"
        self._earlier = self.path.with_name("midi.toml")

    def read(self) -> tuple[list[Binding], bool]:
        """The bindings, and whether they come from the earlier file. Raises `BindingsError`."""
        if self.path.exists():
            return _read(self.path, _bindings), False
        if self._earlier.exists():
            return _read(self._earlier, _earlier_bindings), True
        return [], False

    def write(self, bindings: Iterable[Binding]) -> None:
        """Raises `OSError`; then the old file is left."""
        tables: dict[str, list[dict[str, Any]]] = {}
        for binding in bindings:
            kind = "osc" if isinstance(binding.control, OscControl) else "midi"
            tables.setdefault(kind, []).append(_table(binding))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        atomic_file.replace(self.path, tomli_w.dumps(tables).encode())


def _read(path: Path, parse: Any) -> list[Binding]:
    try:
        table = toml.loads(bounded.read(path, MOST_BYTES).decode("utf-8-sig"))
        bindings: list[Binding] = parse(table)
    except (OSError, OverflowError, ValueError) as error:
        raise BindingsError(f"{path}: {reason(error)}; correct the file or remove it") from None
    return bindings


def _bindings(table: Mapping[str, Any]) -> list[Binding]:
    if unknown := set(table) - {"midi", "osc"}:
        raise ValueError(f"there is no table {printable(min(unknown), 60)!r}, only midi and osc")
    result = []
    for kind in ("midi", "osc"):
        entries = table.get(kind, [])
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise ValueError(f"{kind} is no list of tables: begin each binding with [[{kind}]]")
        for number, entry in enumerate(entries, 1):
            try:
                result.append(_binding(entry, kind))
            except ValueError as error:
                raise ValueError(f"[[{kind}]] {number}: {reason(error)}") from None
    return result


def _binding(entry: Mapping[str, Any], kind: str) -> Binding:
    names = {"control", "address", "curve", "pickup"}
    names |= {"port", "channel"} if kind == "midi" else {"arguments", "ranges"}
    if unknown := set(entry) - names:
        raise ValueError(f"there is no {printable(min(unknown), 60)!r}")
    address = _text(entry, "address")
    curve, pickup = entry.get("curve", ""), entry.get("pickup", False)
    if curve and curve not in CURVES:
        raise ValueError(f"curve is {' or '.join(CURVES)}, not {printable(str(curve), 60)!r}")
    if not isinstance(pickup, bool):
        raise ValueError("pickup is true or false")
    control: MidiControl | OscControl
    if kind == "midi":
        channel, port = entry.get("channel", 0), entry.get("port", "")
        if not isinstance(channel, int) or not isinstance(port, str):
            raise ValueError("channel is a number and port a text")
        control = MidiControl.parse(port, channel, _text(entry, "control"))
        if target(address).kind == "point":
            raise ValueError(f"{address} takes two values, a MIDI control gives one")
    else:
        control = OscControl(_text(entry, "control"), _shape(entry, target(address)))
    return Binding.make(control, address, curve, pickup)


def _shape(entry: Mapping[str, Any], steered: Target) -> Shape:
    words, ranges = entry.get("arguments", []), entry.get("ranges")
    if not isinstance(words, list) or len(words) > MAX_ARGUMENTS:
        raise ValueError("arguments is a list, with a word for each argument")
    parts = [_part(word, steered) for word in words]
    moving = [k for k, part in enumerate(parts) if isinstance(part, Moving)]
    if ranges is None:
        ranges = [[0.0, 1.0]] * len(moving)
    if not isinstance(ranges, list) or len(ranges) != len(moving):
        raise ValueError(f"ranges has one range for each of the {len(moving)} that move")
    for k, span in zip(moving, ranges, strict=True):
        part = parts[k]
        assert isinstance(part, Moving)
        parts[k] = Moving(part.role, *_range(span))
    shape = Shape(tuple(parts))
    _check_roles([part.role for part in shape.moving], steered)
    return shape


def _part(word: object, steered: Target) -> Part:
    if isinstance(word, bool | int | float):
        return Constant(word)
    if not isinstance(word, str):
        raise ValueError("an argument is a number or a text")
    if word.startswith("="):
        return Constant(word[1:])
    if word == "*":
        return Free()
    if not re.fullmatch(ROLES[steered.kind], word):
        raise ValueError(
            f'{printable(word, 60)!r} is no argument; write a constant text as "=text"'
        )
    return Moving(word)


def _check_roles(roles: Sequence[str], steered: Target) -> None:
    points = len(roles) // 2
    wanted = [f"{axis}{n if n > 1 else ''}" for n in range(1, points + 1) for axis in "xy"]
    right = {
        "point": bool(roles) and sorted(roles) == sorted(wanted),
        "trigger": len(roles) <= 1,
    }.get(steered.kind, len(roles) == 1)
    if not right:
        raise ValueError(f"the arguments {' '.join(roles)} are not those of {steered.address}")


def _range(span: object) -> tuple[float, float]:
    match span:
        case [int() | float() as low, int() | float() as high] if low < high:
            if math.isfinite(low) and math.isfinite(high):
                return float(low), float(high)
    raise ValueError("a range is two numbers that rise, as [0.0, 127.0]")


def _text(entry: Mapping[str, Any], name: str) -> str:
    text = entry.get(name)
    if not isinstance(text, str):
        raise ValueError(f"there is no {name}")
    return text


def _table(binding: Binding) -> dict[str, Any]:
    control = binding.control
    table: dict[str, Any]
    if isinstance(control, MidiControl):
        table = {"port": control.port} if control.port else {}
        table |= {"channel": control.channel, "control": control.name}
    else:
        table = {"control": control.address}
        if control.shape.parts:
            table["arguments"] = [_word(part) for part in control.shape.parts]
        if control.shape.moving:
            table["ranges"] = [[part.low, part.high] for part in control.shape.moving]
    table["address"] = binding.target.address
    if binding.curve:
        table["curve"] = binding.curve
    if binding.pickup:
        table["pickup"] = True
    return table


def _word(part: Part) -> float | int | str:
    match part:
        case Moving():
            return part.role
        case Constant(str() as text):
            return f"={text}"
        case Constant(argument):
            return argument
    return "*"


def _earlier_bindings(table: Mapping[str, Any]) -> list[Binding]:
    """The bindings of a file of earlier versions: `"channel 1 cc 74" = "/texture"`, any port."""
    bindings = table.get("bindings", {})
    if not isinstance(bindings, dict):
        raise ValueError("bindings is no table")
    result = []
    for name, address in bindings.items():
        if not isinstance(address, str):
            raise ValueError(f"{printable(name, 60)!r} is bound to no address")
        parts = re.fullmatch(r"channel (\d{1,2}) ((?:cc|note) \d{1,3})", name)
        if not parts:
            raise ValueError(f'{printable(name, 60)!r} is no control as "channel 1 cc 74"')
        result.append(Binding.make(MidiControl.parse("", int(parts[1]), parts[2]), address))
    return result
