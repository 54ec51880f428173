"""A terminal's bytes to keys.

A key that writes a character is that character. The others are `up`, `down`, `left`, `right` (with
`far-` before it if Shift, Ctrl or Alt was held, as far as the terminal reports it), `backspace`,
`enter`, `tab` and `escape`. Other sequences (function keys, a terminal's reports) are read as a
whole and ignored, so that none of their letters counts as a key.

Source: ECMA-48 (control sequences) and xterm's control sequences (modified cursor keys).
"""

from __future__ import annotations

import codecs
import re

LONGEST = 256  # characters: a longer sequence without an end is ignored

_ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}
_RXVT = {"a": "up", "b": "down", "c": "right", "d": "left"}  # with Shift or Ctrl
_CONTROLS = {"\x7f": "backspace", "\b": "backspace", "\r": "enter", "\n": "enter", "\t": "tab"}
_PARAMETERS = re.compile(r"[0-?]*[ -/]*")
_STRINGS = "]P_^X"  # introduce strings that end with BEL or ST: titles, answers to queries
_END = re.compile(r"\x07|\x1b\\|\x18|\x1a")


class KeyCodes:
    """Decodes bytes that arrive in pieces. One thread at a time."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""  # the beginning of a sequence

    @property
    def pending(self) -> bool:
        """Whether a sequence has begun and not ended."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[str]:
        """The keys that are complete with these bytes."""
        text = self._rest + self._decode(data)
        keys: list[str] = []
        index = 0
        while index < len(text):
            if text[index] != "\x1b":
                keys += _plain(text[index])
                index += 1
                continue
            end = _end(text, index)
            if end == 0 and len(text) - index <= LONGEST:  # the rest is still to come
                break
            keys += _named(text[index:end])
            index = end or len(text)
        self._rest = text[index:]
        return keys

    def flush(self) -> list[str]:
        """Call when nothing more has come for a while: a pending Escape was a key."""
        rest, self._rest = self._rest, ""
        return ["escape"] if rest == "\x1b" else []


def _plain(character: str) -> list[str]:
    if character in _CONTROLS:
        return [_CONTROLS[character]]
    return [character] if character.isprintable() and character != "\ufffd" else []


def _end(text: str, start: int) -> int:
    """The end of the sequence that begins at `start`; 0 if it is not complete."""
    kind = text[start + 1 : start + 2]
    if not kind:
        return 0
    if kind in _STRINGS:
        end = _END.search(text, start + 2)
        return end.end() if end else 0
    if kind == "\x1b":  # Escape twice: the first one was by itself
        return start + 1
    if kind not in "[O":  # with Alt
        return start + 2
    match = _PARAMETERS.match(text, start + 2)
    last = match.end() if match else start + 2
    if text[last : last + 1] == "[" and last == start + 2:  # the Linux console's function keys
        last += 1
    if last == len(text):
        return 0
    return last + 1 if "@" <= text[last] <= "~" else last  # otherwise it is broken off


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
