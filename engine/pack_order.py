"""The order to load a pack while another one is played, from the control process to the others.

Each order is a datagram on a socket of its own, with the file descriptor of the pack's
`SoundMemory`. The order says what to load. The board's field `pack` says when to play it.
"""

from __future__ import annotations

import pickle
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from latentpad.engine.sound_memory import SoundMemory, SoundShape
from latentpad.models.representation import Representation

MAX_BYTES = 1 << 15


@dataclass(frozen=True)
class PackOrder:
    """A pack to load. `number` is what the board's `pack` will be when it is to be played."""

    number: int
    folder: Path
    library: Path | None  # the library whose sounds are the anchors
    representation: Representation


def channel() -> tuple[socket.socket, socket.socket]:
    """The sender's and the receiver's socket. Neither waits."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in ends:
        end.setblocking(False)
    return ends


def sound_shape(representation: Representation) -> SoundShape:
    """The dimensions of the sounds of a pack."""
    r = representation
    return SoundShape(r.frames, r.bins, r.samples, texture_bands=r.texture_bands)


def send(sender: socket.socket, order: PackOrder, sounds: SoundMemory) -> bool:
    """Send an order. False if the receiver has not read the earlier ones: try again later."""
    try:
        socket.send_fds(sender, [pickle.dumps(order)], [sounds.fd])
    except BlockingIOError:
        return False
    except OSError:  # the receiver has ended; its successor gets the order
        pass
    return True


def receive(receiver: socket.socket) -> tuple[PackOrder, SoundMemory] | None:
    """The newest order, and the memory for its sounds. None if there is none."""
    newest = None
    with suppress(BlockingIOError):
        while True:
            data, fds, _, _ = socket.recv_fds(receiver, MAX_BYTES, 1)
            if not data:
                break
            order: PackOrder = pickle.loads(data)
            newest = order, SoundMemory(sound_shape(order.representation), fds[0])
    return newest
