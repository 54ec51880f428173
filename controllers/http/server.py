"""The answers to HTTP requests: pages, OSCQuery's JSON, and WebSockets.

On the thread of `HttpController` only. It imports aiohttp, so it is imported there, too.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from latentpad.controllers.controller import Connection
from latentpad.controllers.http.listener import Listener
from latentpad.controllers.http.pages import Page, Request
from latentpad.controllers.http.tree import ATTRIBUTES, EXTENSIONS, Tree
from latentpad.controllers.osc.packet import LARGEST
from latentpad.engine.control.instrument import Sender
from latentpad.models.text import printable

if TYPE_CHECKING:
    from latentpad.controllers.http.controller import HttpController

CLIENTS = 32
"""WebSockets at a time."""

HEARTBEAT_S = 5.0
"""Seconds between two signs of life that a WebSocket's client is asked for."""


@asynccontextmanager
async def serving(
    controller: HttpController, connection: Connection, sockets: Sequence[socket.socket]
) -> AsyncIterator[None]:
    """Serve on these sockets inside."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", Answers(controller, connection).answer)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.05)
    await runner.setup()
    try:
        for listening in sockets:
            await web.SockSite(runner, listening).start()
        yield
    finally:
        await runner.cleanup()


class Answers:
    """Answers requests. Its methods run on the event loop of the HTTP thread."""

    def __init__(self, controller: HttpController, connection: Connection) -> None:
        self._controller = controller
        self._connection = connection
        self._tree = Tree(connection.instrument)
        self._listeners: set[Listener] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer any request."""
        if request.method not in ("GET", "HEAD"):
            return _text(405, "this server is read only: GET")
        asked = Request(request.remote or "127.0.0.1", request.headers, request.query)
        page = self._controller.pages.get(request.path)
        if page is not None and _wants_page(request):
            refusal = self._controller.access.refusal_of_page(asked)
            return _text(403, refusal) if refusal else await _page(page)
        if refusal := self._controller.access.refusal_of_query(asked):
            return _text(403, refusal)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._websocket(request)
        return self._query(request)

    def _query(self, request: web.Request) -> web.Response:
        """OSCQuery's answer: the node at the path, or the one attribute that is asked for."""
        attribute = request.query_string.partition("&")[0].rstrip("=")
        if attribute == "HOST_INFO":
            return _json(self._host_info())
        if attribute and attribute not in ATTRIBUTES:
            return _text(400, f"{printable(attribute, 40)} is none of {', '.join(ATTRIBUTES)}")
        node = self._tree.node(request.path)
        if node is None:
            return _text(404, f"there is no {printable(request.path, 80)}")
        if not attribute:
            return _json(node)
        if attribute not in node:
            return web.Response(status=204)
        return _json({attribute: node[attribute]})

    def _host_info(self) -> dict[str, Any]:
        return {
            "NAME": "Latentpad",
            "OSC_PORT": self._controller.osc.address[1],
            "OSC_TRANSPORT": "UDP",
            "WS_PORT": self._controller.port,
            "EXTENSIONS": dict.fromkeys((*EXTENSIONS, "LISTEN", "PATH_CHANGED"), True),
        }

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if len(self._listeners) >= CLIENTS:
            return _text(503, f"{CLIENTS} WebSockets are open")
        websocket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=LARGEST)
        await websocket.prepare(request)
        osc, sender = self._controller.osc, _sender(request)
        listener = Listener(websocket, self._connection, osc, self._tree, sender)
        self._listeners.add(listener)
        try:
            await listener.run()
        finally:
            self._listeners.discard(listener)
        return websocket


def _sender(request: web.Request) -> Sender:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    host, port = peer[:2] if peer else ("", 0)  # it is gone already
    return Sender(f"web [{host}]:{port}" if ":" in host else f"web {host}:{port}", port)


def _wants_page(request: web.Request) -> bool:
    """Whether a path that has both a page and a node is asked for its page. At `/` a program that
    takes JSON, or that asks for an attribute, wants the node."""
    if request.path != "/":
        return True
    query = request.query_string.partition("&")[0].rstrip("=")
    accept = request.headers.get("Accept", "")
    is_websocket = "Upgrade" in request.headers
    return not is_websocket and query not in ("HOST_INFO", *ATTRIBUTES) and "text/html" in accept


async def _page(page: Page) -> web.Response:
    made = await asyncio.to_thread(page.make)
    body = made.encode() if isinstance(made, str) else made
    charset = "; charset=utf-8" if page.type.startswith("text/") else ""
    headers = {"Content-Type": page.type + charset, "Cache-Control": "no-store"}
    if page.filename:
        headers["Content-Disposition"] = f'attachment; filename="{page.filename}"'
    return web.Response(body=body, headers=headers)


def _json(value: Any) -> web.Response:
    text = json.dumps(value, allow_nan=False)
    return web.Response(text=text, content_type="application/json")


def _text(status: int, line: str) -> web.Response:
    return web.Response(status=status, text=line + "\n")
