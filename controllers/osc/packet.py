"""OSC packets, strictly: bytes in, messages out, and back.

Every size and every padding byte is checked before it is used, so that whatever a network
carries becomes a `Packet` or an `OscError`. Source: Open Sound Control 1.0 (Wright, 2002),
type tags of 1.1 (Freed & Schmeder, 2009).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from latentpad.models.errors import LatentpadError

OscArgument = float | int | str | bool | bytes | None

PORT = 9000
"""The UDP port on which an instrument listens if nothing else is said."""

LARGEST = 65_536
"""Bytes in a packet; no UDP datagram is larger."""

DEPTH = 8
"""Bundles within bundles that are still read."""

IMMEDIATELY = 1
"""The time tag that means at once."""

_NTP_TO_UNIX = 2_208_988_800  # s from 1900 to 1970
_BUNDLE = b"#bundle\0"
_NUMBERS = {tag: struct.Struct(f">{code}") for tag, code in zip("ifhd", "ifqd", strict=True)}
# An impulse is a touch app's 'bang': what a button sends when it is pressed.
_CONSTANTS: dict[str, bool | None] = {"T": True, "F": False, "N": None, "I": True}
# Time tags, colours, characters, MIDI: nothing here takes one, so each is read as nil.
_MEANINGLESS = {"t": 8, "r": 4, "c": 4, "m": 4}


class OscError(LatentpadError, ValueError):
    """A packet that is not OSC, or values that OSC cannot carry: one line saying why."""


class Message(NamedTuple):
    address: str
    args: tuple[OscArgument, ...]


class Packet(NamedTuple):
    """The messages of one packet in order, those of nested bundles among them.

    `timetag` is the outermost bundle's, in NTP's 2**-32 s; `IMMEDIATELY` for a lone message.
    `faults` says what was wrong with those of a bundle's elements that are left out.
    """

    messages: tuple[Message, ...]
    timetag: int = IMMEDIATELY
    faults: tuple[str, ...] = ()


def unix_time(timetag: int) -> float:
    """A time tag as seconds since 1970. NTP's seconds start again in 2036 (RFC 4330, 3)."""
    era = 0 if timetag >> 63 else 2**32
    return timetag / 2**32 + era - _NTP_TO_UNIX


def decode(datagram: bytes) -> Packet:
    """One packet. Raises `OscError`; never loops, never reads past the end. Any thread.

    An element of a bundle that is broken within its own size leaves the others: it is among the
    packet's `faults`. Where a size is wrong nothing can be told apart, and all is refused.
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
    data: bytes, at: int, end: int, depth: int, messages: list[Message], faults: list[str]
) -> int:
    """Append the messages of the bundle at `data[at:end]`, and what is wrong with its other
    elements; returns its time tag."""
    if depth > DEPTH:
        raise OscError(f"bundles are nested more than {DEPTH} deep")
    if end - at < 16:
        raise OscError("a bundle ends before its time tag")
    timetag = int.from_bytes(data[at + 8 : at + 16], "big")
    at += 16
    while at < end:
        size = int.from_bytes(data[at : at + 4], "big", signed=True)
        at += 4
        if size <= 0 or size % 4 or size > end - at:
            raise OscError(f"a bundle's element has size {size}, {end - at} bytes are left")
        good = len(messages)
        try:
            if data.startswith(_BUNDLE, at, at + size):
                _bundle(data, at, at + size, depth + 1, messages, faults)
            else:
                messages.append(_message(data, at, at + size))
        except OscError as error:
            del messages[good:]  # a bundle within is whole or not at all
            faults.append(str(error))
        at += size
    return timetag


def _message(data: bytes, at: int, end: int) -> Message:
    raw, at = _string(data, at, end)
    if not raw.startswith(b"/") or not raw.isascii() or not (address := raw.decode()).isprintable():
        raise OscError("an address is printable ASCII and starts with '/'")
    if at == end:  # senders older than OSC 1.0 leave out the type tags of an empty list
        return Message(address, ())
    raw, at = _string(data, at, end)
    if not raw.startswith(b",") or not raw.isascii():
        raise OscError(f"{address}: the type tags do not start with ','")
    args: list[OscArgument] = []
    for tag in raw[1:].decode():
        if number := _NUMBERS.get(tag):
            if number.size > end - at:
                raise OscError(f"{address}: the packet ends within an argument")
            args.append(number.unpack_from(data, at)[0])
            at += number.size
        elif tag in _CONSTANTS:
            args.append(_CONSTANTS[tag])
        elif tag in "[]":  # what is in an array is taken as if it stood alone
            continue
        elif skipped := _MEANINGLESS.get(tag):
            if skipped > end - at:
                raise OscError(f"{address}: the packet ends within an argument")
            args.append(None)
            at += skipped
        elif tag in "sS":
            raw, at = _string(data, at, end)
            try:
                args.append(raw.decode())
            except UnicodeDecodeError:
                raise OscError(f"{address}: a string is not UTF-8") from None
        elif tag == "b":
            blob, at = _blob(data, at, end)
            args.append(blob)
        else:
            raise OscError(f"{address}: there is no type {tag!r}")
    if at != end:
        raise OscError(f"{address}: {end - at} bytes follow the last argument")
    return Message(address, tuple(args))


def _string(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """The NUL-terminated string at `at`, and where the next field starts."""
    stop = data.find(0, at, end)
    if stop < 0:
        raise OscError("a string is not NUL-terminated")
    return data[at:stop], _padded(data, stop, end, stop + 1)


def _blob(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    size = int.from_bytes(data[at : at + 4], "big", signed=True)
    at += 4
    if not 0 <= size <= end - at:
        raise OscError(f"a blob has size {size}, {max(end - at, 0)} bytes are left")
    return data[at : at + size], _padded(data, at + size, end, at + size)


def _padded(data: bytes, stop: int, end: int, least: int) -> int:
    """The next multiple of 4 from `least` on, having checked that NULs lead there."""
    following = (least + 3) // 4 * 4
    if following > end or any(data[stop:following]):
        raise OscError("a field is not padded with NULs to 4 bytes")
    return following


def encode(address: str, args: Sequence[OscArgument] = ()) -> bytes:
    """One message. Integers that need it travel as `h`, floats as `d`. Raises `OscError`."""
    if not (address.startswith("/") and address.isascii() and address.isprintable()):
        raise OscError(f"{address!r} is no OSC address")
    tags, body = ",", b""
    for argument in args:
        tag, field = _field(argument)
        tags += tag
        body += field
    return _packed(address.encode()) + _packed(tags.encode()) + body


def encode_bundle(messages: Iterable[bytes], timetag: int = IMMEDIATELY) -> bytes:
    """A bundle of encoded messages or bundles."""
    body = b"".join(len(m).to_bytes(4, "big") + m for m in messages)
    return _BUNDLE + timetag.to_bytes(8, "big") + body


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
        return "s", _packed(argument.encode())
    padding = bytes(-len(argument) % 4)
    return "b", len(argument).to_bytes(4, "big") + argument + padding


def _packed(text: bytes) -> bytes:
    if 0 in text:
        raise OscError("a string holds a NUL")
    return text + bytes(4 - len(text) % 4)
