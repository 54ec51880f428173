"""OSC over UDP: datagrams in, commands to the instrument.

The socket is drained before anything is carried out, and of a coordinate that was sent many
times only the newest value reaches the engine: a flood costs reading, not playing. Everything
else, and what a coordinate was when a note came, keeps its order. Everything here runs on the
event loop's thread, but a command that waits for a disk, and what its host sends meanwhile.
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
"""Datagrams read in one go; more would make the newest wait."""

AHEAD = 1.0
"""Seconds ahead that a time tag may be to be honoured."""

TIMED = 256
"""Bundles that may wait for their time; those beyond are carried out at once."""


class PortTaken(OSError):
    """Another program listens on the port: one line naming it where it can be known."""


@dataclass(slots=True)
class OscCounts:
    """What came and what became of it, for a meter."""

    packets: int = 0
    messages: int = 0
    malformed: int = 0
    refused: int = 0
    superseded: int = 0
    last_error: str = ""


class OscServer:
    """Hands what arrives on a bound, non-blocking UDP socket to `instrument`.

    Malformed packets and refused commands are counted and dropped, and never fatal; `outcomes`
    hears of them, and of what was carried out. A fault of our own is told, once.
    """

    def __init__(
        self, instrument: Instrument, udp: socket.socket, outcomes: Outcomes | None = None
    ) -> None:
        self.counts = OscCounts()
        self._outcomes = outcomes or Outcomes(instrument)
        self.address: tuple[str, int] = udp.getsockname()[:2]
        self._instrument = instrument
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
        """Send a datagram from where we listen, so that who sent to us knows it. Never waits:
        what cannot go now is lost. Any thread."""
        with suppress(OSError):
            self._socket.sendto(packet, (host, port))

    def _drain(self) -> None:
        batch: list[tuple[bytes, Sender]] = []
        while len(batch) < DRAIN:
            try:
                datagram, peer = self._socket.recvfrom(65_535)
            except BlockingIOError:
                break
            except OSError as error:  # of one datagram (a refusal, a full buffer), not of all
                self.counts.last_error = str(error)
                break
            batch.append((datagram, Sender(f"osc {peer[0]}", peer[1])))
        self.take(batch)

    def take(self, batch: Sequence[tuple[bytes, Sender]]) -> None:
        """Carry out what came since the last call, oldest first, superseded values left out."""
        self.counts.packets += len(batch)
        for packet, sender in self._newest(batch):
            delay = unix_time(packet.timetag) - time.time()
            if packet.timetag != IMMEDIATELY and 0 < delay <= AHEAD and len(self._timed) < TIMED:
                self._carry_out_later(delay, packet, sender)
            else:
                self._carry_out(packet, sender)

    def _newest(self, batch: Sequence[tuple[bytes, Sender]]) -> list[tuple[Packet, Sender]]:
        """The batch's packets in order, less coordinates that a later one sets again.

        Walks back from the newest. Whatever is not a coordinate (a note, a touch, a mode)
        must find the coordinates as they were before it, so it starts the walk afresh.
        """
        kept: list[tuple[Packet, Sender]] = []
        seen: set[bytes] = set()
        for datagram, sender in reversed(batch):
            if datagram[: max(datagram.find(0), 0)] in seen:
                self.counts.superseded += 1
                continue
            try:
                packet = decode(datagram)
            except OscError as error:
                self._malformed(datagram, sender, str(error))
                continue
            if packet.timetag == IMMEDIATELY and all(map(self._sets_coordinate, packet.messages)):
                addresses = {message.address.encode() for message in packet.messages}
                if addresses <= seen:
                    self.counts.superseded += 1
                    continue
                seen |= addresses
            else:
                seen.clear()
            kept.append((packet, sender))
        kept.reverse()
        return kept

    def _sets_coordinate(self, message: Message) -> bool:
        """Whether the message surely sets a coordinate: a NaN must not outdo an older value."""
        stem, _, last = message.address.rpartition("/")
        size = self._sizes.get(stem + "/*" if last.isdecimal() else message.address)
        return len(message.args) == size and all(
            isinstance(argument, float | int) and math.isfinite(argument)
            for argument in message.args
        )

    def _carry_out_later(self, delay: float, packet: Packet, sender: Sender) -> None:
        def due() -> None:
            self._timed.discard(handle)
            self._carry_out(packet, sender)

        handle = self._loop.call_later(delay, due)
        self._timed.add(handle)

    def _carry_out(self, packet: Packet, sender: Sender) -> None:
        self.counts.messages += len(packet.messages)
        for fault in packet.faults:
            self._malformed(None, sender, fault)
        commands = []
        for message in packet.messages:
            try:
                commands.append((message.address, _plain(message.address, message.args)))
            except CommandError as error:
                self._refused(error)
                self._outcomes.refuse(message.address, message.args, sender, error)
        self._threads.do(
            sender.group,
            partial(self._instrument.carry_out, commands, sender, self._report),
            waits=any(self._instrument.waits_for_disk(address) for address, _ in commands),
        )

    def _report(
        self, address: str, args: Sequence[Argument], sender: Sender, error: Exception | None
    ) -> None:
        if error is not None:
            self._refused(error)
        self._outcomes.report(address, args, sender, error)

    def _refused(self, error: Exception) -> None:
        self.counts.refused += 1
        self.counts.last_error = str(error) if isinstance(error, CommandError) else repr(error)

    def _malformed(self, data: bytes | None, sender: Sender, reason: str) -> None:
        self.counts.malformed += 1
        self.counts.last_error = reason
        self._outcomes.malformed(data, sender, reason)


def _plain(address: str, args: Sequence[OscArgument]) -> tuple[Argument, ...]:
    """A message's arguments as the instrument takes them: nil is no argument."""
    plain: list[Argument] = []
    for argument in args:
        if isinstance(argument, bytes):
            raise CommandError(f"{address} takes no blob")
        if argument is not None:
            plain.append(argument)
    return tuple(plain)


def _coordinate_sizes(latent_dim: int) -> dict[str, int]:
    """How many numbers each coordinate takes; `*` stands for a last number of any value."""
    sizes = {"/latent": latent_dim, "/latent/*": 1, "/lattice/*": 1}
    for row in TABLE:
        if row.kind == "float":
            for n in range(1, FINGERS + 1):
                sizes[row.address.format(n=n)] = row.size
    for stem in ("/pad", *(f"/pad/{n}" for n in range(1, FINGERS + 1))):
        sizes |= {f"{stem}/xy": 2, f"{stem}/x": 1, f"{stem}/y": 1}
    return sizes


async def listen(
    instrument: Instrument, host: str, port: int, outcomes: Outcomes | None = None
) -> OscServer:
    """Listen for OSC on UDP `host`:`port` (0 for any free port) until `OscServer.close`.

    Raises `PortTaken`, or another `OSError` where the host is none of this machine's.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except socket.gaierror as error:
        raise OSError(f"OSC: there is no host {host!r} ({error.strerror})") from None
    family, _, _, _, address = found[0]
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.setblocking(False)
    # What a full buffer drops is the newest; the system grants what it allows of this.
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
    return OscServer(instrument, udp, outcomes)


def _holder(port: int) -> str:
    """Which program holds the UDP port, as far as Linux tells this user."""
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
            except OSError:  # another user's, or gone meanwhile
                continue
    except OSError:  # no /proc here
        pass
    return " by another program"


def _link(fd: Path) -> str:
    """What a process's open file is; nothing if it has been closed since it was listed."""
    try:
        return str(fd.readlink())
    except OSError:
        return ""
