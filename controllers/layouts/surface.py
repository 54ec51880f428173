"""What a layout shows: the pages of its controls, whatever program shows them.

Every row of the parameter table is a control here, except those of single fingers and `/axes`,
which has two values of mixed kinds. A row that is added to the table appears by itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from latentpad.engine.arguments import Argument
from latentpad.engine.parameter import Affects, Parameter
from latentpad.engine.parameters import AUTO_PLANE, GLOBAL, ROW

Values = Mapping[str, Sequence[Argument]]
"""Values by address, as a message has them: of rows, of the lattice, of `/preset`."""

RECEIVE_PORT = 9001
"""The UDP port that a touch program receives on, where nothing else was said."""

SNAPSHOTS = 8
PRESETS = 24
LATTICE_FADERS = 10
COLUMNS = 4  # of buttons

PAGES = {
    "loop": ("/mode", "/loop/"),
    "notes": ("/shot/", "/note/", "/attack", "/release"),
    "preset": ("/snapshot/",),
    "out": ("/gain", "/level", "/ceiling"),
}
"""Pages by the beginnings of their rows' addresses. `page_of` knows the others."""


@dataclass(frozen=True, slots=True)
class Fader:
    """Sends a number from `low` to `high`; it stands at `value`."""

    caption: str
    address: str
    low: float
    high: float
    value: float
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Switch:
    """Sends 1 and 0 in turn."""

    caption: str
    address: str
    on: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Chooses one of `names`; `name` holds. It has a line of its own."""

    caption: str
    address: str
    names: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """Sends `args` when it is pressed, and nothing when it is released."""

    caption: str
    address: str
    args: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Readout:
    """Shows argument `place` of what is received; `text` until then."""

    address: str
    place: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Meter:
    """Shows argument `place` of what is received as a bar from `low` to `high`."""

    caption: str
    address: str
    place: int = 0
    low: float = 0.0
    high: float = 1.0


Control = Fader | Switch | Choice | Trigger | Readout | Meter
Line = tuple[Control, ...]
"""Controls side by side, of equal widths."""


@dataclass(frozen=True, slots=True)
class Page:
    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Surface:
    """`status` is always seen, the `pages` one at a time; the pad stands beside them."""

    status: tuple[Line, ...]
    pages: tuple[Page, ...]


def surface(
    values: Values,
    presets: Sequence[str],
    anchors: Sequence[str],
    planes: Sequence[str],
    *,
    receive_port: int = RECEIVE_PORT,
) -> Surface:
    """The surface of an instrument whose rows have these values.

    `presets` are the names of the bank, `anchors` those of the pack's sounds, by number, `planes`
    those that the pack has.
    """
    lines: dict[str, list[Line]] = {name: [] for name in ("loop", "sound", "notes", "plane")}
    lines["mix"] = list(_mix(values, anchors))
    lines["preset"] = list(_presets(values, presets))
    lines["out"] = [(Meter("load", "/meter/load"), Meter("limiter", "/meter/limiter", 0, -24, 0))]
    for row in GLOBAL:
        if row.kind != "axis" and not row.address.startswith("/lattice/"):
            lines[page_of(row)].append((_control(row, values, planes),))
    lines["out"].append((Switch("record", "/record"),))
    return Surface(_status(receive_port), tuple(Page(name, tuple(lines[name])) for name in lines))


def page_of(row: Parameter) -> str:
    """The page of a row: what fits the expander anew is on `plane`, what has no other is on
    `sound`."""
    for name, beginnings in PAGES.items():
        if row.address.startswith(beginnings):
            return name
    return "plane" if row.affects >= Affects.FIT else "sound"


def _control(row: Parameter, values: Values, planes: Sequence[str]) -> Control:
    (value,) = values.get(row.address) or row.show(row.default)
    caption = _caption(row.address)
    if row.kind == "choice":
        there = (AUTO_PLANE, *planes) if row.address == "/plane" else row.choices
        names = tuple(name for name in row.choices if name in there)
        return Choice(caption, row.address, names, str(value))
    if row.kind == "switch":
        return Switch(caption, row.address, bool(value))
    return _fader(caption, row, float(value))


def _fader(caption: str, row: Parameter, value: float) -> Fader:
    """A fader in the row's own numbers; in 0...1 where its steps are not even: no touch program
    knows the curve."""
    if not row.is_even:
        return Fader(caption, f"/n{row.address}", 0.0, 1.0, row.to_unit(value))
    return Fader(caption, row.address, row.low, row.high, value, row.kind == "int")


def _mix(values: Values, anchors: Sequence[str]) -> Iterator[Line]:
    """The mixer: the sound it starts from, and a fader towards each of some sounds, which are
    spread over the pack."""
    (expander,) = values.get("/expander") or ("lattice",)
    names = ("lattice", "dwell" if expander == "lattice" else str(expander))
    yield tuple(Trigger(name, f"/expander/{name}") for name in names)
    last = max(len(anchors) - 1, 1)
    (base,) = values.get("/lattice/base") or ROW["/lattice/base"].default
    yield (Fader("base", "/lattice/base", 0, last, min(float(base), last), whole=True),)
    count = min(LATTICE_FADERS, len(anchors))
    for number in sorted({round(i * last / max(count - 1, 1)) for i in range(count)}):
        address = f"/lattice/{number}"
        (share,) = values.get(address) or (0.0,)
        yield (Fader(f"{number} {anchors[number]}", address, 0.0, 1.0, float(share)),)


def _presets(values: Values, names: Sequence[str]) -> Iterator[Line]:
    (preset,) = values.get("/preset") or ("",)
    yield (
        Trigger("previous", "/preset/prev"),
        Readout("/preset", text=str(preset)),
        Trigger("next", "/preset/next"),
    )
    yield from side_by_side(map(_preset, names[:PRESETS]))
    for action in ("store", "recall"):
        yield from side_by_side(
            Trigger(f"{action} {n}", f"/snapshot/{n}/{action}") for n in range(1, SNAPSHOTS + 1)
        )


def _preset(name: str) -> Trigger:
    """A name that cannot stand in an address is an argument."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return Trigger(name, f"/preset/{name}")
    return Trigger(name, "/preset", (name,))


def _status(receive_port: int) -> tuple[Line, ...]:
    return (
        (Readout("/anchor/near", 1, "nearest sound"), Readout("/anchor/near", 2)),
        (
            Meter("left", "/meter/peak", 0),
            Meter("right", "/meter/peak", 1),
            Trigger("sync", "/sync", (receive_port,)),
            Trigger("panic", "/panic"),
        ),
    )


def side_by_side(triggers: Iterable[Trigger]) -> Iterator[Line]:
    """Buttons in as few lines as `COLUMNS` allow, about as many in each."""
    buttons = list(triggers)
    lines = max(math.ceil(len(buttons) / COLUMNS), 1)
    columns = max(math.ceil(len(buttons) / lines), 1)
    for start in range(0, len(buttons), columns):
        yield tuple(buttons[start : start + columns])


def _caption(address: str) -> str:
    return address.strip("/").replace("/", " ")
