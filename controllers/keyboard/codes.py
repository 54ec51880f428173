"""A terminal's bytes to keys.

A key that writes something is that character. The others are `up`, `down`, `left`, `right` (with
`far-` before it if Shift, Ctrl or Alt was held, as far as the terminal tells), `backspace`,
`enter`, `tab` and `escape`. Sequences that mean nothing here (function keys, a terminal's reports)
are taken whole, so that none of their letters is mistaken for a key.

Source: ECMA-48 (control sequences) and xterm's control sequences (modified cursor keys).
"""

from __future__ import annotations

import codecs
import re

LONGEST = 256  # characters of a sequence that has not ended: it is none

_ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}
_RXVT = {"a": "up", "b": "down", "c": "right", "d": "left"}  # with Shift or Ctrl
_CONTROLS = {"\x7f": "backspace", "\b": "backspace", "\r": "enter", "\n": "enter", "\t": "tab"}
_PARAMETERS = re.compile(r"[0-?]*[ -/]*")
_STRINGS = "]P_^X"  # what ends with BEL or ST: titles, answers to queries
_END = re.compile(r"\x07|\x1b\\|\x18|\x1a")


class KeyCodes:
    """What comes in pieces, as keys. One thread at a time."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""  # the beginning of a sequence

    @property
    def pending(self) -> bool:
        """Whether a sequence has begun and not ended."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[str]:
        """The keys that are whole with these bytes."""
        text = self._rest + self._decode(data)
        keys: list[str] = []
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                keys += _plain(text[at])
                at += 1
                continue
            end = _end(text, at)
            if end == 0 and len(text) - at <= LONGEST:  # the rest is still to come
                break
            keys += _named(text[at:end])
            at = end or len(text)
        self._rest = text[at:]
        return keys

    def flush(self) -> list[str]:
        """Nothing more came for a while: what has begun was Escape by itself, or nothing."""
        rest, self._rest = self._rest, ""
        return ["escape"] if rest == "\x1b" else []


def _plain(character: str) -> list[str]:
    if character in _CONTROLS:
        return [_CONTROLS[character]]
    return [character] if character.isprintable() and character != "\ufffd" else []


def _end(text: str, at: int) -> int:
    """Where the sequence that begins at `at` ends; 0 if that is still to come."""
    kind = text[at + 1 : at + 2]
    if not kind:
        return 0
    if kind in _STRINGS:
        found = _END.search(text, at + 2)
        return found.end() if found else 0
    if kind == "\x1b":  # Escape twice: the first one was by itself
        return at + 1
    if kind not in "[O":  # with Alt
        return at + 2
    match = _PARAMETERS.match(text, at + 2)
    last = match.end() if match else at + 2
    if text[last : last + 1] == "[" and last == at + 2:  # the Linux console's function keys
        last += 1
    if last == len(text):
        return 0
    return last + 1 if "@" <= text[last] <= "~" else last  # else it is broken off


def _named(sequence: str) -> list[str]:
    if sequence == "\x1b":
        return ["escape"]
    if sequence[1:2] not in ("[", "O") or len(sequence) < 3:
        return []
    parameters, last = sequence[2:-1], sequence[-1]
    if last in _RXVT and not parameters:
        return ["far-" + _RXVT[last]]
    if last not in _ARROWS or parameters.startswith("["):
        return []
    return [("far-" if _modified(parameters) else "") + _ARROWS[last]]


def _modified(parameters: str) -> bool:
    """Whether Shift, Alt or Ctrl was held: the last parameter is 1 and their bits."""
    number = parameters.rpartition(";")[2].partition(":")[0]
    return number.isdecimal() and len(number) < 4 and (int(number) - 1) & 7 != 0
