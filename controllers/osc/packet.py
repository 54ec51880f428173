"""OSC packets, read strictly: bytes to messages, and back.

Every size and every padding byte is checked before it is used, so any datagram becomes a `Packet`
or an `OscError`. Source: Open Sound Control 1.0 (Wright, 2002), type tags of 1.1 (Freed & Schmeder,
2009).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from latentpad.models.errors import LatentpadError

OscArgument = float | int | str | bool | bytes | None

PORT = 9000
"""The default UDP port of an instrument."""

LARGEST = 65_536
"""Bytes in a packet; no UDP datagram is larger."""

DEPTH = 8
"""The deepest nesting of bundles that is read."""

IMMEDIATELY = 1
"""The time tag that means immediately."""

_NTP_TO_UNIX = 2_208_988_800  # s from 1900 to 1970
_BUNDLE = b"#bundle\0"
_NUMBERS = {tag: struct.Struct(f">{code}") for tag, code in zip("ifhd", "ifqd", strict=True)}
# An impulse is a touch app's 'bang': what a button sends when it is pressed.
_CONSTANTS: dict[str, bool | None] = {"T": True, "F": False, "N": None, "I": True}
# Time tags, colours, characters, MIDI: no command takes one, so each is read as nil.
_MEANINGLESS = {"t": 8, "r": 4, "c": 4, "m": 4}


class OscError(LatentpadError, ValueError):
    """A packet that is not OSC, or values that OSC cannot carry: one line with the reason."""


class Message(NamedTuple):
    address: str
    args: tuple[OscArgument, ...]


class Packet(NamedTuple):
    """The messages of one packet in order, including those of nested bundles.

    `timetag` is that of the outermost bundle, in NTP's 2**-32 s; `IMMEDIATELY` for a single
    message. `faults` has one line for each element of a bundle that was left out.
    """

    messages: tuple[Message, ...]
    timetag: int = IMMEDIATELY
    faults: tuple[str, ...] = ()


def unix_time(timetag: int) -> float:
    """A time tag as seconds since 1970. NTP's seconds start again in 2036 (RFC 4330, 3)."""
    era = 0 if timetag >> 63 else 2**32
    return timetag / 2**32 + era - _NTP_TO_UNIX


def decode(datagram: bytes) -> Packet:
    """Decode one packet. Raises `OscError`; never loops, never reads past the end. Any thread.

    A broken element of a bundle does not spoil the others: it is reported in `faults`. If a size is
    wrong, the elements cannot be separated, and the whole packet is refused.
    """
    if len(datagram) > LARGEST:
        raise OscError(f"{len(datagram)} bytes are more than {LARGEST}")
    if not datagram or len(datagram) % 4:
        raise OscError(f"a packet's size is a multiple of 4, not {len(datagram)}")
    if not datagram.startswith(_BUNDLE):
        return Packet((_message(datagram, 0, len(datagram)),))
    messages: list[Message] = []
    faults: list[str] = []
    timetag = _bundle(datagram, 0, len(datagram), 1, messages, faults)
    if faults and not messages:
        raise OscError(faults[0])
    return Packet(tuple(messages), timetag, tuple(faults))


def _bundle(
    data: bytes, offset: int, end: int, depth: int, messages: list[Message], faults: list[str]
) -> int:
    """Append the messages of the bundle at `data[offset:end]`, and the faults of its other
    elements.

    Returns its time tag.
    """
    if depth > DEPTH:
        raise OscError(f"bundles are nested more than {DEPTH} deep")
    if end - offset < 16:
        raise OscError("a bundle ends before its time tag")
    timetag = int.from_bytes(data[offset + 8 : offset + 16], "big")
    offset += 16
    while offset < end:
        size = int.from_bytes(data[offset : offset + 4], "big", signed=True)
        offset += 4
        if size <= 0 or size % 4 or size > end - offset:
            raise OscError(f"a bundle's element has size {size}, {end - offset} bytes are left")
        message_count = len(messages)
        try:
            if data.startswith(_BUNDLE, offset, offset + size):
                _bundle(data, offset, offset + size, depth + 1, messages, faults)
            else:
                messages.append(_message(data, offset, offset + size))
        except OscError as error:
            del messages[message_count:]  # a nested bundle is taken as a whole or not
            faults.append(str(error))
        offset += size
    return timetag


