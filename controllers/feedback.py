"""Values back to those who asked for them with `/sync [port]`.

A value goes out at most 60 times a second, the newest one, and never to the one who is
touching that control. The instrument's threads only note what has changed; the sending is
done on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from controllers.osc import encode
from engine.instrument import NOBODY, Instrument, Sender
from engine.parameters import Argument, CommandError

INTERVAL = 1 / 60
"""Seconds between two messages of one value."""

SUBSCRIBERS = 32
"""When one more comes, the one heard from longest ago goes."""

FORGET = 3600.0
"""Seconds without a command from its host after which a subscriber is dropped: an app that is
closed is noticed by its refusals; this is for a device that left the network."""


# What happens rather than what is: sent later or thinned out it would be wrong.
def _is_event(address: str) -> bool:
    return address in ("/note", "/panic") or address.startswith("/snapshot/")


@dataclass(eq=False)
class Subscriber:
    """Someone who is kept informed, through a connected socket: that reports refusals."""

    group: str
    ports: tuple[int, int]  # it sends from the first and is answered on the second
    socket: socket.socket
    heard: float
    pending: dict[str, Sequence[Argument]] = field(default_factory=dict)

    def sent(self, sender: Sender) -> bool:
        return sender.group == self.group and sender.port in self.ports


class Feedback:
    """Answers `/sync` and follows the instrument's changes. Make it on the event loop's thread;
    `publish` may be called from any."""

    def __init__(
        self, instrument: Instrument, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.subscribers: list[Subscriber] = []
        self._instrument = instrument
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._scheduled = False
        self._flushed = -INTERVAL
        instrument.register("/sync", self._sync)
        instrument.listeners.append(self._changed)

    def close(self) -> None:
        self._instrument.listeners.remove(self._changed)
        for subscriber in list(self.subscribers):
            self._drop(subscriber)

    def publish(self, address: str, args: Sequence[Argument]) -> None:
        """Send a value that is no parameter (a meter) to every subscriber, at the same rate."""
        self._changed(address, args, NOBODY)

    def _sync(self, args: Sequence[Argument], sender: Sender) -> None:
        kind, _, host = sender.group.partition(" ")
        if kind != "osc":
            raise CommandError("/sync is for OSC senders")
        port = args[0] if args else sender.port
        if len(args) > 1 or isinstance(port, str) or not 0 < port < 65_536:
            raise CommandError("/sync takes nothing, or the UDP port to answer on")
        ports = (sender.port, int(port))
        with self._lock:
            for known in list(self.subscribers):
                if known.group == sender.group and known.ports[1] == ports[1]:
                    self._drop(known)
            while len(self.subscribers) >= SUBSCRIBERS:
                self._drop(min(self.subscribers, key=lambda s: s.heard))
            subscriber = Subscriber(sender.group, ports, _connected(host, ports[1]), self._clock())
            subscriber.pending.update(self._instrument.values())
            self.subscribers.append(subscriber)
        self._wake()

    def _changed(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        if not self.subscribers or _is_event(address):
            return
        with self._lock:
            for subscriber in self.subscribers:
                if sender.group == subscriber.group:
                    subscriber.heard = self._clock()
                if subscriber.sent(sender):
                    # An older value from someone else would pull the control from the finger.
                    subscriber.pending.pop(address, None)
                else:
                    subscriber.pending[address] = args
        self._wake()

    def _wake(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon_threadsafe(self._schedule)

    def _schedule(self) -> None:
        self._loop.call_later(self._flushed + INTERVAL - self._loop.time(), self._flush)

    def _flush(self) -> None:
        self._flushed = self._loop.time()
        self._scheduled = False
        with self._lock:
            waiting = [(s, s.pending) for s in self.subscribers if s.pending]
            for subscriber, _ in waiting:
                subscriber.pending = {}
        for subscriber, values in waiting:
            if self._clock() - subscriber.heard > FORGET or not self._send(subscriber, values):
                with self._lock:
                    self._drop(subscriber)

    def _send(self, subscriber: Subscriber, values: dict[str, Sequence[Argument]]) -> bool:
        """Send the values; False when nobody is there any more."""
        unsent = dict(values)
        for address, args in values.items():
            try:
                subscriber.socket.send(encode(address, args))
            except ConnectionRefusedError:
                return False
            except BlockingIOError:  # the rest goes with the next ones, unless newer came
                with self._lock:
                    subscriber.pending = unsent | subscriber.pending
                self._wake()
                break
            except OSError:  # no way there just now: as a datagram that got lost
                pass
            del unsent[address]
        return True

    def _drop(self, subscriber: Subscriber) -> None:
        if subscriber in self.subscribers:
            self.subscribers.remove(subscriber)
            subscriber.socket.close()


def _connected(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
        )[0]
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.setblocking(False)
        udp.connect(address)
    except OSError as error:
        raise CommandError(f"/sync: {host} port {port} cannot be reached ({error})") from None
    return udp
