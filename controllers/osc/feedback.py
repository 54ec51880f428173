"""Sends values to hosts that asked with `/sync [port]`, and to the sinks of this process.

`controllers.osc.subscribers` has the hosts, `controllers.sinks` the sinks. A value is sent at most
60 times a second, the newest one, and not to the host that is changing it. The instrument's threads
only note what has changed; the event loop's thread sends, at each turn one packet to a port.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from latentpad.controllers.osc import ports
from latentpad.controllers.osc.packet import encode, encode_packet
from latentpad.controllers.osc.remembered import HostMemory
from latentpad.controllers.osc.subscriber import Subscriber, Values
from latentpad.controllers.osc.subscribers import COPY_S, SubscribedHost, Subscribers
from latentpad.controllers.outcomes import Outcome, Outcomes
from latentpad.controllers.sinks import Message, Sink, Sinks
from latentpad.engine import error_log
from latentpad.engine.arguments import Argument
from latentpad.engine.control import aliases
from latentpad.engine.control.instrument import NOBODY, Instrument, Sender
from latentpad.engine.control.state import is_of_note

INTERVAL = 1 / 60
"""Seconds between two messages of one value, and between two packets to a port."""

MOST_BYTES = 1400
"""Bytes in a packet: more would be cut in pieces on the way, and lost with any of them."""


# An event is not a value: it must not be sent later, or left out for a newer one.
def _is_event(address: str) -> bool:
    return is_of_note(address) or address == "/panic" or address.endswith("/store")


class Feedback:
    """Answers `/sync` and sends the instrument's changes.

    Make it on the event loop's thread; `publish` may be called from any.
    """

    def __init__(
        self,
        instrument: Instrument,
        *,
        clock: Callable[[], float] = time.monotonic,
        port: int | None = None,
        outcomes: Outcomes | None = None,
        memory: HostMemory | None = None,
    ) -> None:
        """`port` is the instrument's own, to which nothing is sent. Sinks get answers to the
        commands whose outcomes `outcomes` reports. `memory` remembers the hosts across runs."""
        self._instrument = instrument
        self._outcomes = outcomes
        self._sinks = Sinks(instrument, clock)
        self._own_port = port
        self.copied: list[Callable[[], Iterable[Message]]] = []  # more values for a copy of all
        self._memory = memory
        self._subscribers = Subscribers(clock, memory.hosts if memory is not None else ())
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._scheduled = False
        self._probing = False
        self._flushed = -INTERVAL
        self._sent = asyncio.Event()
        instrument.register("/sync", self._sync)
        instrument.register("/ping", lambda args, sender: None)  # keeps a subscription alive
        instrument.listeners.append(self._changed)
        instrument.hearers.append(self._heard)
        if outcomes is not None:
            outcomes.listeners.append(self._answer)

    def close(self) -> None:
        """Stop sending."""
        if self._outcomes is not None:
            self._outcomes.listeners.remove(self._answer)
        self._instrument.listeners.remove(self._changed)
        self._instrument.hearers.remove(self._heard)
        with self._lock:
            self._remember()
            self._subscribers.close()
        if self._memory is not None:
            self._memory.close()

    @property
    def subscribers(self) -> list[Subscriber]:
        """The active subscribers."""
        with self._lock:
            return self._subscribers.awake()

    @property
    def followed(self) -> bool:
        """Whether there is an active subscriber or a sink."""
        with self._lock:
            return self._sinks.followed or bool(self._subscribers.awake())

    async def wait_followed(self) -> None:
        """Wait until there is an active subscriber or a sink. Event loop's thread only."""
        while not self.followed:
            self._sent.clear()  # whoever begins to follow is sent something
            await self._sent.wait()

    def follow(self, sink: Sink, sender: Sender, *, values: bool = True) -> None:
        """Send `sink` all values, then each change, the meters, and answers. What `sender` changes
        is sent when it has let go of the control. Without `values` only the answers, until
        `sender` sends `/sync`.

        Any thread.
        """
        with self._lock:
            self._sinks.add(sink, sender, values=values)
        self._wake()

    def unfollow(self, sink: Sink) -> None:
        """Stop sending to `sink`; what is already taken may still be sent. Any thread."""
        with self._lock:
            self._sinks.remove(sink)

    def publish(self, address: str, args: Sequence[Argument], sender: Sender = NOBODY) -> None:
        """Send a value that is no parameter (a meter) to all but `sender`, at the same rate."""
        self._changed(address, args, sender)

    def port_of(self, group: str) -> int | None:
        """The port that a host named last; None if it named none. Any thread."""
        with self._lock:
            host = self._subscribers.hosts.get(group)
            return host.port if host is not None else None

    def asked_port(self, address: str, args: Sequence[Argument], sender: Sender) -> int | None:
        """The port that an OSC sender names: None for no port or a press, 0 for a release.

        Raises `CommandError`. Any thread.
        """
        return ports.asked(address, args, sender, self._own_port)

    def _sync(self, args: Sequence[Argument], sender: Sender) -> None:
        named = self.asked_port("/sync", args, sender)
        if named == 0:
            return
        with self._lock:
            if not self._sinks.sync(sender):  # a connection is answered on
                self._subscribers.ask(sender, named)
                self._remember()
        self._wake()

    def _remember(self) -> None:
        if self._memory is not None:
            self._memory.keep(self._subscribers.remembered())

    def _heard(self, address: str, sender: Sender) -> None:
        if sender.group not in self._subscribers.hosts:
            return
        with self._lock:
            awakened = self._subscribers.hear(sender)
            if address.startswith(aliases.NORMALISED) and address in aliases.ALIASES:
                self._subscribers.uses(sender, address)
                self._remember()
        if awakened:
            self._wake()

    def _changed(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        if _is_event(address) or not (self._subscribers.hosts or self._sinks.followed):
            return
        with self._lock:
            has_pending = self._subscribers.change(address, args, sender)
            has_pending = self._sinks.change(address, args, sender) or has_pending
        if has_pending:
            self._wake()

    def _answer(self, outcome: Outcome) -> None:
        with self._lock:
            has_pending = self._sinks.answer(outcome)
        if has_pending:
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
        # All values are copied at one moment. The locks are taken in the order in which a change
        # takes them.
        with self._instrument.frozen(), self._lock:
            due = self._subscribers.due(self._copy)
            sinks = self._sinks.take(self._copy)
        for sink, messages in sinks:
            _send_to_sink(sink, messages)
        for host, subscriber, values in due:
            self._send(host, subscriber, values)
        with self._lock:
            unfinished = self._subscribers.unfinished() or self._sinks.unfinished
            refusing = self._subscribers.refusing()
        if unfinished:
            self._wake()
        elif refusing and not self._probing:
            self._probing = True
            self._loop.call_later(COPY_S, self._probe)
        self._sent.set()

    def _copy(self) -> Values:
        """All values. The instrument is frozen."""
        messages: Values = dict(self._instrument.sync_messages())
        for more in self.copied:
            messages |= more()
        return messages

    def _probe(self) -> None:
        self._probing = False
        self._wake()

    def _send(self, host: SubscribedHost, subscriber: Subscriber, values: Values) -> None:
        """Send one packet of these values, as far as the host's rate limit and the system allow.

        The rest is sent with the next ones, unless a newer value has come.
        """
        unsent = dict(values)
        if host.rate_limit.left() > 0:
            messages, addresses = _first(_encoded(host, values))
            packet = encode_packet(messages)
            try:
                subscriber.socket.send(packet)
            except BlockingIOError:  # the system takes no more now
                addresses = []
            except OSError:  # the port is closed, or its host cannot be reached
                with self._lock:
                    self._subscribers.refused(subscriber)
                return
            host.rate_limit.spend(len(packet))
            for address in addresses:
                del unsent[address]
        if unsent:
            with self._lock:
                subscriber.pending = unsent | subscriber.pending


def _encoded(host: SubscribedHost, values: Values) -> Iterator[tuple[str, list[bytes]]]:
    """Each address, with its value under all addresses that are sent to the host."""
    for address, args in values.items():
        forms = [(address, args), *aliases.forms(address, args)]
        alias = aliases.NORMALISED + address
        if alias in host.aliases:
            forms.append((alias, aliases.ALIASES[alias].show(args)))
        yield address, [encode(*form) for form in forms]


def _first(values: Iterator[tuple[str, list[bytes]]]) -> tuple[list[bytes], list[str]]:
    """The messages of the first values that are one packet of `MOST_BYTES` together, and the
    addresses of these values."""
    messages: list[bytes] = []
    addresses: list[str] = []
    size = 16
    for address, forms in values:
        size += sum(4 + len(form) for form in forms)
        if messages and size > MOST_BYTES:
            break
        messages += forms
        addresses.append(address)
    return messages, addresses


def _send_to_sink(sink: Sink, messages: list[Message]) -> None:
    """Send to a sink. A fault of one must not stop the others."""
    try:
        for address, args in messages:
            sink.send(address, args)
    except Exception as error:
        error_log.report(error)
