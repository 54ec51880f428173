"""HTTP as a controller: its port, its pages, and the thread that serves them.

The port is bound at the start, so that the terminal can say where it is. aiohttp takes some tenths
of a second to import: that, and all that serves, is on a thread of its own, started when the
instrument plays already. Without aiohttp, or without the port, the instrument plays as well.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from importlib.util import find_spec
from urllib.parse import urlencode

from latentpad.controllers.controller import Connection
from latentpad.controllers.http.pages import Access, Page
from latentpad.controllers.osc import interfaces, reach
from latentpad.controllers.osc.controller import OscController
from latentpad.engine import error_log

STOP_S = 0.15
"""Seconds for open connections to be closed."""


class HttpController:
    """Serves OSCQuery and `pages` on `port` of this machine; with `lan` also to the network.

    `pages` are by their paths. `lan_oscquery`: OSCQuery is for the network too.
    """

    def __init__(
        self, osc: OscController, port: int, *, lan: bool = False, lan_oscquery: bool = False
    ) -> None:
        self.pages: dict[str, Page] = {}
        self.access = Access(lan_oscquery=lan_oscquery)
        self.osc = osc
        self._port = port
        self._lan = lan
        self._lan_oscquery = lan_oscquery
        self._sockets: list[socket.socket] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopped: asyncio.Event | None = None

    @property
    def port(self) -> int | None:
        """The port that it listens on; None if it does not."""
        return int(self._sockets[0].getsockname()[1]) if self._sockets else None

    def bind(self) -> str:
        """Take the port, and return a line for the performer: where it is, or why it is not."""
        if find_spec("aiohttp") is None:
            return "note   no OSCQuery and no page: the package aiohttp is not installed"
        ipv4, ipv6 = reach.LAN if self._lan else reach.LOCAL
        try:
            self._sockets.append(reach.tcp(ipv4, self._port, option="--http-port"))
        except OSError as error:
            return f"note   no OSCQuery and no page: {error}"
        with suppress(OSError):  # without IPv6, or where another program has the port on it
            self._sockets.append(reach.tcp(ipv6, self.port or 0))
        limits = "" if self._lan_oscquery or not self._lan else ", to this machine (--lan-oscquery)"
        return f"HTTP   {self._url('/')} (OSCQuery{limits})"

    def link(self, path: str) -> str:
        """The URL of a page for a phone or tablet, with its token; empty if nothing is served."""
        token = f"?{urlencode({'token': self.access.token})}" if self._lan else ""
        return f"{self._url(path)}{token}" if self._sockets else ""

    def _url(self, path: str) -> str:
        host = self._sockets[0].getsockname()[0]
        address = (interfaces.addresses(host) or [reach.LOCAL[0]])[0]
        return f"http://{address}:{self.port}{path}"

    async def start(self, connection: Connection) -> None:
        """As `Controller.start`. Returns before aiohttp is imported; requests wait meanwhile."""
        if self._sockets:
            self._thread = threading.Thread(
                target=self._run, args=(connection,), name="http", daemon=True
            )
            self._thread.start()

    async def stop(self) -> None:
        """As `Controller.stop`."""
        if self._loop is not None and self._stopped is not None and self._thread is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._stopped.set)
            await asyncio.to_thread(self._thread.join, STOP_S)
        for listening in self._sockets:
            listening.close()
        self._sockets.clear()

    def _run(self, connection: Connection) -> None:
        try:
            asyncio.run(self._serve(connection))
        except Exception as error:
            error_log.report(error)
            connection.say(f"note   no OSCQuery and no page: {error}")
            for listening in self._sockets:  # whoever waits there is not left waiting
                listening.close()

    async def _serve(self, connection: Connection) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        from latentpad.controllers.http.server import serving

        async with serving(self, connection, self._sockets):
            await self._stopped.wait()