def _message(data: bytes, offset: int, end: int) -> Message:
    raw, offset = _string(data, offset, end)
    address = _address(raw)
    if offset == end:  # senders older than OSC 1.0 leave out the type tags of an empty list
        return Message(address, ())
    raw, offset = _string(data, offset, end)
    if not raw.startswith(b",") or not raw.isascii():
        raise OscError(f"{address}: the type tags do not start with ','")
    args: list[OscArgument] = []
    for tag in raw[1:].decode():
        if number := _NUMBERS.get(tag):
            if number.size > end - offset:
                raise OscError(f"{address}: the packet ends within an argument")
            args.append(number.unpack_from(data, offset)[0])
            offset += number.size
        elif tag in _CONSTANTS:
            args.append(_CONSTANTS[tag])
        elif tag in "[]":  # the elements of an array are read as single arguments
            continue
        elif skipped := _MEANINGLESS.get(tag):
            if skipped > end - offset:
                raise OscError(f"{address}: the packet ends within an argument")
            args.append(None)
            offset += skipped
        elif tag in "sS":
            raw, offset = _string(data, offset, end)
            try:
                args.append(raw.decode())
            except UnicodeDecodeError:
                raise OscError(f"{address}: a string is not UTF-8") from None
        elif tag == "b":
            blob, offset = _blob(data, offset, end)
            args.append(blob)
        else:
            raise OscError(f"{address}: there is no type {tag!r}")
    if offset != end:
        raise OscError(f"{address}: {end - offset} bytes follow the last argument")
    return Message(address, tuple(args))


def _address(raw: bytes) -> str:
    """An address. OSC 1.0 has ASCII only, but touch apps send the names of their controls."""
    try:
        address = raw.decode()
    except UnicodeDecodeError:
        address = ""
    if not address.startswith("/") or not address.isprintable():
        raise OscError("an address is printable and starts with '/'")
    return address


def _string(data: bytes, offset: int, end: int) -> tuple[bytes, int]:
    """The NUL-terminated string at `offset`, and the offset of the next field."""
    terminator = data.find(0, offset, end)
    if terminator < 0:
        raise OscError("a string is not NUL-terminated")
    return data[offset:terminator], _aligned(data, terminator, end, terminator + 1)


def _blob(data: bytes, offset: int, end: int) -> tuple[bytes, int]:
    size = int.from_bytes(data[offset : offset + 4], "big", signed=True)
    offset += 4
    if not 0 <= size <= end - offset:
        raise OscError(f"a blob has size {size}, {max(end - offset, 0)} bytes are left")
    return data[offset : offset + size], _aligned(data, offset + size, end, offset + size)


def _aligned(data: bytes, terminator: int, end: int, least: int) -> int:
    """The next multiple of 4 from `least` on. Raises `OscError` unless NULs fill the gap."""
    following = (least + 3) // 4 * 4
    if following > end or any(data[terminator:following]):
        raise OscError("a field is not padded with NULs to 4 bytes")
    return following


def encode(address: str, args: Sequence[OscArgument] = ()) -> bytes:
    """Encode a message. Large integers have the type `h`, large floats `d`. Raises `OscError`."""
    if not (address.startswith("/") and address.isprintable()):
        raise OscError(f"{address!r} is no OSC address")
    tags, body = ",", b""
    for argument in args:
        tag, field = _field(argument)
        tags += tag
        body += field
    return _string_field(address.encode()) + _string_field(tags.encode()) + body


def encode_bundle(messages: Iterable[bytes], timetag: int = IMMEDIATELY) -> bytes:
    """A bundle of encoded messages or bundles."""
    body = b"".join(len(m).to_bytes(4, "big") + m for m in messages)
    return _BUNDLE + timetag.to_bytes(8, "big") + body


def encode_packet(messages: Sequence[bytes]) -> bytes:
    """A packet of encoded messages: a bundle if there are several."""
    return messages[0] if len(messages) == 1 else encode_bundle(messages)


def _field(argument: OscArgument) -> tuple[str, bytes]:
    if argument is None:
        return "N", b""
    if isinstance(argument, bool):
        return ("T" if argument else "F"), b""
    if isinstance(argument, int):
        tag = "i" if -(2**31) <= argument < 2**31 else "h"
        if not -(2**63) <= argument < 2**63:
            raise OscError(f"{argument} does not fit in 64 bits")
        return tag, _NUMBERS[tag].pack(argument)
    if isinstance(argument, float):
        try:
            return "f", _NUMBERS["f"].pack(argument)
        except OverflowError:
            return "d", _NUMBERS["d"].pack(argument)
    if isinstance(argument, str):
        return "s", _string_field(argument.encode())
    padding = bytes(-len(argument) % 4)
    return "b", len(argument).to_bytes(4, "big") + argument + padding


def _string_field(text: bytes) -> bytes:
    if 0 in text:
        raise OscError("a string holds a NUL")
    return text + bytes(4 - len(text) % 4)
