"""The arguments of a command, from any controller."""

from __future__ import annotations

import math
from collections.abc import Sequence

from latentpad.models.errors import LatentpadError
from latentpad.models.packs.limits import MOST_LATENTS

MAX_ARGUMENTS = MOST_LATENTS  # of one command: `/latent` has the most
MAX_TEXT = 1000  # characters in all arguments of a command

Argument = float | int | str | bool


class CommandError(LatentpadError, ValueError):
    """A command that cannot be carried out. Its text is one line that says what is wrong."""


class UnknownAddress(CommandError):
    """A command with an address that does not exist."""


def check_arguments(address: str, args: Sequence[Argument]) -> None:
    """Raise `CommandError` for arguments that no command accepts.

    It is also called for commands that ignore their arguments, so every command that was carried
    out can be written to a file and read again.
    """
    if len(args) > MAX_ARGUMENTS:
        raise CommandError(f"{address}: no command takes {len(args)} arguments")
    texts = [argument for argument in args if isinstance(argument, str)]
    if sum(map(len, texts)) > MAX_TEXT:
        raise CommandError(f"{address}: no command takes a text of over {MAX_TEXT} characters")
    for argument in args:
        if not isinstance(argument, str):
            finite(address, argument)


def finite(address: str, argument: Argument) -> float:
    """The argument as a float. Raises `CommandError` if it is not a finite number."""
    try:
        value = math.nan if isinstance(argument, str) else float(argument)
    except (OverflowError, TypeError):
        value = math.nan
    if not math.isfinite(value):
        raise CommandError(f"{address} takes a finite number, got {argument!r:.40}")
    return value


def pressed(address: str, args: Sequence[Argument]) -> bool:
    """Whether a button was pressed: it sends nothing, or first a number above 0.

    It sends 0 when it is released. Raises `CommandError` for anything else than a number.
    """
    if args and isinstance(args[0], str):
        raise CommandError(f"{address} takes nothing, or 1 for a press, got {args[0]!r:.40}")
    return not args or finite(address, args[0]) > 0
