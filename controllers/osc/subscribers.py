"""Who asked to be kept informed, where they listen, and how long that may be believed.

Anyone can write any sender's address on a datagram, so what one packet can make the instrument
send is bounded: to the sender's own address only, to few ports of it, a copy of all values once a
second, and changes only as long as that host is heard. A host that falls silent, or a port that
refuses, is asleep, not forgotten: the next packet of its host wakes it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from latentpad.controllers.osc.packet import encode
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Sender
from latentpad.engine.rate_limit import RateLimit

Values = dict[str, Sequence[Argument]]

HOSTS = 16
"""When one more comes, the one that is asleep, was not heard since it asked, or was heard longest
ago goes."""

PORTS = 4
"""Of one host; when it asks on one more, one that refuses or was asked for longest ago goes."""

LOWEST = 1024
"""The first port that may be answered on: below are the system's own services."""

FRESH_S = 30.0
"""Seconds for which a host is informed that has sent one packet only."""

KNOWN_S = 300.0
"""Seconds for which a host is informed after its last packet."""

COPY_S = 1.0
"""Seconds from one copy of all values to one host to the next."""

PROBE_S = 0.1
"""Seconds in which a port that has refused may refuse again."""

BYTES_S = 64_000
"""Bytes a second to one host that is known, and to all others together. What is more waits, the
newest value of each address."""


class SubscriberState(Enum):
    """What a subscriber has, or waits for."""

    WAITS = auto()  # for a copy of all values
    FOLLOWS = auto()  # has had it, and gets what changes
    REFUSES = auto()  # nobody listens there
    WAKES = auto()  # it refused; one value is to go out, and tell whether it still does
    PROBED = auto()  # that value is on its way


LISTENING = (SubscriberState.WAITS, SubscriberState.FOLLOWS)


@dataclass(eq=False)
class Subscriber:
    """Someone who is kept informed, through a connected socket: that reports refusals."""

    source: int  # the port it sends from
    port: int  # the one it is answered on
    socket: socket.socket
    request: int  # number of the request that is answered by a copy
    state: SubscriberState = SubscriberState.WAITS
    tried: float = 0.0  # when it refused, or was probed
    pending: dict[str, Sequence[Argument]] = field(default_factory=dict)

    def send(self, address: str, args: Sequence[Argument]) -> int:
        """Send one value; returns its bytes. Raises `ConnectionRefusedError` where nobody listens
        and `BlockingIOError` where the system takes no more now."""
        packet = encode(address, args)
        try:
            self.socket.send(packet)
        except (ConnectionRefusedError, BlockingIOError):
            raise
        except OSError:  # no way there just now: as a datagram that got lost
            pass
        return len(packet)

    def failed(self) -> bool:
        """Whether something that was sent has been refused since last asked."""
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


@dataclass(eq=False)
class SubscribedHost:
    """One address and its subscribers."""

    group: str
    heard: float
    rate_limit: RateLimit  # of bytes
    known: bool = False  # heard again since it asked
    asleep: bool = False
    port: int | None = None  # that it named last
    copied: float = -COPY_S
    subscribers: list[Subscriber] = field(default_factory=list)


