"""OSC over UDP: datagrams to commands.

The socket is read empty before anything is carried out. If one coordinate was sent several times,
only its newest value reaches the engine, so a flood costs reading and not playing. The order of all
else is kept, and so is a coordinate's value at the time of a note. All code here runs on the event
loop's thread, except commands that wait for a disk and what their host sends meanwhile.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from latentpad.controllers.input_counts import InputCounts
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.learning.steering import Command
from latentpad.controllers.osc import reach
from latentpad.controllers.osc.coordinates import Coordinates
from latentpad.controllers.osc.dispatch import Dispatch
from latentpad.controllers.osc.packet import (
    IMMEDIATELY,
    Message,
    OscArgument,
    OscError,
    Packet,
    decode,
    unix_time,
)
from latentpad.controllers.outcomes import Outcomes
from latentpad.controllers.sender_threads import SenderThreads
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Instrument, Sender

DRAIN = 256
"""Datagrams in one batch; more would delay the newest."""

AHEAD = 1.0
"""Seconds; a time tag further in the future is ignored."""

TIMED = 256
"""Bundles that may wait for their time; further ones are carried out at once."""


@dataclass(slots=True)
class OscCounts(InputCounts):
    """Counts of packets, messages and outcomes, for the meter."""

    packets: int = 0
    superseded: int = 0


_SO_MEMINFO, _DROPS = 55, 8  # asm-generic/socket.h, linux/sock_diag.h


class OscServer:
    """Passes what arrives on bound, non-blocking UDP sockets to `instrument`.

    Malformed packets and refused commands are counted and dropped, and never fatal. `outcomes`
    receives all outcomes. A fault of the program is logged. `on_drop` is called with the count of
    dropped datagrams when more were dropped.
    """

    def __init__(
        self,
        instrument: Instrument,
        udp: socket.socket,
        outcomes: Outcomes | None = None,
        learning: Learning | None = None,
    ) -> None:
        self.counts = OscCounts()
        self._outcomes = outcomes or Outcomes(instrument)
        self.address: tuple[str, int] = udp.getsockname()[:2]
        self._instrument = instrument
        self._learning = learning
        self._sockets: dict[int, socket.socket] = {}
        self._dispatch = Dispatch(instrument)
        self._seen_dropped = 0
        self.on_drop: Callable[[int], None] = lambda dropped: None
        self._loop = asyncio.get_running_loop()
        self._threads = SenderThreads()
        self._timed: set[asyncio.TimerHandle] = set()
        self._coordinates = Coordinates(instrument.latent_dim, learning)
        self.listen(udp)

    def listen(self, udp: socket.socket) -> None:
        """Listen on a socket, one for each version of IP."""
        self._sockets[udp.family] = udp
        self._loop.add_reader(udp, self._drain, udp)

    def close(self) -> None:
        """Stop listening; bundles still waiting for their time are dropped."""
        for udp in self._sockets.values():
            self._loop.remove_reader(udp)
            udp.close()
        self._sockets.clear()
        for handle in self._timed:
            handle.cancel()
        self._timed.clear()

    def send(self, packet: bytes, host: str, port: int) -> None:
        """Send a datagram from the port that we listen on, so that its receiver recognises it.

        Never waits: what cannot be sent now is lost. Any thread.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with suppress(OSError, KeyError):
            self._sockets[family].sendto(packet, (host, port))

    @property
    def dropped(self) -> int:
        """The datagrams that the system has dropped, because they came faster than they could be
        read. Known on Linux only."""
        return sum(map(_dropped, self._sockets.values()))

    def release(self, sender: Sender) -> None:
        """Release what a sender holds, after all that it has sent: its connection is lost."""
        self._threads.do(sender.group, partial(self._instrument.release, sender.group))

    def malformed(self, data: bytes | None, sender: Sender, reason: str) -> None:
        """Count and report what is no OSC; without its data, an element of a bundle."""
        self.counts.add_malformed(reason)
        self._outcomes.malformed(data, sender, reason)

    def _drain(self, udp: socket.socket) -> None:
        batch: list[tuple[bytes, Sender]] = []
        while len(batch) < DRAIN:
            try:
                datagram, peer = udp.recvfrom(65_535)
            except BlockingIOError:
                break
            except OSError as error:  # it concerns one datagram (a refusal, a full buffer) only
                self.counts.last_error = str(error)
                break
            batch.append((datagram, Sender(f"osc {peer[0]}", peer[1])))
        self.take(batch)
        if len(batch) == DRAIN and (dropped := self.dropped) > self._seen_dropped:
            self._seen_dropped = dropped
            self.on_drop(dropped)

    def take(self, batch: Sequence[tuple[bytes, Sender]]) -> None:
        """Carry out a batch, oldest first, without superseded values."""
        self.counts.packets += len(batch)
        for packet, sender in self._newest(batch):
            delay = unix_time(packet.timetag) - time.time()
            if packet.timetag != IMMEDIATELY and 0 < delay <= AHEAD and len(self._timed) < TIMED:
                self._carry_out_later(delay, packet, sender)
            else:
                self._carry_out(packet, sender)

    def _newest(self, batch: Sequence[tuple[bytes, Sender]]) -> list[tuple[Packet, Sender]]:
        """The batch's packets in order, without coordinates that a later packet sets again.

        Goes backwards from the newest packet. Anything else than a coordinate (a note, a touch, a
        mode) depends on the coordinates before it, so these are kept from there on.
        """
        kept: list[tuple[Packet, Sender]] = []
        seen: set[bytes | None] = set()
        for datagram, sender in reversed(batch):
            if datagram[: max(datagram.find(0), 0)] in seen:
                self.counts.superseded += 1
                continue
            try:
                packet = self._dispatch.resolve(decode(datagram))
            except OscError as error:
                self.malformed(datagram, sender, str(error))
                continue
            coordinates = set(map(self._coordinates.of, packet.messages))
            if packet.timetag == IMMEDIATELY and None not in coordinates:
                if coordinates <= seen:
                    self.counts.superseded += 1
                    continue
                seen |= coordinates
            else:
                seen.clear()
            kept.append((packet, sender))
        kept.reverse()
        return kept

    def _carry_out_later(self, delay: float, packet: Packet, sender: Sender) -> None:
        def carry_out() -> None:
            self._timed.discard(handle)
            self._carry_out(packet, sender)

        handle = self._loop.call_later(delay, carry_out)
        self._timed.add(handle)

    def _carry_out(self, packet: Packet, sender: Sender) -> None:
        self.counts.messages += len(packet.messages)
        for fault in packet.faults:
            self.malformed(None, sender, fault)
        commands: list[Command] = []
        for message in packet.messages:
            try:
                commands += self._commands(message)
            except CommandError as error:
                self.counts.add_refused(error)
                self._outcomes.refuse(message.address, message.args, sender, error)
        self._threads.do(
            sender.group,
            partial(self._instrument.carry_out, commands, sender, self._report),
            waits=any(self._instrument.waits_for_disk(address) for address, _ in commands),
        )

    def _commands(self, message: Message) -> Sequence[Command]:
        """The message's commands: those that it has learned, or itself."""
        address, args = message.address, _instrument_args(message.address, message.args)
        learned = self._learning.osc(address, args) if self._learning is not None else None
        return ((address, args),) if learned is None else learned

    def _report(
        self, address: str, args: Sequence[Argument], sender: Sender, error: Exception | None
    ) -> None:
        if error is not None:
            self.counts.add_refused(error)
        self._outcomes.report(address, args, sender, error)


def _instrument_args(address: str, args: Sequence[OscArgument]) -> tuple[Argument, ...]:
    """A message's arguments in the instrument's types, without nil."""
    result: list[Argument] = []
    for argument in args:
        if isinstance(argument, bytes):
            raise CommandError(f"{address} takes no blob")
        if argument is not None:
            result.append(argument)
    return tuple(result)


async def listen(
    instrument: Instrument,
    host: str,
    port: int,
    outcomes: Outcomes | None = None,
    learning: Learning | None = None,
) -> OscServer:
    """Listen for OSC on UDP `host`:`port` (0 for any free port) until `OscServer.close`.

    Raises `PortTaken`, or another `OSError` for a host of another machine.
    """
    loop = asyncio.get_running_loop()
    try:
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except socket.gaierror as error:
        raise OSError(f"OSC: there is no host {host!r} ({error.strerror})") from None
    return OscServer(instrument, reach.udp(str(addresses[0][4][0]), port), outcomes, learning)


def _dropped(udp: socket.socket) -> int:
    if sys.platform != "linux":
        return 0
    fields = struct.unpack("9I", udp.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))
    return int(fields[_DROPS])
