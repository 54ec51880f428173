"""What goes back to who sent a command that was clamped or refused: the value that holds, and why.

A fader that was turned too far springs to what is heard, whether its pad has asked for feedback
or not. Of a refused command also `/refused address reason` goes back. As anyone can write any
sender's address on a datagram, this is bounded: to the sender's own host only, one packet at most
for one that came, so many a second, and no answer to what another instrument may have answered.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.osc.packet import encode, encode_bundle
from latentpad.controllers.osc.subscribers import LOWEST
from latentpad.controllers.outcomes import Outcome, OutcomeKind, Outcomes, reply
from latentpad.controllers.refusals import hint, numbers
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.rate_limit import RateLimit

INTERVAL_S = 1 / 60  # between two answers to one host
PACKETS, EACH_S = 20, 0.05  # to one host: at once, and then one each
ALL_PACKETS, ALL_EACH_S = 100, 0.01  # to all hosts together
HOSTS = 64  # answered at a time
SWEEP_S = 0.1  # between two looks for hosts that need no answer any more
PORTS = 32  # of one host
ADDRESSES = 32  # of one port that wait for an answer; the newest
TOGETHER = 5  # of them, in one packet
HINTS, HINT_S = 4, 0.25  # looked for at once, and then one each: to find one takes a millisecond

Send = Callable[[bytes, str, int], None]
"""Sends a datagram to a host and port, without waiting (`OscServer.send`)."""


@dataclass
class _Host:
    """Who waits for an answer, by port: the newest outcome of each address."""

    rate_limit: RateLimit
    waiting: dict[int, dict[str, Outcome]] = field(default_factory=dict)


class Replies:
    """Listens to `outcomes` and answers the OSC senders among them. Make it on the event loop's
    thread; any thread may call.

    `feedback` knows on which port a host listens, beside the one that it sends from.
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
        """The host; None if too many have to be answered at a time."""
        host = self._hosts.get(group)
        if host is None:
            now = time.monotonic()
            if len(self._hosts) >= HOSTS and now - self._swept >= SWEEP_S:
                self._swept = now
                for name, other in list(self._hosts.items()):
                    if not other.waiting and other.rate_limit.left() >= PACKETS:  # as a new one
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
            self._scheduled = goes_on = any(host.waiting for host in self._hosts.values())
        for group, port, outcomes in ready:
            self._answer(group, port, outcomes)
        if goes_on:
            self._schedule()

    def _answer(self, group: str, port: int, outcomes: list[Outcome]) -> None:
        messages = [message for outcome in outcomes for message in self._messages(outcome)]
        if not messages:
            return
        packet = messages[0] if len(messages) == 1 else encode_bundle(messages)
        for to in dict.fromkeys((port, self._feedback.port_of(group) or port)):
            if to >= LOWEST:
                self._send(packet, _host(Sender(group)), to)

    def _messages(self, outcome: Outcome) -> list[bytes]:
        """What goes back; of an address that there is not also what may have been meant."""
        if outcome.kind is OutcomeKind.UNKNOWN and self._hints.take():
            meant = hint(outcome.address, numbers(outcome.args), self._instrument.addresses())
            outcome = outcome._replace(reason=f"{outcome.reason}; {meant}")
        return [encode(*message) for message in reply(outcome, self._instrument)]


def _host(sender: Sender) -> str:
    """The host of an OSC sender; empty for any other."""
    kind, _, name = sender.group.partition(" ")
    return name if kind == "osc" else ""
