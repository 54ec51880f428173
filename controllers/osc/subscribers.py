"""The hosts that subscribed with `/sync`, their ports, and how long a subscription lasts.

A datagram's sender address can be forged, so what one packet can cause is bounded: values are sent
to the sender's own host only, to few of its ports, all values at most once a second, and changes
only while packets come from that host. A host that falls silent, or a port that refuses, sleeps but
is not forgotten: the next packet of its host wakes it.
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
"""Hosts. A further one replaces one that sleeps, or has sent nothing since it asked, or has been
silent longest."""

PORTS = 4
"""Ports of a host. A further one replaces one that refuses, or the oldest."""

LOWEST = 1024
"""The lowest port that is answered on: those below are for system services."""

FRESH_S = 30.0
"""Seconds that a subscription lasts if the host has sent one packet only."""

KNOWN_S = 300.0
"""Seconds that a subscription lasts after the host's last packet."""

COPY_S = 1.0
"""Seconds between two copies of all values to a host."""

PROBE_S = 0.1
"""Seconds in which a port that has refused may refuse again."""

BYTES_S = 64_000
"""Bytes a second to each known host, and to all others together. The rest waits, the newest value
of each address."""


class SubscriberState(Enum):
    """The states of a subscriber."""

    WAITS = auto()  # for a copy of all values
    FOLLOWS = auto()  # has the copy, and gets changes
    REFUSES = auto()  # its port is closed
    WAKES = auto()  # it refused before; one value is to be sent as a probe
    PROBED = auto()  # the probe was sent


LISTENING = (SubscriberState.WAITS, SubscriberState.FOLLOWS)


@dataclass(eq=False)
class Subscriber:
    """A port that gets values, through a connected socket, which reports refusals."""

    source: int  # the port that it sends from
    port: int  # the port that it is answered on
    socket: socket.socket
    request: int  # number of the request that is answered by a copy
    state: SubscriberState = SubscriberState.WAITS
    tried: float = 0.0  # when it refused, or was probed
    pending: dict[str, Sequence[Argument]] = field(default_factory=dict)

    def send(self, address: str, args: Sequence[Argument]) -> int:
        """Send one value; returns the number of bytes.

        Raises `ConnectionRefusedError` if the port is closed, and `BlockingIOError` if the system
        takes no more now.
        """
        packet = encode(address, args)
        try:
            self.socket.send(packet)
        except (ConnectionRefusedError, BlockingIOError):
            raise
        except OSError:  # no route at present: the same as a lost datagram
            pass
        return len(packet)

    def failed(self) -> bool:
        """Whether something has been refused since the last call."""
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


@dataclass(eq=False)
class SubscribedHost:
    """One address and its subscribers."""

    group: str
    last_heard: float
    rate_limit: RateLimit  # of bytes
    known: bool = False  # it has sent something since it asked
    asleep: bool = False
    port: int | None = None  # the port that it named last
    copied: float = -COPY_S
    subscribers: list[Subscriber] = field(default_factory=list)


