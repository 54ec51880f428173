"""Texts from elsewhere as one line: names for tables and terminals, errors for messages."""

from __future__ import annotations

LONGEST = 200  # characters: names lie in arrays of fixed width


def printable(text: str) -> str:
    """`text` without what would steer a terminal or break a line, as valid UTF-8."""
    whole = text.encode(errors="replace").decode()  # a name in another encoding
    return "".join(c if c.isprintable() else " " for c in whole)


def line(text: str) -> str:
    """`text` in one line: printable, no space around it, `LONGEST` at most."""
    return printable(text).strip()[:LONGEST].rstrip()


def reason(error: BaseException) -> str:
    """What an error says of itself, its first line; its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
