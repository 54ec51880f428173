"""What may stand after a command's address, whoever sends it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from latentpad.models.errors import LatentpadError

MOST_ARGS = 64  # of any command
MOST_TEXT = 1000  # characters, in all its arguments

Argument = float | int | str | bool


class CommandError(LatentpadError, ValueError):
    """A command that cannot be carried out: one line saying what was wrong."""


class UnknownAddress(CommandError):
    """A command for an address that there is not."""


def check_arguments(address: str, args: Sequence[Argument]) -> None:
    """Raise `CommandError` for what no command takes, one that ignores its arguments neither: so
    whatever was carried out can be written down and read again."""
    if len(args) > MOST_ARGS:
        raise CommandError(f"{address}: no command takes {len(args)} arguments")
    texts = [argument for argument in args if isinstance(argument, str)]
    if sum(map(len, texts)) > MOST_TEXT:
        raise CommandError(f"{address}: no command takes a text of over {MOST_TEXT} characters")
    for argument in args:
        if not isinstance(argument, str):
            finite(address, argument)


def finite(address: str, argument: Argument) -> float:
    """The argument as a float. Raises `CommandError` for what is no finite number."""
    try:
        value = math.nan if isinstance(argument, str) else float(argument)
    except (OverflowError, TypeError):
        value = math.nan
    if not math.isfinite(value):
        raise CommandError(f"{address} takes a finite number, got {argument!r:.40}")
    return value
