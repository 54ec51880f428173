"""The examples of the OSC 1.0 specification (Wright, 2002), byte by byte."""

from __future__ import annotations

import pytest

from latentpad.controllers.osc.packet import (
    IMMEDIATELY,
    Message,
    decode,
    encode,
    encode_bundle,
    unix_time,
)

FREQUENCY = bytes.fromhex("2f6f7363 696c6c61 746f722f 342f6672 65717565 6e637900 2c660000 43dc0000")
FOO = bytes.fromhex(
    "2f666f6f 00000000 2c696973 66660000 000003e8 ffffffff 68656c6c 6f000000 3f9df3b6 40b5b22d"
)


def test_the_message_with_one_float() -> None:
    assert len(FREQUENCY) == 32
    assert decode(FREQUENCY).messages == (Message("/oscillator/4/frequency", (440.0,)),)
    assert encode("/oscillator/4/frequency", (440.0,)) == FREQUENCY


def test_the_message_with_five_arguments() -> None:
    assert len(FOO) == 40
    (message,) = decode(FOO).messages
    assert message.address == "/foo"
    assert message.args == (1000, -1, "hello", pytest.approx(1.234), pytest.approx(5.678))
    assert encode(*message) == FOO


@pytest.mark.parametrize("text, field", [("OSC", b"OSC\0"), ("data", b"data\0\0\0\0")])
def test_the_strings(text: str, field: bytes) -> None:
    assert encode("/a", (text,)).endswith(b",s\0\0" + field)
    assert decode(b"/a\0\0,s\0\0" + field).messages[0].args == (text,)


@pytest.mark.parametrize(
    "tags, args",
    [
        (",f", (1.5,)),
        (",iisfff", (1, 2, "three", 4.0, 5.0, 6.0)),
        (",", ()),
        (",ibb", (1, b"two", b"three")),
    ],
)
def test_the_type_tag_strings(tags: str, args: tuple[int | float | str | bytes, ...]) -> None:
    packet = encode("/a", args)
    field = tags.encode() + bytes(4 - len(tags) % 4)
    assert packet[4 : 4 + len(field)] == field
    assert decode(packet).messages[0].args == args


def test_the_time_tag_of_63_zeros_and_a_one_means_immediately() -> None:
    bundle = encode_bundle([FREQUENCY])
    assert bundle[:16] == b"#bundle\0" + bytes(7) + b"\1"
    assert decode(bundle).timetag == IMMEDIATELY


def test_time_tags_count_seconds_since_1900() -> None:
    assert unix_time(2_208_988_800 << 32) == 0
    assert unix_time((2_208_988_800 << 32) + (1 << 31)) == 0.5


def test_a_bundle_in_a_bundle_gives_all_messages_in_order() -> None:
    bundle = encode_bundle([FREQUENCY, encode_bundle([FOO]), FREQUENCY])
    addresses = [message.address for message in decode(bundle).messages]
    assert addresses == ["/oscillator/4/frequency", "/foo", "/oscillator/4/frequency"]


@pytest.mark.parametrize("tag, size", [("t", 8), ("r", 4), ("c", 4), ("m", 4)])
def test_a_type_without_a_meaning_here_leaves_what_is_beside_it(tag: str, size: int) -> None:
    body = bytes(size) + b"\x3f\x00\x00\x00"
    packet = b"/a\0\0" + f",{tag}f".encode() + b"\0" + body
    assert decode(packet).messages == (Message("/a", (None, 0.5)),)


def test_the_elements_of_an_array_are_arguments() -> None:
    packet = b"/a\0\0" + b",i[ff]i\0" + b"\0\0\0\1" + bytes(8) + b"\0\0\0\2"
    assert decode(packet).messages == (Message("/a", (1, 0.0, 0.0, 2)),)


def test_the_types_of_osc_1_1_are_read() -> None:
    packet = b"/a\0\0" + b",TFNIhdS\0\0\0\0" + bytes(7) + b"\5" + bytes(8) + b"up\0\0"
    assert decode(packet).messages[0].args == (True, False, None, True, 5, 0.0, "up")
