"""The hosts that subscribed with `/sync`, their ports, and how long a subscription lasts.

A datagram's sender address can be forged, so what one packet can cause is bounded: values are sent
to the sender's own host only, to few of its ports, all values at most once a second, and changes
only while packets come from that host. A host that falls silent, or a port that refuses, sleeps but
is not forgotten: the next packet of its host wakes it. Hosts are remembered across runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from latentpad.controllers.echo import Touched
from latentpad.controllers.osc.ports import LOWEST
from latentpad.controllers.osc.remembered import RememberedHost
from latentpad.controllers.osc.subscriber import (
    LISTENING,
    Subscriber,
    SubscriberState,
    Values,
    connected,
)
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.aliases import ALIASES
from latentpad.engine.control.instrument import Sender
from latentpad.engine.rate_limit import RateLimit

HOSTS = 16
"""Hosts. A further one replaces one that sleeps, or has sent nothing since it asked, or has been
silent longest."""

PORTS = 4
"""Ports of a host. A further one replaces one that refuses, or the oldest."""

FRESH_S = 300.0
"""Seconds that a subscription lasts if the host has sent one packet only."""

KNOWN_S = 3600.0
"""Seconds that a subscription lasts after the host's last packet."""

COPY_S = 1.0
"""Seconds between two copies of all values to a host, and between two probes of a port."""

PROBE_S = 0.1
"""Seconds in which a port that has refused may refuse again."""

BYTES_S = 64_000
"""Bytes a second to each known host, and to all others together. The rest waits, the newest value
of each address."""


@dataclass(eq=False)
class SubscribedHost:
    """One address and its subscribers."""

    group: str
    last_heard: float
    rate_limit: RateLimit  # of bytes
    touched: Touched
    known: bool = False  # it has sent something since it asked
    asleep: bool = False
    port: int | None = None  # the port that it named last
    copied: float = -COPY_S
    subscribers: list[Subscriber] = field(default_factory=list)
    aliases: dict[str, None] = field(default_factory=dict)  # that it has used, as an ordered set


class Subscribers:
    """The subscribed hosts. One thread at a time: under the feedback's lock."""

    def __init__(
        self, clock: Callable[[], float], remembered: Iterable[RememberedHost] = ()
    ) -> None:
        self.hosts: dict[str, SubscribedHost] = {}
        self._clock = clock
        self._requests = 0
        self._unknown_hosts_limit = RateLimit(BYTES_S, 1 / BYTES_S, clock)
        for host in remembered:
            self._wait_for(host)

    def _wait_for(self, remembered: RememberedHost) -> None:
        """Let a host of an earlier run sleep, until a packet of it comes."""
        group = f"osc {remembered.host}"
        subscribers = []
        for port in remembered.ports[-PORTS:]:
            try:
                udp = connected(Sender(group), port)
            except CommandError:  # such an address cannot be reached at present
                continue
            subscribers.append(Subscriber(port, udp, 0, SubscriberState.FOLLOWS))
        if not subscribers:
            return
        host = self._host(group)
        host.asleep, host.port, host.subscribers = True, remembered.port, subscribers
        host.aliases = {alias: None for alias in remembered.aliases if alias in ALIASES}

    def remembered(self) -> list[RememberedHost]:
        """What is to be remembered: all but ports that refuse, unless their host named them."""
        return [
            RememberedHost(
                host.group.partition(" ")[2],
                host.port,
                [s.port for s in host.subscribers if s.port == host.port or not s.refuses],
                list(host.aliases),
            )
            for host in self.hosts.values()
        ]

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
        new_subscribers = [Subscriber(p, connected(sender, p), request) for p in usable]
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
            else:
                awakened = self._wakes(subscriber, now) or awakened
        return awakened

    def uses(self, sender: Sender, alias: str) -> None:
        """Note that a host uses this alias: it is sent the value under it, too."""
        if (host := self.hosts.get(sender.group)) is not None:
            host.aliases[alias] = None

    def change(self, address: str, args: Sequence[Argument], sender: Sender) -> bool:
        """Note a value for all. True if there is something to send.

        The host of the sender is sent it when it has let go of the control: a second control of the
        same device follows, and the one under the finger is not moved.
        """
        if (host := self.hosts.get(sender.group)) is not None:
            host.touched.touch(address)
        awake = self.awake()
        for subscriber in awake:
            subscriber.pending[address] = args
        return bool(awake)

    def due(self, values: Callable[[], Values]) -> list[tuple[SubscribedHost, Subscriber, Values]]:
        """Take what is to be sent now: changes, a copy of all `values`, a probe."""
        now = self._clock()
        due_values = []
        for host in self.hosts.values():
            if now - host.last_heard > (KNOWN_S if host.known else FRESH_S):
                host.asleep = True
                for subscriber in host.subscribers:
                    subscriber.pending.clear()
            if host.asleep:
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
            held = host.touched.held()
            for subscriber in host.subscribers:
                if ready := subscriber.take(held):
                    due_values.append((host, subscriber, ready))
        return due_values

    def unfinished(self) -> bool:
        """Whether a subscriber waits for more than the next change."""
        return any(
            s.pending or s.state not in (SubscriberState.FOLLOWS, SubscriberState.REFUSES)
            for s in self._of_awake_hosts()
        )

    def refusing(self) -> bool:
        """Whether a port of a host that is awake refuses: `due` probes it now and then."""
        return any(s.state is SubscriberState.REFUSES for s in self._of_awake_hosts())

    def refused(self, subscriber: Subscriber) -> None:
        """Note that a port is closed, or that its host cannot be reached."""
        subscriber.state, subscriber.tried = SubscriberState.REFUSES, self._clock()
        subscriber.pending.clear()

    def close(self) -> None:
        for host in self.hosts.values():
            for subscriber in list(host.subscribers):
                self._drop(host, subscriber)
        self.hosts.clear()

    def _of_awake_hosts(self) -> Iterable[Subscriber]:
        return (s for host in self.hosts.values() if not host.asleep for s in host.subscribers)

    def _wakes(self, subscriber: Subscriber, now: float) -> bool:
        """Let a port that has refused a while ago be probed. True if it is one."""
        wakes = subscriber.state is SubscriberState.REFUSES and now - subscriber.tried >= COPY_S
        if wakes:
            subscriber.state = SubscriberState.WAKES
        return wakes

    def _probe(self, subscriber: Subscriber, values: Callable[[], Values], now: float) -> None:
        """Probe a waking subscriber with one value. If it is not refused in time, all follow."""
        self._wakes(subscriber, now)
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
            self.hosts[group] = SubscribedHost(
                group, self._clock(), self._unknown_hosts_limit, Touched(self._clock)
            )
        return self.hosts[group]

    @staticmethod
    def _drop(host: SubscribedHost, subscriber: Subscriber) -> None:
        host.subscribers.remove(subscriber)
        subscriber.socket.close()
