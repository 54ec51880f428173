"""Discovery by mDNS: the instrument is found, and finds the pads that say where they listen.

It announces `_osc._udp`, and `_oscjson._tcp` (OSCQuery) where the network may have it. It browses
`_osc._udp`: a pad that announces the port that it receives on gets feedback without `/sync`. A
TouchOSC gets it at once. Any other program gets it when it has sent something: it may be another
instrument, which feedback would play.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from latentpad.controllers.controller import Connection
from latentpad.controllers.osc import interfaces, reach
from latentpad.engine import error_log
from latentpad.engine.control.instrument import Sender
from latentpad.models.text import printable

if TYPE_CHECKING:
    from zeroconf import Zeroconf

OSC, OSC_TCP, OSCQUERY = "_osc._udp.local.", "_osc._tcp.local.", "_oscjson._tcp.local."
PAD = "touchosc"
"""What the name of a service has, in any case, if it is a pad that waits for feedback."""

ANNOUNCED = 64
"""Hosts whose ports are remembered."""

LOOKUP_MS = 3000
STOP_S = 0.15
MOST_SHOWN = 60  # characters of a name
_OURS = {b"app": b"latentpad"}


class DiscoveryController:
    """Announces OSC on `osc_port`, and OSCQuery on `http_port` if there is one.

    What it needs is imported, and waits for the network, on a thread of its own.
    """

    def __init__(self, osc_port: int, http_port: int | None) -> None:
        self._ports = {OSC: osc_port, OSC_TCP: osc_port}
        if http_port is not None:
            self._ports[OSCQUERY] = http_port
        self._zeroconf: Zeroconf | None = None
        self._announced: dict[str, int] = {}  # ports by the sender group of their host
        self._stopping = threading.Event()

    async def start(self, connection: Connection) -> None:
        """As `Controller.start`."""
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        if find_spec("zeroconf") is None:
            connection.say("note   nothing is announced: the package zeroconf is not installed")
            return
        connection.instrument.hearers.append(self._heard)
        threading.Thread(target=self._run, name="discovery", daemon=True).start()

    async def stop(self) -> None:
        """As `Controller.stop`: says goodbye to the network, as far as there is time."""
        self._stopping.set()
        if (zeroconf := self._zeroconf) is not None:
            self._connection.instrument.hearers.remove(self._heard)
            closing = threading.Thread(target=zeroconf.close, daemon=True)
            closing.start()
            await asyncio.to_thread(closing.join, STOP_S)

    def _run(self) -> None:
        try:
            self._announce()
        except Exception as error:  # no interface, no multicast, a name that all others have
            error_log.report(error)
            self._connection.say(
                f"note   nothing is announced by mDNS ({type(error).__name__}: {error}); "
                "name the instrument by its address"
            )

    def _announce(self) -> None:
        from zeroconf import ServiceBrowser, ServiceInfo, ServiceStateChange, Zeroconf

        zeroconf = Zeroconf()
        self._zeroconf = zeroconf
        host = socket.gethostname().partition(".")[0] or "latentpad"
        addresses = [
            ipaddress.ip_address(address).packed for address in interfaces.addresses(reach.LAN[1])
        ]
        for kind, port in self._ports.items():
            zeroconf.register_service(
                ServiceInfo(
                    kind, f"Latentpad on {host}.{kind}", port, addresses=addresses,
                    properties=_OURS, server=f"{host}.local.",
                ),
                allow_name_change=True,
            )  # fmt: skip
            if self._stopping.is_set():
                return

        def changed(
            zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
        ) -> None:
            if state_change is ServiceStateChange.Removed:
                return
            try:
                info = zeroconf.get_service_info(service_type, name, LOOKUP_MS)
            except Exception as error:
                if not self._stopping.is_set():  # else it was closed meanwhile
                    error_log.report(error)
                return
            if info is not None and info.port and dict(info.properties) != _OURS:
                title = name.removesuffix(f".{service_type}")
                self._found(title, info.parsed_scoped_addresses(), info.port)

        ServiceBrowser(zeroconf, OSC, handlers=[changed])

    def _found(self, title: str, addresses: list[str], port: int) -> None:
        """Note where a program listens; a pad is sent feedback at once."""
        if PAD in title.lower() and addresses:
            self._invite(addresses[0], port, title)
            return
        for address in addresses:
            self._announced[f"osc {address}"] = port
        while len(self._announced) > ANNOUNCED:
            del self._announced[next(iter(self._announced))]

    def _heard(self, address: str, sender: Sender) -> None:
        if self._announced and (port := self._announced.pop(sender.group, None)) is not None:
            self._invite(sender.group.partition(" ")[2], port, "")

    def _invite(self, host: str, port: int, title: str) -> None:
        """Do what `/sync PORT` from that host does."""
        sender = Sender(f"osc {host}", port)
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._connection.apply, "/sync", (port,), sender)
        name = printable(title, MOST_SHOWN) or "a program"
        self._connection.say(f"found  {name}: feedback goes to {host} port {port}")
