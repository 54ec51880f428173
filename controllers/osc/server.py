"""OSC over UDP: datagrams to commands.

The socket is read empty before anything is carried out. If one coordinate was sent several times,
only its newest value reaches the engine, so a flood costs reading and not playing. The order of all
else is kept, and so is a coordinate's value at the time of a note. All code here runs on the event
loop's thread, except commands that wait for a disk and what their host sends meanwhile.
"""

from __future__ import annotations

import asyncio
import errno
import math
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from latentpad.controllers.input_counts import InputCounts
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.learning.steering import Command
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
from latentpad.engine.parameters import FINGERS, TABLE

DRAIN = 256
"""Datagrams in one batch; more would delay the newest."""

AHEAD = 1.0
"""Seconds; a time tag further in the future is ignored."""

TIMED = 256
"""Bundles that may wait for their time; further ones are carried out at once."""


class PortTaken(OSError):
    """Another program listens on the port: one line with its name, if it can be found."""


@dataclass(slots=True)
class OscCounts(InputCounts):
    """Counts of packets, messages and outcomes, for the meter."""

    packets: int = 0
    superseded: int = 0


class OscServer:
    """Passes what arrives on a bound, non-blocking UDP socket to `instrument`.

    Malformed packets and refused commands are counted and dropped, and never fatal. `outcomes`
    receives all outcomes. A fault of the program is logged.
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
        self._socket = udp
        self._loop = asyncio.get_running_loop()
        self._threads = SenderThreads()
        self._timed: set[asyncio.TimerHandle] = set()
        self._sizes = _coordinate_sizes(instrument.latent_dim)
        self._loop.add_reader(udp, self._drain)

    def close(self) -> None:
        """Stop listening; bundles still waiting for their time are dropped."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()
        for handle in self._timed:
            handle.cancel()
        self._timed.clear()

    def send(self, packet: bytes, host: str, port: int) -> None:
        """Send a datagram from the port that we listen on, so that its receiver recognises it.

        Never waits: what cannot be sent now is lost. Any thread.
        """
        with suppress(OSError):
            self._socket.sendto(packet, (host, port))

    def _drain(self) -> None:
        batch: list[tuple[bytes, Sender]] = []
        while len(batch) < DRAIN:
            try:
                datagram, peer = self._socket.recvfrom(65_535)
            except BlockingIOError:
                break
            except OSError as error:  # it concerns one datagram (a refusal, a full buffer) only
                self.counts.last_error = str(error)
                break
            batch.append((datagram, Sender(f"osc {peer[0]}", peer[1])))
        self.take(batch)

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
                packet = decode(datagram)
            except OscError as error:
                self._malformed(datagram, sender, str(error))
                continue
            coordinates = {self._coordinate(message) for message in packet.messages}
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

    def _coordinate(self, message: Message) -> bytes | None:
        """The coordinate that the message sets; None for one that sets none. One with a NaN does
        not: it would be refused."""
        if self._learning is not None and message.address not in self._sizes:
            args = tuple(a for a in message.args if a is not None and not isinstance(a, bytes))
            if (learned := self._learning.coordinate(message.address, args)) is not None:
                return learned.encode()
        stem, _, last = message.address.rpartition("/")
        size = self._sizes.get(stem + "/*" if last.isdecimal() else message.address)
        sets = len(message.args) == size and all(
            isinstance(argument, float | int) and math.isfinite(argument)
            for argument in message.args
        )
        return message.address.encode() if sets else None

    def _carry_out_later(self, delay: float, packet: Packet, sender: Sender) -> None:
        def carry_out() -> None:
            self._timed.discard(handle)
            self._carry_out(packet, sender)

        handle = self._loop.call_later(delay, carry_out)
        self._timed.add(handle)

    def _carry_out(self, packet: Packet, sender: Sender) -> None:
        self.counts.messages += len(packet.messages)
        for fault in packet.faults:
            self._malformed(None, sender, fault)
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

    def _malformed(self, data: bytes | None, sender: Sender, reason: str) -> None:
        self.counts.add_malformed(reason)
        self._outcomes.malformed(data, sender, reason)


def _instrument_args(address: str, args: Sequence[OscArgument]) -> tuple[Argument, ...]:
    """A message's arguments in the instrument's types, without nil."""
    result: list[Argument] = []
    for argument in args:
        if isinstance(argument, bytes):
            raise CommandError(f"{address} takes no blob")
        if argument is not None:
            result.append(argument)
    return tuple(result)


def _coordinate_sizes(latent_dim: int) -> dict[str, int]:
    """The number of arguments of each coordinate; `*` stands for any last number."""
    sizes = {"/latent": latent_dim, "/latent/*": 1, "/lattice/*": 1}
    for row in TABLE:
        if row.kind == "float":
            for n in range(1, FINGERS + 1):
                sizes[row.address.format(n=n)] = row.size
    for stem in ("/pad", *(f"/pad/{n}" for n in range(1, FINGERS + 1))):
        sizes |= {f"{stem}/xy": 2, f"{stem}/x": 1, f"{stem}/y": 1}
    return sizes


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
    family, _, _, _, address = addresses[0]
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.setblocking(False)
    # A full buffer drops the newest datagrams. The system may grant less than this.
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    try:
        udp.bind(address)
    except OSError as error:
        udp.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"port {port} is taken{_holder(port)}; use --osc-port to take another"
            ) from None
        raise OSError(f"OSC cannot listen on {host} port {port}: {error.strerror}") from None
    return OscServer(instrument, udp, outcomes, learning)


def _holder(port: int) -> str:
    """The program that has the UDP port, if Linux shows it to this user."""
    try:
        inodes = {
            f"socket:[{fields[9]}]"
            for table in ("udp", "udp6")
            for line in Path("/proc/net", table).read_text().splitlines()[1:]
            if int((fields := line.split())[1].rpartition(":")[2], 16) == port
        }
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if any(_link(fd) in inodes for fd in (process / "fd").iterdir()):
                    name = (process / "comm").read_text().strip()
                    return f" by {name} pid {process.name}"
            except OSError:  # another user's process, or one that has ended
                continue
    except OSError:  # no /proc here
        pass
    return " by another program"


def _link(fd: Path) -> str:
    """The target of a process's file descriptor; empty if it has been closed meanwhile."""
    try:
        return str(fd.readlink())
    except OSError:
        return ""
