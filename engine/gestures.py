"""Reading a gesture recording: JSON Lines, from a take, another program, or a hand.

The first line says what to play on: {"preset": "walk", "pack": "footsteps", "seed": 0}. In a
take it has "touches": true as well: every touch is told, no move is one by itself. Each line
after it is a message, times rising: {"t": seconds, "address": "/pad/xy", "args": [0.2, 0.7]}.
Blank lines do not count, and a last line that a kill has cut off is left out.

Lines whose address begins with /take/ are a take's own, and no commands: /take/end, the last one,
says how long it is. Where the first line says "sounds": true, /take/sound tells which decoded
sound was taken up when (number of the sound, level in dB, anchor whose recording it is or -1, the
latent vector), /take/quality how much effort went into the phase from then on, /take/fade that
the output fades. "from": 0 is what nobody sent, as a preset; other numbers tell senders apart.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeGuard

from latentpad.engine.arguments import Argument
from latentpad.engine.parameters import FINGERS, GLOBAL
from latentpad.models.errors import LatentpadError
from latentpad.models.files import bounded
from latentpad.models.text import line as shown

MOST_LINE = 1 << 16  # bytes
MOST_S = 86400.0
MOST_INT = 1 << 63  # what OSC can say
MOST_BEGIN = 1000  # addresses that are looked for among the first messages

OWN = "/take/"
END, SOUND, QUALITY, FADE = (OWN + name for name in ("end", "sound", "quality", "fade"))


class TakeError(LatentpadError):
    """A take that cannot be written or read: one line with the file and the reason."""


class _GestureFields(NamedTuple):
    t: float  # s
    address: str
    args: list[Argument]


class GestureMessage(_GestureFields):
    """A line of a recording: (t, address, args), and who sent it where that is told."""

    sender: int | None = None


_TOUCH = re.compile(r"/pad(?:/([1-9]|10))?/touch")


class GestureRecording:
    """The recording in the file `path`. Raises `TakeError` naming the line that is wrong.

    `head` is its first line, `seconds` the time of its last one, `end` how long it says it is,
    None where its last line says nothing of that. `truncated` says whether a last line was left
    out, `self_contained` whether it begins with every value, so that it needs no preset,
    `touch_fingers` the fingers whose touches it tells: all of them in a take, which says so in its
    head. Iterating reads the messages (t in seconds, address, args) from the file, `lines` a take's
    own lines too: a recording of hours takes no memory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.head: dict[str, Any] = {}
        self.seconds = 0.0
        self.end: float | None = None
        self.truncated = False
        begins: set[str] = set()
        self.touch_fingers: set[int] = set()
        for message in self.lines():
            self.seconds = t = message.t
            _, address, args = message
            self.end = t if address == END else None
            if t == 0 and len(begins) < MOST_BEGIN:
                begins.add(address)
            touch = _TOUCH.fullmatch(address)
            if touch and args and isinstance(args[0], float | int) and args[0] >= 0.5:
                self.touch_fingers.add(int(touch[1] or 1))
        self.self_contained = begins >= {row.address for row in GLOBAL}
        if self.head.get("touches"):
            self.touch_fingers = set(range(1, FINGERS + 1))

    @property
    def seed(self) -> int:
        """How many sounds had been started before."""
        return int(self.head.get("seed", 0))

    @property
    def sounds(self) -> bool:
        """Whether every decoded sound has a line of its own."""
        return self.head.get("sounds") is True

    def __iter__(self) -> Iterator[GestureMessage]:
        return (message for message in self.lines() if not message.address.startswith(OWN))

    def lines(self) -> Iterator[GestureMessage]:
        """The messages, and the take's own lines among them."""
        try:
            with bounded.regular(self.path) as file:
                yield from self._messages(file)
        except OSError as error:
            raise TakeError(f"{self.path} cannot be read: {error.strerror or error}") from None

    def _messages(self, file: BinaryIO) -> Iterator[GestureMessage]:
        begun = False
        last = 0.0
        for number, entry in self._entries(file):
            where = f"{self.path}, line {number}"
            if not begun:
                self.head, begun = _head(entry, where), True
                continue
            message = _message(entry, where)
            if message.t < last:
                raise TakeError(f"{where}: t: {message.t} comes after {last}: times must rise")
            last = message.t
            yield message
        if not begun:
            raise TakeError(f"{self.path} is empty: a gesture recording begins with a line of JSON")

    def _entries(self, file: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
        number = 0
        while raw := file.readline(MOST_LINE + 1):
            number += 1
            where = f"{self.path}, line {number}"
            if len(raw) > MOST_LINE:
                raise TakeError(f"{where}: is longer than {MOST_LINE >> 10} kB")
            if number == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            if not raw.strip():
                continue
            try:
                entry = _decode(raw.decode())
            except RecursionError:
                raise TakeError(f"{where}: is nested too deeply") from None
            except ValueError as error:  # of an encoding and of a long number too
                if number > 1 and not raw.endswith(b"\n"):
                    self.truncated = True
                    return
                raise TakeError(f"{where}: {_said(error)}") from None
            if not isinstance(entry, dict):
                raise TakeError(f"{where}: expected a JSON object")
            yield number, entry


def _said(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8: save the file as UTF-8"
    said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
    return f"not JSON: {shown(said)}"


def _head(entry: dict[str, Any], where: str) -> dict[str, Any]:
    if "address" in entry:
        raise TakeError(f'{where}: is a message: before it comes a line as {{"preset": "walk"}}')
    for name in ("preset", "pack", "library"):
        if name in entry and not _name(entry[name]):
            raise TakeError(f"{where}: {name}: a name is wanted, got {_shown(entry[name])}")
    if not _whole(entry.get("seed", 0)):
        raise TakeError(f"{where}: seed: a whole number is wanted, got {_shown(entry['seed'])}")
    if not isinstance(entry.get("touches", False), bool):
        raise TakeError(f"{where}: touches: true or false is wanted")
    return entry


def _message(entry: dict[str, Any], where: str) -> GestureMessage:
    t, address, args = entry.get("t"), entry.get("address"), entry.get("args")
    if not _number(t) or not 0 <= t < MOST_S:
        raise TakeError(f"{where}: t: a time in seconds is wanted, got {_shown(t)}")
    if not isinstance(address, str) or not address.startswith("/"):
        raise TakeError(f"{where}: address: {_shown(address)} is no OSC address")
    if not isinstance(args, list) or not all(isinstance(a, bool | str) or _number(a) for a in args):
        raise TakeError(f"{where}: args: a list of numbers and names is wanted")
    message = GestureMessage(float(t), address, args)
    if "from" in entry:
        if not _whole(entry["from"]):
            raise TakeError(f"{where}: from: a whole number is wanted, got {_shown(entry['from'])}")
        message.sender = entry["from"]
    return message


def _whole(value: Any) -> bool:
    return _number(value) and isinstance(value, int) and value >= 0


def _name(value: Any) -> bool:
    """Whether the file system might know it."""
    try:
        return isinstance(value, str) and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def _number(value: Any) -> TypeGuard[float]:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and -MOST_INT <= value < MOST_INT


def _shown(value: Any) -> str:
    return "a list or an object" if isinstance(value, list | dict) else shown(json.dumps(value))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for name, value in pairs:
        if name in entry:
            raise ValueError(f"{name} is there twice")
        entry[name] = value
    return entry


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


_decode = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number).decode
