"""Sends one packet to a running instrument and receives its answers."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

from latentpad.controllers.osc.packet import LARGEST, Message, OscError, decode
from latentpad.models.errors import LatentpadError

ANSWER_S = 0.2
"""Seconds within which an instrument answers, or the system reports a closed port."""


class Unreachable(LatentpadError):
    """A host that cannot be reached: one line with the reason."""


class NobodyListens(Unreachable):
    """The host refuses the port: one line with what to do."""


def ask(packet: bytes, host: str, port: int, seconds: float = ANSWER_S) -> list[Message]:
    """Send `packet` by UDP, and return the messages that come back within `seconds`.

    A host reports a closed port; a host that does not exist reports nothing. If a name has several
    addresses, the first that takes the packet is used. Raises `NobodyListens`, and `Unreachable`
    for a host that cannot be reached.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Unreachable(f"there is no host {host!r} ({why})") from None
    refused, fault = False, ""
    for family, _, _, _, address in dict.fromkeys(addresses):
        try:
            return _ask_address(packet, family, address, seconds)
        except ConnectionRefusedError:
            refused = True
        except OSError as error:
            fault = str(error.strerror or error)
    if refused:
        raise NobodyListens(
            f"nobody listens on UDP port {port} of {host}: start the instrument with "
            "`latentpad play`, or name its --port"
        )
    raise Unreachable(f"{host} port {port} cannot be reached: {fault}")


def _ask_address(
    packet: bytes, family: socket.AddressFamily | int, address: Any, seconds: float
) -> list[Message]:
    with ExitStack() as opened:
        udp = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        udp.connect(address)  # without it a refusal is not reported
        sockets = [udp]
        # The values of `/sync` come from other ports of the host: a second socket on the same port
        # receives them. Where the system does not allow it, they are lost.
        with suppress(OSError):
            beside = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            for one in (udp, beside):  # no other program has this port
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            beside.bind(udp.getsockname())
            sockets.append(beside)
        udp.send(packet)
        return list(_answers(sockets, udp.getpeername()[0], seconds))


def _answers(sockets: list[socket.socket], host: str, seconds: float) -> Iterator[Message]:
    end = time.monotonic() + seconds
    received = False
    while (seconds_left := end - time.monotonic()) > 0:
        for ready in select.select(sockets, [], [], seconds_left)[0]:
            try:
                data, sender = ready.recvfrom(LARGEST)
            except ConnectionRefusedError:
                if not received:
                    raise
                return  # the instrument has ended meanwhile
            received = True
            if sender[0] == host:
                with suppress(OscError):  # not from an instrument
                    yield from decode(data).messages
