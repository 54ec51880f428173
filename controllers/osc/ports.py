"""The ports that a sender may name to be answered on."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Sender

LOWEST = 1024
"""The lowest port that is answered on: those below are for system services."""


def asked(
    address: str, args: Sequence[Argument], sender: Sender, own_port: int | None
) -> int | None:
    """The port that an OSC sender names: None for no port or a press, 0 for a release.

    `own_port` is the instrument's, which nobody may name. Raises `CommandError`.
    """
    if not sender.group.startswith(("osc ", "tcp ")):
        raise CommandError(f"{address} is for OSC senders")
    if len(args) > 1:
        raise CommandError(f"{address} takes nothing, or a UDP port, not {len(args)} arguments")
    named = _named(address, args[0]) if args else None
    if sender.group.startswith("tcp "):  # whatever it names, its connection is the way back
        return 0 if named == 0 else None
    if own_port is not None and (named or sender.port) == own_port and _is_here(sender):
        raise CommandError(
            f"{address}: {own_port} is the port that this instrument listens on; name yours"
        )
    return named


def _named(address: str, argument: Argument) -> int | None:
    if isinstance(argument, float | int):
        if argument == 0:
            return 0
        if 0 < argument <= 1:
            return None
        if LOWEST <= argument <= 65_535 and argument == int(argument):
            return int(argument)
    raise CommandError(
        f"{address} takes nothing, or a UDP port of {LOWEST}...65535, got {argument!r:.40}"
    )


def _is_here(sender: Sender) -> bool:
    """Whether the sender's address is of this machine: only those can be bound."""
    host = sender.group.partition(" ")[2]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return True
    return False
