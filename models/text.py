"""Texts from elsewhere as one line: names for tables and terminals, errors for messages."""

from __future__ import annotations

LONGEST = 200  # characters: names lie in arrays of fixed width
MOST_REASON = 500  # characters: an error may quote what a file holds


def printable(text: str, most: int | None = None) -> str:
    """`text` without characters that control a terminal or break a line, as valid UTF-8.

    Longer text is cut to `most` characters, of which the last is "…"; the rest is not read.
    """
    if most is not None and len(text) > most:
        text = text[: most - 1] + "…"
    if text.isprintable():
        return text
    valid = text.encode(errors="replace").decode()  # a name in another encoding
    return "".join(c if c.isprintable() else " " for c in valid)


def line(text: str) -> str:
    """`text` in one printable line, without space around it, cut to `LONGEST` characters with
    "…"."""
    return printable(text.strip(), LONGEST).strip()


def reason(error: BaseException) -> str:
    """The first line of an error's message, or the name of its class if it has none."""
    message = str(error).strip() or type(error).__name__
    return printable(message.splitlines()[0], MOST_REASON)