class Subscribers:
    """The hosts that have asked. One thread at a time: under the feedback's lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.hosts: dict[str, SubscribedHost] = {}
        self._clock = clock
        self._requests = 0
        self._strangers = RateLimit(BYTES_S, 1 / BYTES_S, clock)

    def awake(self) -> list[Subscriber]:
        """Those that are told of changes."""
        hosts = (host for host in self.hosts.values() if not host.asleep)
        return [s for host in hosts for s in host.subscribers if s.state in LISTENING]

    def ask(self, sender: Sender, named: int | None) -> None:
        """Inform the sender on the port that it names; without one on that which it sends from,
        and on that which its host has named last. Raises `CommandError`."""
        known = self.hosts.get(sender.group)
        last = known.port if known else None
        ports = [named] if named is not None else [sender.port, *([last] if last else [])]
        usable = [port for port in dict.fromkeys(ports) if port >= LOWEST]
        if not usable:
            raise CommandError(f"/sync: {ports[0]} is no port of {LOWEST}...65535 to answer on")
        request = self._next_request()
        made = [Subscriber(sender.port, p, _connected(sender, p), request) for p in usable]
        host = self._host(sender.group)
        host.port = named if named is not None else host.port
        host.heard, host.asleep = self._clock(), False
        for subscriber in made:
            for old in [s for s in host.subscribers if s.port == subscriber.port]:
                self._drop(host, old)
            while len(host.subscribers) >= PORTS:
                refusing = (s for s in host.subscribers if s.state is SubscriberState.REFUSES)
                self._drop(host, next(refusing, host.subscribers[0]))
            host.subscribers.append(subscriber)

    def hear(self, sender: Sender) -> bool:
        """A command came. True if somebody wakes of it."""
        host = self.hosts.get(sender.group)
        if host is None:
            return False
        now = self._clock()
        if not host.known:
            host.known, host.rate_limit = True, RateLimit(BYTES_S, 1 / BYTES_S, self._clock)
        host.heard = now
        woken, host.asleep = host.asleep, False
        request = self._next_request() if woken else 0
        for subscriber in host.subscribers:
            if subscriber.state is SubscriberState.FOLLOWS and request:
                subscriber.state, subscriber.request = SubscriberState.WAITS, request
            elif subscriber.state is SubscriberState.REFUSES and now - subscriber.tried >= COPY_S:
                subscriber.state, woken = SubscriberState.WAKES, True
        return woken

    def change(self, address: str, args: Sequence[Argument], sender: Sender) -> bool:
        """Note a value for everyone but its sender. True if somebody is to be told."""
        host = self.hosts.get(sender.group)
        own = host.subscribers if host else []
        told = False
        for subscriber in self.awake():
            if sender.port in (subscriber.source, subscriber.port) and subscriber in own:
                # An older value from someone else would pull the control from the finger.
                subscriber.pending.pop(address, None)
            else:
                subscriber.pending[address] = args
                told = True
        return told

    def due(self, values: Callable[[], Values]) -> list[tuple[SubscribedHost, Subscriber]]:
        """Who is to be sent what is pending: changes, a copy of all `values`, a probe."""
        now = self._clock()
        found = []
        for host in self.hosts.values():
            if now - host.heard > (KNOWN_S if host.known else FRESH_S):
                host.asleep = True
                for subscriber in host.subscribers:
                    subscriber.pending.clear()
                continue
            for subscriber in host.subscribers:
                self._probe(subscriber, values, now)
            waiting = [s for s in host.subscribers if s.state is SubscriberState.WAITS]
            if waiting and now - host.copied >= COPY_S:
                host.copied = now
                first = min(subscriber.request for subscriber in waiting)
                for subscriber in waiting:
                    if subscriber.request == first:
                        subscriber.state = SubscriberState.FOLLOWS
                        subscriber.pending = {**values(), **subscriber.pending}
            found += [(host, subscriber) for subscriber in host.subscribers if subscriber.pending]
        return found

    def unfinished(self) -> bool:
        """Whether someone waits for more than the next change."""
        return any(
            s.pending or s.state not in (SubscriberState.FOLLOWS, SubscriberState.REFUSES)
            for host in self.hosts.values()
            if not host.asleep
            for s in host.subscribers
        )

    def refused(self, subscriber: Subscriber) -> None:
        """Nobody listens there now."""
        subscriber.state, subscriber.tried = SubscriberState.REFUSES, self._clock()
        subscriber.pending.clear()

    def close(self) -> None:
        for host in self.hosts.values():
            for subscriber in list(host.subscribers):
                self._drop(host, subscriber)
        self.hosts.clear()

    def _probe(self, subscriber: Subscriber, values: Callable[[], Values], now: float) -> None:
        """Of who wakes: one value goes out; if it is not refused in time, all follow."""
        if subscriber.state is SubscriberState.WAKES:
            subscriber.failed()  # of an earlier refusal nothing may be left
            subscriber.state, subscriber.tried = SubscriberState.PROBED, now
            subscriber.pending = dict([next(iter(values().items()))])
        elif subscriber.state is SubscriberState.PROBED and subscriber.failed():
            self.refused(subscriber)
        elif subscriber.state is SubscriberState.PROBED and now - subscriber.tried >= PROBE_S:
            subscriber.state, subscriber.request = SubscriberState.WAITS, self._next_request()

    def _next_request(self) -> int:
        self._requests += 1
        return self._requests

    def _host(self, group: str) -> SubscribedHost:
        if group not in self.hosts:
            while len(self.hosts) >= HOSTS:
                first = min(self.hosts.values(), key=lambda h: (not h.asleep, h.known, h.heard))
                for subscriber in list(first.subscribers):
                    self._drop(first, subscriber)
                del self.hosts[first.group]
            self.hosts[group] = SubscribedHost(group, self._clock(), self._strangers)
        return self.hosts[group]

    @staticmethod
    def _drop(host: SubscribedHost, subscriber: Subscriber) -> None:
        host.subscribers.remove(subscriber)
        subscriber.socket.close()


def _connected(sender: Sender, port: int) -> socket.socket:
    host = sender.group.partition(" ")[2]
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
