"""Reads a gesture recording: JSON Lines, written by a take, another program, or by hand.

The first line says what to play on: {"preset": "walk", "pack": "footsteps", "seed": 0}. In a
take it also has "touches": true: every touch is recorded, so no move starts a sound by itself; and
"rate" and "hop", if another pack was played before, from which the instrument has both. Each
further line is a message, with rising times: {"t": seconds, "address": "/pad/xy", "args": [0.2,
0.7]}. Blank lines are ignored. A last line that is incomplete is left out.

Lines whose address begins with /take/ are written by a take and are no commands. /take/end is the
last one and gives the length. If the first line has "sounds": true, then /take/sound says when a
decoded sound was used and which (number of the sound, level in dB, anchor whose recording it is or
-1, the latent vector, then anchors whose grain was added, each with its amount), /take/quality
gives the quality of the phase from then on, and /take/fade says that the output fades out. "from"
identifies senders; 0 is a command without a sender, for example of a preset. "by" names who sent a
message, where it is known: "osc 192.168.1.2", "midi keys 1", "keys". It changes nothing.
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
from latentpad.engine.board import LONGEST_HOP
from latentpad.engine.parameters import FINGERS, GLOBAL
from latentpad.models.errors import LatentpadError
from latentpad.models.files import bounded
from latentpad.models.text import line as one_line

MAX_LINE_BYTES = 1 << 16  # of one line
MAX_S = 86400.0
MAX_INT = 1 << 63  # the range of an OSC integer
MAX_BEGIN_ADDRESSES = 1000  # addresses examined at t = 0

TAKE_PREFIX = "/take/"
END, SOUND, QUALITY, FADE = (TAKE_PREFIX + name for name in ("end", "sound", "quality", "fade"))


class TakeError(LatentpadError):
    """A take that cannot be written or read. Its text is one line with the file and the reason."""


class _GestureFields(NamedTuple):
    t: float  # s
    address: str
    args: list[Argument]


class GestureMessage(_GestureFields):
    """A line of a recording: (t, address, args), and the sender's number and name if the line has
    them."""

    sender: int | None = None
    by: str = ""


_TOUCH = re.compile(r"/pad(?:/([1-9]|10))?/touch")


class GestureRecording:
    """The gesture recording in the file `path`. Raises `TakeError` naming the line that is wrong.

    `head` is its first line, `seconds` the time of its last line. `end` is its length if its last
    line gives it, else None. `truncated` says whether an incomplete last line was left out.
    `self_contained` says whether it begins with every value, so that it needs no preset.
    `touch_fingers` are the fingers whose touches it contains: all fingers in a take, which says so
    in its head. Iterating reads the messages (t in seconds, address, args) from the file; `lines`
    also gives the take's own lines. Nothing is kept in memory, so a recording may last hours.

    Without `whole`, of a take only the beginning is read now: `seconds`, `end` and `truncated` are
    not known, and a line that is wrong is found when it is reached.
    """

    def __init__(self, path: Path, *, whole: bool = True) -> None:
        self.path = path
        self.head: dict[str, Any] = {}
        self.seconds = 0.0
        self.end: float | None = None
        self.truncated = False
        initial_addresses: set[str] = set()
        self.touch_fingers: set[int] = set()
        for message in self.lines():
            if not whole and self.head.get("touches"):
                self.self_contained = True
                break
            self.seconds = t = message.t
            _, address, args = message
            self.end = t if address == END else None
            if t == 0 and len(initial_addresses) < MAX_BEGIN_ADDRESSES:
                initial_addresses.add(address)
            touch = _TOUCH.fullmatch(address)
            if touch and args and isinstance(args[0], float | int) and args[0] >= 0.5:
                self.touch_fingers.add(int(touch[1] or 1))
        else:
            self.self_contained = initial_addresses >= {row.address for row in GLOBAL}
        if self.head.get("touches"):
            self.touch_fingers = set(range(1, FINGERS + 1))

    @property
    def seed(self) -> int:
        """The number of sounds that had been started before."""
        return int(self.head.get("seed", 0))

    @property
    def rate(self) -> int | None:
        """The sample rate of the instrument, if it was not that of the pack."""
        return self.head.get("rate")

    @property
    def hop(self) -> int | None:
        """The hop of the instrument, in samples, if it was not that of the pack."""
        return self.head.get("hop")

    @property
    def sounds(self) -> bool:
        """Whether every decoded sound has a line of its own."""
        return self.head.get("sounds") is True

    def __iter__(self) -> Iterator[GestureMessage]:
        return (message for message in self.lines() if not message.address.startswith(TAKE_PREFIX))

    def lines(self) -> Iterator[GestureMessage]:
        """The messages, including the take's own lines."""
        try:
            with bounded.regular(self.path) as file:
                yield from self._messages(file)
        except OSError as error:
            raise TakeError(f"{self.path} cannot be read: {error.strerror or error}") from None

    def _messages(self, file: BinaryIO) -> Iterator[GestureMessage]:
        head_read = False
        last = 0.0
        for number, entry in self._entries(file):
            location = f"{self.path}, line {number}"
            if not head_read:
                self.head, head_read = _head(entry, location), True
                continue
            message = _message(entry, location)
            if message.t < last:
                raise TakeError(f"{location}: t: {message.t} comes after {last}: times must rise")
            last = message.t
            yield message
        if not head_read:
            raise TakeError(f"{self.path} is empty: a gesture recording begins with a line of JSON")

    def _entries(self, file: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
        number = 0
        while raw := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            location = f"{self.path}, line {number}"
            if len(raw) > MAX_LINE_BYTES:
                raise TakeError(f"{location}: is longer than {MAX_LINE_BYTES >> 10} kB")
            if number == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            if not raw.strip():
                continue
            try:
                entry = _decode(raw.decode())
            except RecursionError:
                raise TakeError(f"{location}: is nested too deeply") from None
            except ValueError as error:  # also a wrong encoding, or a number that is too long
                if number > 1 and not raw.endswith(b"\n"):
                    self.truncated = True
                    return
                raise TakeError(f"{location}: {_json_error(error)}") from None
            if not isinstance(entry, dict):
                raise TakeError(f"{location}: expected a JSON object")
            yield number, entry


def _json_error(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8: save the file as UTF-8"
    message = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
    return f"not JSON: {one_line(message)}"


def _head(entry: dict[str, Any], location: str) -> dict[str, Any]:
    if "address" in entry:
        raise TakeError(f'{location}: is a message: before it comes a line as {{"preset": "walk"}}')
    for name in ("preset", "pack", "library"):
        if name in entry and not _is_name(entry[name]):
            raise TakeError(f"{location}: {name}: a name is wanted, got {_quoted(entry[name])}")
    if not _is_natural(entry.get("seed", 0)):
        raise TakeError(f"{location}: seed: a whole number is wanted, got {_quoted(entry['seed'])}")
    for name, low, high in (("rate", 8000, 192_000), ("hop", 1, LONGEST_HOP)):
        if name in entry and not (_is_natural(entry[name]) and low <= entry[name] <= high):
            raise TakeError(f"{location}: {name}: a whole number of {low}...{high} is wanted")
    if not isinstance(entry.get("touches", False), bool):
        raise TakeError(f"{location}: touches: true or false is wanted")
    return entry


def _message(entry: dict[str, Any], location: str) -> GestureMessage:
    t, address, args = entry.get("t"), entry.get("address"), entry.get("args")
    if not _is_number(t) or not 0 <= t < MAX_S:
        raise TakeError(f"{location}: t: a time in seconds is wanted, got {_quoted(t)}")
    if not isinstance(address, str) or not address.startswith("/"):
        raise TakeError(f"{location}: address: {_quoted(address)} is no OSC address")
    if not isinstance(args, list) or not all(
        isinstance(a, bool | str) or _is_number(a) for a in args
    ):
        raise TakeError(f"{location}: args: a list of numbers and names is wanted")
    message = GestureMessage(float(t), address, args)
    if "from" in entry:
        if not _is_natural(entry["from"]):
            raise TakeError(
                f"{location}: from: a whole number is wanted, got {_quoted(entry['from'])}"
            )
        message.sender = entry["from"]
    if isinstance(by := entry.get("by"), str):
        message.by = by
    return message


def _is_natural(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int) and value >= 0


def _is_name(value: Any) -> bool:
    """Whether it can be a file name."""
    try:
        return isinstance(value, str) and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def _is_number(value: Any) -> TypeGuard[float]:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and -MAX_INT <= value < MAX_INT


def _quoted(value: Any) -> str:
    return "a list or an object" if isinstance(value, list | dict) else one_line(json.dumps(value))


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for name, value in pairs:
        if name in entry:
            raise ValueError(f"{name} is there twice")
        entry[name] = value
    return entry


def _reject_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


_decode = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_reject_constant).decode
