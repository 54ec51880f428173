"""One packet to a running instrument, and what it answers."""

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
"""Seconds in which an instrument answers, and a system tells that nobody listens."""


class Unreachable(LatentpadError):
    """A host cannot be reached: one line saying why."""


class NobodyListens(Unreachable):
    """The host is there and refuses the port: one line saying what to do."""


def ask(packet: bytes, host: str, port: int, seconds: float = ANSWER_S) -> list[Message]:
    """Send `packet` by UDP, and give the messages that come back within `seconds`.

    A closed port is told by the host that has it; a host that is not there tells nothing. Of a
    name with several addresses the first one that takes the packet gets it. Raises
    `NobodyListens`, and `Unreachable` for a host that cannot be reached.
    """
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Unreachable(f"there is no host {host!r} ({why})") from None
    nobody, fault = False, ""
    for family, _, _, _, place in dict.fromkeys(places):
        try:
            return _asked(packet, family, place, seconds)
        except ConnectionRefusedError:
            nobody = True
        except OSError as error:
            fault = str(error.strerror or error)
    if nobody:
        raise NobodyListens(
            f"nobody listens on UDP port {port} of {host}: start the instrument with "
            "`latentpad play`, or name its --port"
        )
    raise Unreachable(f"{host} port {port} cannot be reached: {fault}")


def _asked(
    packet: bytes, family: socket.AddressFamily | int, place: Any, seconds: float
) -> list[Message]:
    with ExitStack() as opened:
        udp = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        udp.connect(place)  # else a refusal is not told to us
        sockets = [udp]
        # What `/sync` asks for comes from other ports of the host: a second socket on our own port
        # has that. A system that does not let it be goes without.
        with suppress(OSError):
            beside = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            for one in (udp, beside):  # the port is ours alone by now
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            beside.bind(udp.getsockname())
            sockets.append(beside)
        udp.send(packet)
        return list(_answers(sockets, udp.getpeername()[0], seconds))


def _answers(sockets: list[socket.socket], host: str, seconds: float) -> Iterator[Message]:
    end = time.monotonic() + seconds
    came = False
    while (left := end - time.monotonic()) > 0:
        for ready in select.select(sockets, [], [], left)[0]:
            try:
                data, sender = ready.recvfrom(LARGEST)
            except ConnectionRefusedError:
                if not came:
                    raise
                return  # it has ended meanwhile
            came = True
            if sender[0] == host:
                with suppress(OscError):  # nothing of ours
                    yield from decode(data).messages
