"""Controls of MIDI devices, and their names."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, get_args

from latentpad.models.text import printable

Kind = Literal[
    "cc",
    "cc14",
    "nrpn",
    "note",
    "key pressure",
    "program",
    "programs",
    "bend",
    "pressure",
    "start",
    "continue",
    "stop",
]
BUTTONS: tuple[Kind, ...] = ("note", "program", "start", "continue", "stop")
"""What is pressed, and not moved; only a note is also released."""

_NUMBERED = ("cc", "cc14", "nrpn", "note", "key pressure", "program")

NEVER = frozenset({0, 6, *range(32, 64), *range(96, 102), *range(120, 128)})
"""Controllers that are not learned by themselves: bank select, data entry, fine bytes, parameter
numbers and mode messages."""


class MidiControl(NamedTuple):
    """A knob, fader or key: a port, a channel 1...16, what it sends, and its number.

    "cc14" is a pair of controllers, the number that of the coarse one. "program" is one program, a
    button; "programs" all of them, a value. An empty `port` is any port.
    """

    port: str
    channel: int
    kind: Kind
    number: int = 0

    def __str__(self) -> str:
        return f"{self.port or 'any port'} channel {self.channel} {self.name}"

    @property
    def name(self) -> str:
        """What it sends, as a binding names it."""
        return f"{self.kind} {self.number}" if self.kind in _NUMBERED else self.kind

    @property
    def learnable(self) -> bool:
        """Whether it may be bound to an address."""
        return self.kind not in ("cc", "cc14") or self.number not in NEVER

    @classmethod
    def parse(cls, port: str, channel: int, name: str) -> MidiControl:
        """The control of such a name. Raises `ValueError`."""
        match = re.fullmatch(r"([a-z ]+?(?:14)?)(?: (\d{1,5}))?", name)
        kind = match[1] if match else ""
        number = int(match[2] or -1) if match else -1
        largest = 16_383 if kind == "nrpn" else 127
        if (
            kind not in get_args(Kind)
            or (kind in _NUMBERED) != (number >= 0)
            or number > largest
            or not 1 <= channel <= 16
        ):
            raise ValueError(
                f"channel {channel} {printable(name, 60)!r} is no control; "
                'write one as channel = 1 and control = "cc 74"'
            )
        return cls(port_name(port), channel, kind, max(number, 0))  # type: ignore[arg-type]


def port_name(port: str) -> str:
    """A port's name without ALSA's client number, which changes when it is plugged in."""
    return re.sub(r" \d+:\d+(?=( \(JACK\))?$)", "", port)
