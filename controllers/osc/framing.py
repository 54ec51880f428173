"""OSC packets in a TCP stream: SLIP (OSC 1.1) or a length before each packet (OSC 1.0).

A sender says nowhere which of the two it speaks, but the first byte tells them apart: a length is
less than 2**24 and begins with 0; SLIP begins with its own END, or with a packet.
Sources: OSC 1.1 (Freed & Schmeder, 2009), RFC 1055.
"""

from __future__ import annotations

from typing import Protocol

from latentpad.controllers.osc.packet import LARGEST, OscError

_END, _ESC = b"\xc0", b"\xdb"
_ESC_END, _ESC_ESC = b"\xdb\xdc", b"\xdb\xdd"


class Framing(Protocol):
    """One of the two ways to separate packets. One object for each connection."""

    def feed(self, data: bytes) -> list[bytes]:
        """The packets that `data` completes. Raises `OscError` if the stream cannot be followed."""

    def frame(self, packet: bytes) -> bytes:
        """A packet as it is sent."""


class LengthPrefix:
    """Each packet after its size, a big-endian int32."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """As `Framing.feed`."""
        buffer, packets, start = self._buffer, [], 0
        buffer += data
        while len(buffer) - start >= 4:
            size = int.from_bytes(buffer[start : start + 4], "big", signed=True)
            if not 0 <= size <= LARGEST:
                raise OscError(f"a packet of {size} bytes cannot be")
            end = start + 4 + size
            if len(buffer) < end:
                break
            if size:
                packets.append(bytes(buffer[start + 4 : end]))
            start = end
        del buffer[:start]
        return packets

    def frame(self, packet: bytes) -> bytes:
        """As `Framing.frame`."""
        return len(packet).to_bytes(4, "big") + packet


class Slip:
    """Packets between END bytes, which are escaped within."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """As `Framing.feed`."""
        self._buffer += data
        packets: list[bytes] = []
        if _END in data:
            *ended, self._buffer = self._buffer.split(_END)
            packets = [bytes(_unescaped(frame)) for frame in ended if frame]
        if len(self._buffer) > 2 * LARGEST:  # every byte may be escaped
            raise OscError(f"a packet of more than {LARGEST} bytes cannot be")
        return packets

    def frame(self, packet: bytes) -> bytes:
        """As `Framing.frame`."""
        return _END + packet.replace(_ESC, _ESC_ESC).replace(_END, _ESC_END) + _END


def detect(first: bytes) -> Framing:
    """The framing of a stream by its first bytes. Raises `OscError` if it is none of the two."""
    if first.startswith(b"\0"):
        return LengthPrefix()
    if first.startswith((_END, b"/", b"#")):
        return Slip()
    raise OscError("this is no OSC over TCP: neither SLIP nor packets after their lengths")


def _unescaped(frame: bytearray) -> bytearray:
    return frame.replace(_ESC_END, _END).replace(_ESC_ESC, _ESC)
