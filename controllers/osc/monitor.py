"""`/monitor 1`: the sender receives every command and its outcome.

`/heard address args... outcome` is sent for every command of every controller; the outcome is "ok",
or what was wrong. `/monitor 0` ends it, and so does silence of the host
(`controllers.osc.subscribers` has the times). What exceeds a host's rate is left out.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.osc.packet import OscArgument, encode
from latentpad.controllers.osc.ports import LOWEST
from latentpad.controllers.osc.replies import Send
from latentpad.controllers.osc.subscribers import FRESH_S, KNOWN_S
from latentpad.controllers.outcomes import Outcome, OutcomeKind, Outcomes
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Sender
from latentpad.engine.rate_limit import RateLimit
from latentpad.models.text import printable

HOSTS = 4  # hosts; a further one replaces the one that has been silent longest
PORTS = 4  # ports of a host; a further one replaces the oldest
BYTES_S = 16_000  # to one host in a second: some 200 commands
MOST_BYTES = 1400  # of a message; the arguments of a longer one are left out
MOST_SHOWN = 200  # characters of an address or a reason


@dataclass
class _Watcher:
    """A host and its ports."""

    ports: list[int]
    last_heard: float
    rate_limit: RateLimit  # of bytes
    known: bool = False  # it has sent something since it asked


class Monitor:
    """Registers `/monitor` and sends the outcomes to its subscribers. Any thread.

    `feedback` has the ports that the hosts named.
    """

    def __init__(self, outcomes: Outcomes, send: Send, feedback: Feedback) -> None:
        self._outcomes = outcomes
        self._send = send
        self._feedback = feedback
        self._clock = outcomes.instrument.clock
        self._lock = threading.Lock()
        self._hosts: dict[str, _Watcher] = {}
        outcomes.instrument.register("/monitor", self._ask)
        outcomes.instrument.hearers.append(self._heard)

    def _ask(self, args: Sequence[Argument], sender: Sender) -> None:
        named = self._feedback.asked_port("/monitor", args, sender)
        last = self._feedback.port_of(sender.group)
        ports = [named] if named else [sender.port, *([last] if last else [])]
        usable = [port for port in dict.fromkeys(ports) if port >= LOWEST]
        if named != 0 and not usable:
            raise CommandError(f"/monitor: {sender.port} is no port of {LOWEST}...65535")
        with self._lock:
            if named == 0:
                self._hosts.pop(sender.group, None)
            else:
                host = self._host(sender.group)
                host.last_heard = self._clock()
                host.ports = [*(p for p in host.ports if p not in usable), *usable][-PORTS:]
            self._watch()

    def _host(self, group: str) -> _Watcher:
        if group not in self._hosts:
            while len(self._hosts) >= HOSTS:
                del self._hosts[min(self._hosts, key=lambda name: self._hosts[name].last_heard)]
            rate_limit = RateLimit(BYTES_S, 1 / BYTES_S, self._clock)
            self._hosts[group] = _Watcher([], self._clock(), rate_limit)
        return self._hosts[group]

    def _watch(self) -> None:
        """Watch the outcomes only while there are subscribers."""
        watching = self._send_outcome in self._outcomes.watchers
        if self._hosts and not watching:
            self._outcomes.watchers.append(self._send_outcome)
        elif not self._hosts and watching:
            self._outcomes.watchers.remove(self._send_outcome)

    def _heard(self, address: str, sender: Sender) -> None:
        if sender.group in self._hosts:
            with self._lock:
                if (host := self._hosts.get(sender.group)) is not None:
                    host.last_heard, host.known = self._clock(), True

    def _send_outcome(self, outcome: Outcome) -> None:
        packet = _packet(outcome)
        now = self._clock()
        with self._lock:
            for name, host in list(self._hosts.items()):
                if now - host.last_heard > (KNOWN_S if host.known else FRESH_S):
                    del self._hosts[name]
                    continue
                for port in host.ports:
                    if host.rate_limit.left() > 0:
                        host.rate_limit.spend(len(packet))
                        self._send(packet, name.partition(" ")[2], port)
            self._watch()


def _packet(outcome: Outcome) -> bytes:
    outcome_text = (
        "ok" if outcome.kind is OutcomeKind.DONE else printable(outcome.reason, MOST_SHOWN)
    )
    args: tuple[OscArgument, ...] = outcome.args
    if outcome.kind is OutcomeKind.MALFORMED:
        args = ()
    packet = encode("/heard", (outcome.address[:MOST_SHOWN], *args, outcome_text))
    if len(packet) > MOST_BYTES:
        packet = encode("/heard", (outcome.address[:MOST_SHOWN], "…", outcome_text))
    return packet
