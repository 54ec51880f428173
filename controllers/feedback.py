"""Values back to those who asked for them with `/sync [port]` (`controllers.subscribers`).

A value goes out at most 60 times a second, the newest one, and never to the one who is
touching that control. The instrument's threads only note what has changed; the sending is
done on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

from controllers.osc import encode
from controllers.subscribers import LOWEST, Host, Subscriber, Subscribers, Values
from engine.instrument import NOBODY, Instrument, Sender
from engine.parameters import Argument, CommandError

INTERVAL = 1 / 60
"""Seconds between two messages of one value."""


# What happens rather than what is: sent later or thinned out it would be wrong.
def _is_event(address: str) -> bool:
    return address in ("/note", "/panic") or address.startswith("/snapshot/")


class Feedback:
    """Answers `/sync` and follows the instrument's changes. Make it on the event loop's thread;
    `publish` may be called from any."""

    def __init__(
        self, instrument: Instrument, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._instrument = instrument
        self._subscribers = Subscribers(clock)
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._scheduled = False
        self._flushed = -INTERVAL
        instrument.register("/sync", self._sync)
        instrument.listeners.append(self._changed)
        instrument.hearers.append(self._heard)

    def close(self) -> None:
        self._instrument.listeners.remove(self._changed)
        self._instrument.hearers.remove(self._heard)
        with self._lock:
            self._subscribers.close()

    @property
    def subscribers(self) -> list[Subscriber]:
        """Those that are kept informed now."""
        with self._lock:
            return self._subscribers.awake()

    def publish(self, address: str, args: Sequence[Argument]) -> None:
        """Send a value that is no parameter (a meter) to every subscriber, at the same rate."""
        self._changed(address, args, NOBODY)

    def _sync(self, args: Sequence[Argument], sender: Sender) -> None:
        if not sender.group.startswith("osc "):
            raise CommandError("/sync is for OSC senders")
        if len(args) > 1:
            raise CommandError(f"/sync takes nothing, or the UDP port to answer on, not {args}")
        named = _port(args[0]) if args else None
        if named == 0:
            return
        with self._lock:
            self._subscribers.ask(sender, named)
        self._wake()

    def _heard(self, sender: Sender) -> None:
        with self._lock:
            woken = self._subscribers.hear(sender)
        if woken:
            self._wake()

    def _changed(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        if _is_event(address):
            return
        with self._lock:
            told = self._subscribers.change(address, args, sender)
        if told:
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
            due = self._subscribers.due(lambda: dict(self._instrument.values()))
            waiting = [(host, subscriber, subscriber.pending) for host, subscriber in due]
            for _, subscriber, _ in waiting:
                subscriber.pending = {}
        for host, subscriber, values in waiting:
            self._send(host, subscriber, values)
        with self._lock:
            unfinished = self._subscribers.unfinished()
        if unfinished:
            self._wake()

    def _send(self, host: Host, subscriber: Subscriber, values: Values) -> None:
        """Send the values, as far as the host's allowance goes and the system takes them. The
        rest goes with the next ones, unless newer came."""
        unsent = dict(values)
        for address, args in values.items():
            packet = encode(address, args)
            if host.allowance.left() <= 0:
                break
            try:
                subscriber.socket.send(packet)
            except ConnectionRefusedError:
                with self._lock:
                    self._subscribers.refused(subscriber)
                return
            except BlockingIOError:
                break
            except OSError:  # no way there just now: as a datagram that got lost
                pass
            host.allowance.spend(len(packet))
            del unsent[address]
        if unsent:
            with self._lock:
                subscriber.pending = unsent | subscriber.pending


def _port(argument: Argument) -> int | None:
    """The port that an argument of `/sync` names: None for a press, 0 for its release."""
    if isinstance(argument, float | int):
        if argument == 0:
            return 0
        if 0 < argument <= 1:
            return None
        if LOWEST <= argument <= 65_535 and argument == int(argument):
            return int(argument)
    raise CommandError(
        f"/sync takes nothing, or a UDP port of {LOWEST}...65535, got {argument!r:.40}"
    )
