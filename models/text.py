"""Texts from elsewhere as one line: names for tables and terminals, errors for messages."""

from __future__ import annotations

LONGEST = 200  # characters: names lie in arrays of fixed width
MOST_REASON = 500  # characters: an error may quote what a file holds


def printable(text: str, most: int | None = None) -> str:
    """`text` without what would steer a terminal or break a line, as valid UTF-8.

    Of more than `most` characters it gives the first, the last of them "…"; the rest is not read.
    """
    if most is not None and len(text) > most:
        text = text[: most - 1] + "…"
    if text.isprintable():
        return text
    whole = text.encode(errors="replace").decode()  # a name in another encoding
    return "".join(c if c.isprintable() else " " for c in whole)


def line(text: str) -> str:
    """`text` in one line, printable, no space around it; cut at `LONGEST` it ends in "…"."""
    return printable(text.strip(), LONGEST).strip()


def reason(error: BaseException) -> str:
    """What an error says of itself, its first line; its kind where it says nothing."""
    said = str(error).strip() or type(error).__name__
    return printable(said.splitlines()[0], MOST_REASON)
