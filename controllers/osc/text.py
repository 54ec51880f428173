"""OSC messages as text: `/pad/xy 0.3 0.7`.

| a word | is |
| --- | --- |
| `3`, `-12` | an integer |
| `0.2`, `-.5`, `1e-3` | a float |
| `true`, `false` | a boolean |
| `s:3`, `s:true` | the string after `s:`, whatever it looks like |
| anything else | itself, a string |
"""

from __future__ import annotations

import re
import shlex

from latentpad.controllers.osc.packet import Message, OscArgument

TEXT = "s:"
MOST_DIGITS = 19  # of an integer of 64 bits

_INTEGER = re.compile(rf"[+-]?[0-9]{{1,{MOST_DIGITS}}}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_CONSTANTS = {"true": True, "false": False}


def argument(word: str) -> float | int | str | bool:
    """The argument that a typed word stands for."""
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if _INTEGER.fullmatch(word):
        return int(word)
    if _NUMBER.fullmatch(word):
        return float(word)
    return word.removeprefix(TEXT)


def word(value: OscArgument) -> str:
    """An argument as a word that `argument` reads; a blob and nil, which cannot be typed, for
    display."""
    if value is None:
        return "nil"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        number_text = f"{value:.7g}"  # what 32 bits hold
        return number_text + ".0" if _INTEGER.fullmatch(number_text) else number_text
    parsed = argument(value)
    unchanged = isinstance(parsed, str) and parsed == value
    return _quoted(value if unchanged else TEXT + value)


def _quoted(text: str) -> str:
    """Quote for a shell, with the quotes that are easiest to read."""
    if "'" in text and not set(text) & set('"$`\\!'):
        return f'"{text}"'
    return shlex.quote(text)


def line(message: Message) -> str:
    """A message in one line."""
    return " ".join((message.address, *map(word, message.args)))
