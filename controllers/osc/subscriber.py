"""One port of a host that asked for feedback."""

from __future__ import annotations

import socket
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Sender

Values = dict[str, Sequence[Argument]]


class SubscriberState(Enum):
    """The states of a subscriber."""

    WAITS = auto()  # for a copy of all values
    FOLLOWS = auto()  # has the copy, and gets changes
    REFUSES = auto()  # its port is closed
    WAKES = auto()  # it refused before; one value is to be sent as a probe
    PROBED = auto()  # the probe was sent


LISTENING = (SubscriberState.WAITS, SubscriberState.FOLLOWS)


@dataclass(eq=False)
class Subscriber:
    """A port that gets values, through a connected socket, which reports refusals."""

    port: int
    socket: socket.socket
    request: int  # number of the request that is answered by a copy
    state: SubscriberState = SubscriberState.WAITS
    tried: float = 0.0  # when it refused, or was probed
    pending: Values = field(default_factory=dict)

    @property
    def refuses(self) -> bool:
        """Whether it refused when it was sent something last."""
        return self.state not in LISTENING

    def take(self, held: Container[str]) -> Values:
        """Take what is pending, but for the addresses that are `held`."""
        ready = {address: args for address, args in self.pending.items() if address not in held}
        for address in ready:
            del self.pending[address]
        return ready

    def failed(self) -> bool:
        """Whether something has been refused since the last call."""
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


def connected(sender: Sender, port: int) -> socket.socket:
    """A socket that sends to a port of the sender's host. Raises `CommandError`."""
    host = sender.group.partition(" ")[2]
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
        )[0]
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.setblocking(False)
        udp.connect(address)
    except OSError as error:
        raise CommandError(f"/sync: {host} port {port} cannot be reached ({error})") from None
    return udp