class Subscribers:
    """The subscribed hosts. One thread at a time: under the feedback's lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.hosts: dict[str, SubscribedHost] = {}
        self._clock = clock
        self._requests = 0
        self._unknown_hosts_limit = RateLimit(BYTES_S, 1 / BYTES_S, clock)

    def awake(self) -> list[Subscriber]:
        """The subscribers that get changes."""
        hosts = (host for host in self.hosts.values() if not host.asleep)
        return [s for host in hosts for s in host.subscribers if s.state in LISTENING]

    def ask(self, sender: Sender, named: int | None) -> None:
        """Subscribe the sender on the port that it names.

        Without one: on the port that it sends from, and the one that its host named last. Raises
        `CommandError`.
        """
        known = self.hosts.get(sender.group)
        last = known.port if known else None
        ports = [named] if named is not None else [sender.port, *([last] if last else [])]
        usable = [port for port in dict.fromkeys(ports) if port >= LOWEST]
        if not usable:
            raise CommandError(f"/sync: {ports[0]} is no port of {LOWEST}...65535 to answer on")
        request = self._next_request()
        new_subscribers = [
            Subscriber(sender.port, p, _connected(sender, p), request) for p in usable
        ]
        host = self._host(sender.group)
        host.port = named if named is not None else host.port
        host.last_heard, host.asleep = self._clock(), False
        for subscriber in new_subscribers:
            for old in [s for s in host.subscribers if s.port == subscriber.port]:
                self._drop(host, old)
            while len(host.subscribers) >= PORTS:
                refusing = (s for s in host.subscribers if s.state is SubscriberState.REFUSES)
                self._drop(host, next(refusing, host.subscribers[0]))
            host.subscribers.append(subscriber)

    def hear(self, sender: Sender) -> bool:
        """Note that a host has sent a command. True if this wakes a subscriber."""
        host = self.hosts.get(sender.group)
        if host is None:
            return False
        now = self._clock()
        if not host.known:
            host.known, host.rate_limit = True, RateLimit(BYTES_S, 1 / BYTES_S, self._clock)
        host.last_heard = now
        awakened, host.asleep = host.asleep, False
        request = self._next_request() if awakened else 0
        for subscriber in host.subscribers:
            if subscriber.state is SubscriberState.FOLLOWS and request:
                subscriber.state, subscriber.request = SubscriberState.WAITS, request
            elif subscriber.state is SubscriberState.REFUSES and now - subscriber.tried >= COPY_S:
                subscriber.state, awakened = SubscriberState.WAKES, True
        return awakened

    def change(self, address: str, args: Sequence[Argument], sender: Sender) -> bool:
        """Note a value for all but its sender. True if there is something to send."""
        host = self.hosts.get(sender.group)
        own_subscribers = host.subscribers if host else []
        has_pending = False
        for subscriber in self.awake():
            if (
                sender.port in (subscriber.source, subscriber.port)
                and subscriber in own_subscribers
            ):
                # An older value from another sender would move the control against the finger.
                subscriber.pending.pop(address, None)
            else:
                subscriber.pending[address] = args
                has_pending = True
        return has_pending

    def due(self, values: Callable[[], Values]) -> list[tuple[SubscribedHost, Subscriber]]:
        """The subscribers with something to send: changes, a copy of all `values`, a probe."""
        now = self._clock()
        due_subscribers = []
        for host in self.hosts.values():
            if now - host.last_heard > (KNOWN_S if host.known else FRESH_S):
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
            due_subscribers += [
                (host, subscriber) for subscriber in host.subscribers if subscriber.pending
            ]
        return due_subscribers

    def unfinished(self) -> bool:
        """Whether a subscriber waits for more than the next change."""
        return any(
            s.pending or s.state not in (SubscriberState.FOLLOWS, SubscriberState.REFUSES)
            for host in self.hosts.values()
            if not host.asleep
            for s in host.subscribers
        )

    def refused(self, subscriber: Subscriber) -> None:
        """Note that a port is closed."""
        subscriber.state, subscriber.tried = SubscriberState.REFUSES, self._clock()
        subscriber.pending.clear()

    def close(self) -> None:
        for host in self.hosts.values():
            for subscriber in list(host.subscribers):
                self._drop(host, subscriber)
        self.hosts.clear()

    def _probe(self, subscriber: Subscriber, values: Callable[[], Values], now: float) -> None:
        """Probe a waking subscriber with one value. If it is not refused in time, all follow."""
        if subscriber.state is SubscriberState.WAKES:
            subscriber.failed()  # clears an earlier refusal
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
                first = min(
                    self.hosts.values(), key=lambda h: (not h.asleep, h.known, h.last_heard)
                )
                for subscriber in list(first.subscribers):
                    self._drop(first, subscriber)
                del self.hosts[first.group]
            self.hosts[group] = SubscribedHost(group, self._clock(), self._unknown_hosts_limit)
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
