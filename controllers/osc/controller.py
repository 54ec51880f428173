"""OSC as a controller: over UDP and TCP, the answers to its senders, and `/monitor`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from latentpad.controllers.controller import Connection
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.osc import reach
from latentpad.controllers.osc.links import Link, Links
from latentpad.controllers.osc.monitor import Monitor
from latentpad.controllers.osc.replies import Replies
from latentpad.controllers.osc.server import OscCounts, OscServer, listen
from latentpad.engine.control.instrument import Sender
from latentpad.engine.rate_limit import RateLimit

DROPS_S = 10.0
"""Seconds between two lines about dropped packets."""


class OscController:
    """Listens on `port`, by UDP and TCP, on IPv4 and IPv6 where the machine has them.

    With `lan` it listens to the network, else to this machine.
    """

    def __init__(self, port: int, learning: Learning | None = None, *, lan: bool = False) -> None:
        self._lan, self._port, self._learning = lan, port, learning
        self._server: OscServer | None = None
        self._links: Links | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_ipv6 = False

    @property
    def counts(self) -> OscCounts:
        """Counts of packets and commands since the start."""
        assert self._server is not None
        return self._server.counts

    @property
    def dropped(self) -> int:
        """Datagrams that the system has dropped (`OscServer.dropped`)."""
        assert self._server is not None
        return self._server.dropped

    @property
    def links(self) -> list[Link]:
        """The open TCP connections."""
        return [] if self._links is None else list(self._links.open.values())

    async def start(self, connection: Connection) -> None:
        """As `Controller.start`. Raises `PortTaken`, or another `OSError`."""
        outcomes = connection.outcomes
        ipv4, ipv6 = reach.LAN if self._lan else reach.LOCAL
        server = await listen(connection.instrument, ipv4, self._port, outcomes, self._learning)
        self._loop = asyncio.get_running_loop()
        limit = RateLimit(1, DROPS_S, time.monotonic)

        def tell(dropped: int) -> None:
            if limit.take():
                connection.say(
                    f"note   the system has dropped {dropped} OSC packets so far: they come faster "
                    "than they can be read; the newest of each control may be among them"
                )

        server.on_drop = tell
        self._server, port = server, server.address[1]
        try:
            server.listen(reach.udp(ipv6, port))
            self._has_ipv6 = True
        except OSError as error:
            if not reach.has_no_ipv6(error):
                server.close()
                raise
        self._links = Links(server, connection.feedback, connection.say)
        try:
            for host in (ipv4, ipv6) if self._has_ipv6 else (ipv4,):
                await self._links.listen(host, port)
        except OSError as error:
            connection.say(f"note   OSC over TCP: {error}; over UDP it plays")
        if self._learning is not None:
            connection.feedback.copied.append(self._learning.values)
        Replies(outcomes, self._send, connection.feedback)
        Monitor(outcomes, self._send, connection.feedback)

    @property
    def address(self) -> tuple[str, int]:
        """The host and port that it listens on; the host `::` means both versions of IP."""
        assert self._server is not None
        host, port = self._server.address
        return reach.LAN[1] if self._lan and self._has_ipv6 else host, port

    def take(self, batch: Sequence[tuple[bytes, Sender]]) -> None:
        """As `OscServer.take`. Event loop's thread only."""
        assert self._server is not None
        self._server.take(batch)

    def receive(self, packet: bytes, sender: Sender) -> None:
        """Carry out a packet that came in some other way. Any thread."""
        self._soon(self.take, [(packet, sender)])

    def release(self, sender: Sender) -> None:
        """Release what such a sender holds: it has gone. Any thread."""
        assert self._server is not None
        self._soon(self._server.release, sender)

    def _soon(self, call: Callable[..., None], argument: object) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(call, argument)

    async def stop(self) -> None:
        """As `Controller.stop`; bundles that wait for their time tag are dropped."""
        if self._links is not None:
            self._links.close()
        if self._server is not None:
            self._server.close()

    def _send(self, packet: bytes, host: str, port: int) -> None:
        """Send to a host and port by UDP, or to the peer of a connection, whose name has both."""
        assert self._server is not None and self._links is not None
        if not self._links.send(packet, host):
            self._server.send(packet, host, port)
