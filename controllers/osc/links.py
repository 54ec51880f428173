"""OSC over TCP: connections that send commands, and get feedback and answers on the same way.

A connection is a sender of its own. When it is lost, what it holds is released at once, so a client
that ends with a finger down leaves no sound behind. All code here runs on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

from latentpad.controllers.osc import reach
from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.osc.framing import Framing, detect
from latentpad.controllers.osc.packet import OscError, encode
from latentpad.controllers.osc.server import OscServer
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import NOBODY, Sender

LINKS = 64
"""Connections at a time; further ones are closed."""

UNSENT = 64 * 1024
"""Bytes that may wait for a slow receiver, here and in the system. Then only the newest value of
each address waits."""

SILENT_S = 10
"""Seconds after which a peer is lost that does not even acknowledge."""


class Links:
    """Accepts connections, and knows the open ones by the name of their peer, `HOST:PORT`."""

    def __init__(self, server: OscServer, feedback: Feedback, say: Callable[[str], None]) -> None:
        self.server = server
        self.feedback = feedback
        self.say = say
        self.open: dict[str, Link] = {}
        self._listening: list[asyncio.Server] = []

    async def listen(self, host: str, port: int) -> None:
        """Accept connections. Raises `PortTaken`, or another `OSError`."""
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: Link(self), sock=reach.tcp(host, port))
        self._listening.append(listening)

    def send(self, packet: bytes, peer: str) -> bool:
        """Send a packet on the connection of `peer`. False if there is none."""
        link = self.open.get(peer)
        if link is not None:
            link.send_packet(packet)
        return link is not None

    def close(self) -> None:
        """Close all connections, and accept no more."""
        for listening in self._listening:
            listening.close()
        for link in list(self.open.values()):
            link.close()


class Link(asyncio.Protocol):
    """One connection. A sink of the feedback: answers from the start, values after `/sync`."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._framing: Framing | None = None
        self._sender = NOBODY
        self._waiting: dict[str, Sequence[Argument]] | None = None  # while the receiver is slow

    @property
    def waits(self) -> bool:
        """Whether its receiver is slow."""
        return self._waiting is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        host, port = transport.get_extra_info("peername")[:2]
        self._peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if len(self._links.open) >= LINKS:
            self._links.say(f"note   {self._peer} is turned away: {LINKS} connections are open")
            transport.abort()
            return
        self._sender = Sender(f"tcp {self._peer}", port)
        transport.set_write_buffer_limits(high=UNSENT)
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT)
        _notice_loss(connection)
        self._links.open[self._peer] = self
        self._links.feedback.follow(self, self._sender, values=False)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        try:
            if self._framing is None:
                self._framing = detect(data)
            packets = self._framing.feed(data)
        except OscError as error:  # where the next packet begins is not known
            self._links.server.malformed(data, self._sender, f"{error}; the connection is closed")
            self._transport.abort()
            return
        self._links.server.take([(packet, self._sender) for packet in packets])

    def connection_lost(self, error: Exception | None) -> None:
        """Called by asyncio."""
        if self._links.open.pop(self._peer, None) is self:
            self._links.feedback.unfollow(self)
            self._links.server.release(self._sender)

    def pause_writing(self) -> None:
        """Called by asyncio: too much waits."""
        self._waiting = {}

    def resume_writing(self) -> None:
        """Called by asyncio: it can take more."""
        waiting, self._waiting = self._waiting or {}, None
        for address, args in waiting.items():
            self.send(address, args)

    def send(self, address: str, args: Sequence[Argument]) -> None:
        """As `Sink.send`."""
        if self._waiting is not None:
            self._waiting[address] = args
        else:
            self.send_packet(encode(address, args))

    def send_packet(self, packet: bytes) -> None:
        """Send a packet, framed as its own are; it is lost while the receiver is slow."""
        if self._framing is not None and self._waiting is None and not self._transport.is_closing():
            self._transport.write(self._framing.frame(packet))

    def close(self) -> None:
        """Close it, without what still waits."""
        self._transport.abort()


def _notice_loss(connection: socket.socket) -> None:
    """Have the system look for a peer that has vanished: a tablet out of reach says no goodbye."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", SILENT_S // 2), ("TCP_KEEPINTVL", 1), ("TCP_KEEPCNT", SILENT_S // 2),
        ("TCP_USER_TIMEOUT", 1000 * SILENT_S),
    ):  # fmt: skip
        with suppress(AttributeError, OSError):  # not on every system
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
