"""Answers to the senders of clamped or refused commands: the present value, and the reason.

A fader that was turned too far returns to the value that is heard, whether its pad has asked for
feedback or not. For a refused command `/refused address reason` is sent too. A datagram's sender
address can be forged, so answers are bounded: only to the sender's own host, at most one packet for
each received one, at a limited rate, and none to what may be another instrument's answer.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.osc.packet import encode, encode_packet
from latentpad.controllers.osc.ports import LOWEST
from latentpad.controllers.outcomes import Outcome, OutcomeKind, Outcomes, reply
from latentpad.controllers.refusals import hint, numbers
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.rate_limit import RateLimit

INTERVAL_S = 1 / 60  # between two answers to one host
PACKETS, EACH_S = 20, 0.05  # to one host: a burst, and then one per EACH_S
ALL_PACKETS, ALL_EACH_S = 100, 0.01  # to all hosts together
HOSTS = 64  # answered at a time
SWEEP_S = 0.1  # between two removals of hosts that need no answer
PORTS = 32  # of one host
ADDRESSES = 32  # of one port that wait for an answer; the newest
TOGETHER = 5  # of them, in one packet
HINTS, HINT_S = 4, 0.25  # a burst, and then one per HINT_S: each takes a millisecond

Send = Callable[[bytes, str, int], None]
"""Sends a datagram to a host and port, without waiting (`OscServer.send`)."""


@dataclass
class _Host:
    """A host whose ports wait for answers: the newest outcome of each address."""

    rate_limit: RateLimit
    waiting: dict[int, dict[str, Outcome]] = field(default_factory=dict)


class Replies:
    """Listens to `outcomes` and answers OSC senders.

    Make it on the event loop's thread; any thread may call. `feedback` has the ports that hosts
    named, in addition to those that they send from.
    """

    def __init__(self, outcomes: Outcomes, send: Send, feedback: Feedback) -> None:
        self._instrument: Instrument = outcomes.instrument
        self._send = send
        self._feedback = feedback
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}
        self._all = RateLimit(ALL_PACKETS, ALL_EACH_S, time.monotonic)
        self._hints = RateLimit(HINTS, HINT_S, time.monotonic)
        self._scheduled = False
        self._flushed = -INTERVAL_S
        self._swept = -SWEEP_S
        outcomes.listeners.append(self._hear)

    def _hear(self, outcome: Outcome) -> None:
        if outcome.kind in (OutcomeKind.IDLE, OutcomeKind.MALFORMED) or not _host(outcome.sender):
            return
        with self._lock:
            host = self._host_of(outcome.sender.group)
            if host is None:
                return
            if outcome.sender.port not in host.waiting and len(host.waiting) >= PORTS:
                return
            waiting = host.waiting.setdefault(outcome.sender.port, {})
            waiting.pop(outcome.address, None)
            if len(waiting) >= ADDRESSES:
                del waiting[next(iter(waiting))]
            waiting[outcome.address] = outcome
            if self._scheduled:
                return
            self._scheduled = True
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._schedule)

    def _host_of(self, group: str) -> _Host | None:
        """The host; None if too many hosts wait for answers."""
        host = self._hosts.get(group)
        if host is None:
            now = time.monotonic()
            if len(self._hosts) >= HOSTS and now - self._swept >= SWEEP_S:
                self._swept = now
                for name, other in list(self._hosts.items()):
                    if (
                        not other.waiting and other.rate_limit.left() >= PACKETS
                    ):  # it is like a new one
                        del self._hosts[name]
            if len(self._hosts) < HOSTS:
                host = self._hosts[group] = _Host(RateLimit(PACKETS, EACH_S, time.monotonic))
        return host

    def _schedule(self) -> None:
        self._loop.call_later(self._flushed + INTERVAL_S - self._loop.time(), self._flush)

    def _flush(self) -> None:
        self._flushed = self._loop.time()
        with self._lock:
            ready: list[tuple[str, int, list[Outcome]]] = []
            for group, host in self._hosts.items():
                for port, waiting in list(host.waiting.items()):
                    if self._all.left() >= 1 and host.rate_limit.take():
                        self._all.spend(1)
                        first = list(waiting)[:TOGETHER]
                        ready.append((group, port, [waiting.pop(address) for address in first]))
                    if not waiting:
                        del host.waiting[port]
            self._scheduled = again = any(host.waiting for host in self._hosts.values())
        for group, port, outcomes in ready:
            self._answer(group, port, outcomes)
        if again:
            self._schedule()

    def _answer(self, group: str, port: int, outcomes: list[Outcome]) -> None:
        messages = [message for outcome in outcomes for message in self._messages(outcome)]
        if not messages:
            return
        packet = encode_packet(messages)
        for to in dict.fromkeys((port, self._feedback.port_of(group) or port)):
            if to >= LOWEST:
                self._send(packet, _host(Sender(group)), to)

    def _messages(self, outcome: Outcome) -> list[bytes]:
        """The encoded answers; for an unknown address with a suggestion."""
        if outcome.kind is OutcomeKind.UNKNOWN and self._hints.take():
            suggestion = hint(outcome.address, numbers(outcome.args), self._instrument.addresses())
            outcome = outcome._replace(reason=f"{outcome.reason}; {suggestion}")
        return [encode(*message) for message in reply(outcome, self._instrument)]


def _host(sender: Sender) -> str:
    """The host of an OSC sender; empty for any other."""
    kind, _, name = sender.group.partition(" ")
    return name if kind == "osc" else ""
