"""What `play` tells the performer, in lines for a person."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from engine import board as b
from engine.limiter import LOOKAHEAD_S
from engine.session import Session

HURRIED = (
    "note   no real-time scheduling for this user, so a little more is kept ready "
    "(limits.d: @audio - rtprio 70, and you in the group audio)"
)


def latency(session: Session) -> str:
    player = session.board.player
    rate = float(player[b.DEVICE_RATE])
    block, ring = int(player[b.DEVICE_BLOCK]), float(player[b.RING_BLOCKS])
    buffered = 1000 * ring * block / rate
    device = 1000 * float(player[b.DEVICE_LATENCY])
    decode = session.board.decoder[b.DECODE_US] / 1000
    return (
        f"latency {decode:.1f} ms decoder + {buffered:.1f} ms ring ({ring:g} blocks of {block}) "
        f"+ {1000 * LOOKAHEAD_S:.1f} ms limiter + {device:.1f} ms device, at {rate:.0f} Hz"
    )


def report(word: dict[str, Any], say: Callable[[str], None]) -> None:
    """What an engine process has said, for a person to read."""
    kind = word["kind"]
    if kind == "output":
        say(f"sound  {word['name']}, {word['rate']} Hz, blocks of {word['block']}")
    elif kind == "no device":
        say(f"no sound device: {word['reason']}; playing on time to no one (--null-audio)")
    elif kind == "decoder":
        say(f"model  decodes in {word['milliseconds']:.1f} ms on {word['device'].strip('/')}")
    elif kind == "lost":
        say(f"sound  {word['device']} has stopped; looking for it")
    elif kind == "restart":
        say(f"the {word['what']} process is being replaced")


def addresses(lan: bool, port: int) -> str:
    if not lan:
        return f"on UDP 127.0.0.1:{port} (this machine; --lan for the network)"
    hosts = sorted(
        {str(info[4][0]) for info in _own_addresses() if not str(info[4][0]).startswith("127.")}
    )
    return f"on UDP port {port} of {', '.join(hosts) or socket.gethostname()}"


def _own_addresses() -> list[Any]:
    try:
        return socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    except OSError:
        return []
