"""Sends values to hosts that asked with `/sync [port]`, and to the sinks of this process.

`controllers.osc.subscribers` has the hosts, `controllers.sinks` the sinks. A value is sent at most
60 times a second, the newest one, and not to the sender that is changing it. The instrument's
threads only note what has changed; the event loop's thread sends.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from latentpad.controllers.osc.subscribers import (
    LOWEST,
    SubscribedHost,
    Subscriber,
    Subscribers,
    Values,
)
from latentpad.controllers.outcomes import Outcome, Outcomes
from latentpad.controllers.sinks import Message, Sink, Sinks
from latentpad.engine import error_log
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import NOBODY, Instrument, Sender

INTERVAL = 1 / 60
"""Seconds between two messages of one value."""


# An event is not a value: it must not be sent later, or left out for a newer one.
def _is_event(address: str) -> bool:
    return address in ("/note", "/panic") or address.startswith("/snapshot/")


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
    ) -> None:
        """`port` is the instrument's own, to which nothing is sent. Sinks get answers to the
        commands whose outcomes `outcomes` reports."""
        self._instrument = instrument
        self._outcomes = outcomes
        self._sinks = Sinks(instrument)
        self._own_port = port
        self._subscribers = Subscribers(clock)
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._scheduled = False
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
            self._subscribers.close()

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
        """Send `sink` all values, then each change that is not from `sender`, the meters, and
        answers. Without `values` only the answers, until `sender` sends `/sync`.

        Any thread.
        """
        with self._lock:
            self._sinks.add(sink, sender, values=values)
        self._wake()

    def unfollow(self, sink: Sink) -> None:
        """Stop sending to `sink`; what is already taken may still be sent. Any thread."""
        with self._lock:
            self._sinks.remove(sink)

    def publish(self, address: str, args: Sequence[Argument]) -> None:
        """Send a value that is no parameter (a meter) to all, at the same rate."""
        self._changed(address, args, NOBODY)

    def port_of(self, group: str) -> int | None:
        """The port that a host named last; None if it named none. Any thread."""
        with self._lock:
            host = self._subscribers.hosts.get(group)
            return host.port if host is not None else None

    def asked_port(self, address: str, args: Sequence[Argument], sender: Sender) -> int | None:
        """The port that an OSC sender names: None for no port or a press, 0 for a release.

        Raises `CommandError`. Any thread.
        """
        if not sender.group.startswith(("osc ", "tcp ")):
            raise CommandError(f"{address} is for OSC senders")
        if len(args) > 1:
            raise CommandError(f"{address} takes nothing, or a UDP port, not {len(args)} arguments")
        named = _port(address, args[0]) if args else None
        if sender.group.startswith("tcp "):  # whatever it names, its connection is the way back
            return 0 if named == 0 else None
        if (
            self._own_port is not None
            and (named or sender.port) == self._own_port
            and _is_here(sender)
        ):
            raise CommandError(
                f"{address}: {self._own_port} is the port that this instrument listens on; "
                "name yours"
            )
        return named

    def _sync(self, args: Sequence[Argument], sender: Sender) -> None:
        named = self.asked_port("/sync", args, sender)
        if named == 0:
            return
        with self._lock:
            if not self._sinks.sync(sender):  # a connection is answered on
                self._subscribers.ask(sender, named)
        self._wake()

    def _heard(self, sender: Sender) -> None:
        with self._lock:
            awakened = self._subscribers.hear(sender)
        if awakened:
            self._wake()

    def _changed(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        if _is_event(address):
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
            due = self._subscribers.due(lambda: dict(self._instrument.sync_messages()))
            waiting = [(host, subscriber, subscriber.pending) for host, subscriber in due]
            for _, subscriber, _ in waiting:
                subscriber.pending = {}
            sinks = self._sinks.take(lambda: dict(self._instrument.sync_messages()))
        for sink, messages in sinks:
            _send_to_sink(sink, messages)
        for host, subscriber, values in waiting:
            self._send(host, subscriber, values)
        with self._lock:
            unfinished = self._subscribers.unfinished()
        if unfinished:
            self._wake()
        self._sent.set()

    def _send(self, host: SubscribedHost, subscriber: Subscriber, values: Values) -> None:
        """Send the values, as far as the host's rate limit and the system allow.

        The rest is sent with the next ones, unless a newer value has come.
        """
        unsent = dict(values)
        for address, args in values.items():
            if host.rate_limit.left() <= 0:
                break
            try:
                spent = subscriber.send(address, args)
            except ConnectionRefusedError:
                with self._lock:
                    self._subscribers.refused(subscriber)
                return
            except BlockingIOError:
                break
            host.rate_limit.spend(spent)
            del unsent[address]
        if unsent:
            with self._lock:
                subscriber.pending = unsent | subscriber.pending


def _send_to_sink(sink: Sink, messages: list[Message]) -> None:
    """Send to a sink. A fault of one must not stop the others."""
    try:
        for address, args in messages:
            sink.send(address, args)
    except Exception as error:
        error_log.report(error)


def _port(address: str, argument: Argument) -> int | None:
    if isinstance(argument, float | int):
        if argument == 0:
            return 0
        if 0 < argument <= 1:
            return None
        if LOWEST <= argument <= 65_535 and argument == int(argument):
            return int(argument)
    raise CommandError(
        f"{address} takes nothing, or a UDP port of {LOWEST}...65535, got {argument!r:.40}"
    )


def _is_here(sender: Sender) -> bool:
    """Whether the sender's address is of this machine: only those can be bound."""
    host = sender.group.partition(" ")[2]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return True
    return False
