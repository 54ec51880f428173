"""One WebSocket of OSCQuery: a client that sends commands, and listens to values.

It sends OSC packets as binary messages, and LISTEN and IGNORE as JSON. What it listens to comes as
OSC packets, each value at most 60 times a second, its own changes 0.3 s later. For a slow client
only the newest value of each address waits.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress

from aiohttp import WSMsgType, web

from latentpad.controllers.controller import Connection
from latentpad.controllers.http.tree import Tree
from latentpad.controllers.osc.controller import OscController
from latentpad.controllers.osc.packet import encode
from latentpad.engine.arguments import Argument, CommandError, UnknownAddress
from latentpad.engine.control.instrument import Sender

MOST_TEXT = 400
"""Characters of a command; what is longer is none."""


class Listener:
    """A client. `send` is called on the main thread; all else runs on the HTTP thread."""

    def __init__(
        self,
        websocket: web.WebSocketResponse,
        connection: Connection,
        osc: OscController,
        tree: Tree,
        sender: Sender,
    ) -> None:
        self._websocket = websocket
        self._connection = connection
        self._osc = osc
        self._tree = tree
        self._sender = sender
        self._loop = asyncio.get_running_loop()
        self._heard: frozenset[str] = frozenset()  # replaced as a whole: two threads read it
        self._pack: Sequence[Argument] = ()
        self._pending: dict[str, Sequence[Argument]] = {}
        self._new = asyncio.Event()

    async def run(self) -> None:
        """Serve the client until it closes."""
        sending = self._loop.create_task(self._send_pending())
        try:
            async for message in self._websocket:
                if message.type is WSMsgType.BINARY:
                    self._osc.receive(message.data, self._sender)
                elif message.type is WSMsgType.TEXT:
                    self._obey(message.data)
        finally:
            sending.cancel()
            self._connection.unfollow(self)
            self._osc.release(self._sender)

    def send(self, address: str, args: Sequence[Argument]) -> None:
        """As `Sink.send`."""
        if address in self._heard or address == "/pack":
            with suppress(RuntimeError):  # the thread has ended
                self._loop.call_soon_threadsafe(self._wait, address, args)

    def _wait(self, address: str, args: Sequence[Argument]) -> None:
        self._pending[address] = args
        self._new.set()

    async def _send_pending(self) -> None:
        with suppress(ConnectionError):
            while True:
                await self._new.wait()
                self._new.clear()
                pending, self._pending = self._pending, {}
                for address, args in pending.items():
                    await self._send(address, args)

    async def _send(self, address: str, args: Sequence[Argument]) -> None:
        if address == "/pack":
            if self._pack not in ((), args):
                changed = {"COMMAND": "PATH_CHANGED", "DATA": "/"}
                await self._websocket.send_str(json.dumps(changed))
            self._pack = args
        if address in self._heard:
            await self._websocket.send_bytes(encode(address, self._tree.typed(address, args)))

    def _obey(self, text: str) -> None:
        """Carry out LISTEN or IGNORE: an address, or all below it."""
        outcomes = self._connection.outcomes
        try:
            order = json.loads(text[:MOST_TEXT])
            command, path = order["COMMAND"], order["DATA"]
        except (ValueError, TypeError, LookupError, RecursionError):
            outcomes.malformed(text.encode(), self._sender, "it is no command of OSCQuery")
            return
        addresses = self._tree.addresses(path) if isinstance(path, str) else []
        if command not in ("LISTEN", "IGNORE"):
            outcomes.refuse(f"{path}", (), self._sender, CommandError(f"there is no {command}"))
        elif not addresses:
            error = UnknownAddress(f"{path}: there is no such address")
            outcomes.refuse(f"{path}", (), self._sender, error)
        elif command == "IGNORE":
            had, self._heard = self._heard, self._heard - set(addresses)
            if had and not self._heard:
                self._connection.unfollow(self)
        else:
            had, self._heard = self._heard, self._heard | set(addresses)
            if not had:
                self._connection.follow(self, self._sender)  # which sends all values
            else:
                for address, args in self._tree.values_of(addresses).items():
                    self._wait(address, args)
