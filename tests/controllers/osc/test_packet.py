from __future__ import annotations

import math
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle_builder import IMMEDIATELY as AT_ONCE
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from latentpad.controllers.osc.packet import (
    IMMEDIATELY,
    LARGEST,
    Message,
    OscError,
    Packet,
    decode,
    encode,
    encode_bundle,
    unix_time,
)

# Within what python-osc writes: it takes no empty blob.
text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
addresses = st.from_regex(r"(/[a-z0-9]{1,8}){1,4}", fullmatch=True)
arguments = st.one_of(
    st.booleans(),
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(width=32, allow_nan=False),
    text,
    st.binary(min_size=1, max_size=20),
)
messages = st.builds(Message, addresses, st.lists(arguments, max_size=6).map(tuple))


def built(message: Message) -> OscMessageBuilder:
    builder = OscMessageBuilder(message.address)
    for argument in message.args:
        wide = isinstance(argument, int) and not -(2**31) <= argument < 2**31
        builder.add_arg(argument, "h" if wide else None)
    return builder


def test_the_specification_s_two_examples_are_read() -> None:
    oscillator = b"/oscillator/4/frequency\0,f\0\0" + bytes.fromhex("43dc0000")
    assert decode(oscillator) == Packet((Message("/oscillator/4/frequency", (440.0,)),))
    foo = b"/foo\0\0\0\0,iisff\0\0" + bytes.fromhex(
        "000003e8ffffffff68656c6c6f000000 3f9df3b640b5b22d"
    )
    (message,) = decode(foo).messages
    assert message.args[:3] == (1000, -1, "hello")
    assert message.args[3:] == pytest.approx((1.234, 5.678))


def test_every_type_that_touch_apps_send_is_read() -> None:
    data = b"/a\0\0,ifhdsbTFNI\0" + struct.pack(">ifqd", -7, 0.5, 2**40, 0.1)
    data += "é".encode() + b"\0\0" + struct.pack(">i", 3) + b"xyz\0"
    assert decode(data).messages[0].args == (
        *(-7, 0.5, 2**40, 0.1),
        *("é", b"xyz", True, False, None, True),
    )


def test_a_message_without_type_tags_has_no_arguments() -> None:
    assert decode(b"/panic\0\0") == Packet((Message("/panic", ()),))


def test_a_number_that_is_not_finite_is_left_to_the_parameter_table() -> None:
    (message,) = decode(b"/a\0\0,ff\0" + struct.pack(">ff", math.nan, math.inf)).messages
    assert math.isnan(message.args[0]) and message.args[1] == math.inf  # type: ignore[arg-type]


@given(messages)
def test_a_message_is_read_as_it_was_written(message: Message) -> None:
    assert decode(encode(*message)) == Packet((message,))


@given(messages)
def test_what_python_osc_writes_is_read(message: Message) -> None:
    assert decode(built(message).build().dgram) == Packet((message,))


@given(messages)
def test_python_osc_reads_what_is_written(message: Message) -> None:
    theirs = OscMessage(encode(*message))
    assert (theirs.address, tuple(theirs.params)) == message


@given(st.lists(messages, min_size=1, max_size=4), st.lists(messages, max_size=3))
def test_nested_bundles_are_read_in_order(outer: list[Message], inner: list[Message]) -> None:
    builder, nested = OscBundleBuilder(AT_ONCE), OscBundleBuilder(AT_ONCE)
    for message in outer:
        builder.add_content(built(message).build())
    for message in inner:
        nested.add_content(built(message).build())
    builder.add_content(nested.build())
    assert decode(builder.build().dgram) == Packet((*outer, *inner), IMMEDIATELY)


@given(st.lists(messages, min_size=1, max_size=4))
def test_python_osc_reads_bundles_that_are_written(content: list[Message]) -> None:
    theirs = OscBundle(encode_bundle([encode(*m) for m in content]))
    assert [(m.address, tuple(m.params)) for m in theirs] == content


@given(st.floats(1, 2e9))
def test_time_tags_are_ntp_s(seconds: float) -> None:
    builder = OscBundleBuilder(seconds)  # type: ignore[arg-type]
    builder.add_content(OscMessageBuilder("/a").build())
    assert unix_time(decode(builder.build().dgram).timetag) == pytest.approx(seconds, abs=1e-6)


def test_time_tags_go_on_after_2036() -> None:
    assert unix_time(1 << 32) - unix_time(0xFFFFFFFF << 32) == 2


def test_an_empty_blob_is_read_as_it_was_written() -> None:
    assert decode(encode("/a", (b"", 1))).messages == (Message("/a", (b"", 1)),)


def test_numbers_that_need_it_travel_wide() -> None:
    assert decode(encode("/a", (2**31, 1e300))).messages[0].args == (2**31, 1e300)


BUNDLE = b"#bundle\0" + bytes(7) + b"\1"
BROKEN = {
    "nothing": b"",
    "not a multiple of four": b"/a\0\0\0",
    "no leading slash": b"abc\0,\0\0\0",
    "not UTF-8": b"/\xe9\0\0,\0\0\0",
    "not printable": b"/\7\0\0,\0\0\0",
    "address not terminated": b"/abc",
    "address not padded with NULs": b"/a\0x,\0\0\0",
    "tags without comma": b"/a\0\0f\0\0\0\0\0\0\0",
    "tags not terminated": b"/a\0\0,fff",
    "unknown tag": b"/a\0\0,x\0\0",
    "float cut short": b"/a\0\0,ff\0\0\0\0\0",
    "double cut short": b"/a\0\0,d\0\0\0\0\0\0",
    "string missing": b"/a\0\0,s\0\0",
    "string not terminated": b"/a\0\0,s\0\0abcd",
    "string not padded with NULs": b"/a\0\0,s\0\0a\0\0b",
    "string not UTF-8": b"/a\0\0,s\0\0\xff\0\0\0",
    "blob without size": b"/a\0\0,b\0\0",
    "blob of negative size": b"/a\0\0,b\0\0\xff\xff\xff\xff",
    "blob longer than the packet": b"/a\0\0,b\0\0\0\0\0\x05abcd",
    "blob not padded with NULs": b"/a\0\0,b\0\0\0\0\0\x03abcd",
    "bytes after the last argument": b"/a\0\0,i\0\0" + bytes(8),
    "bundle without time tag": b"#bundle\0",
    "element of negative size": BUNDLE + b"\xff\xff\xff\xfc" + b"/a\0\0,\0\0\0",
    "element of size zero": BUNDLE + bytes(4),
    "element longer than the bundle": BUNDLE + b"\0\0\0\x0c" + b"/a\0\0,\0\0\0",
    "element size not a multiple of four": BUNDLE + b"\0\0\0\x07" + b"/a\0\0,\0\0\0",
    "nested bundle cut short": BUNDLE + b"\0\0\0\x08" + b"#bundle\0",
    "too large": b"/a\0\0,b\0\0" + struct.pack(">i", LARGEST) + bytes(LARGEST),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_breaks_the_protocol_is_refused(data: bytes) -> None:
    with pytest.raises(OscError):
        decode(data)


@pytest.mark.parametrize(
    ("tags", "body"),
    [("t", bytes(8)), ("r", bytes(4)), ("c", b"\0\0\0a"), ("m", bytes(4))],
)
def test_an_argument_that_means_nothing_here_is_nil_and_leaves_those_beside_it(
    tags: str, body: bytes
) -> None:
    data = encode("/a")[:4] + f",f{tags}f".encode() + bytes(4) + b"\x3e\x80\0\0"
    message = decode(data + body + b"\x3f\x40\0\0").messages[0]
    assert message == Message("/a", (0.25, None, 0.75))
    with pytest.raises(OscError, match="ends within"):
        decode(data)


def test_an_array_s_elements_are_taken_as_if_they_stood_alone_and_a_symbol_is_a_string() -> None:
    data = b"/a\0\0,[i[S]]\0" + b"\0\0\0\7" + b"loop\0\0\0\0"
    assert decode(data).messages == (Message("/a", (7, "loop")),)


def test_a_broken_element_of_a_bundle_leaves_the_others() -> None:
    good, broken = encode("/a", (1,)), BROKEN["unknown tag"]
    inner = encode_bundle([encode("/b"), broken])
    packet = decode(encode_bundle([good, broken, inner, encode("/c")]))
    assert packet.messages == (Message("/a", (1,)), Message("/b", ()), Message("/c", ()))
    assert packet.faults == ("/a: there is no type 'x'",) * 2


def test_a_bundle_within_whose_sizes_lie_is_left_out_whole() -> None:
    spoilt = bytearray(encode_bundle([encode("/b"), encode("/c")]))
    spoilt[16 + 4 + 8 + 3] = 99  # the size of its second element
    packet = decode(encode_bundle([encode("/a"), bytes(spoilt), encode("/d")]))
    assert packet.messages == (Message("/a", ()), Message("/d", ()))
    assert len(packet.faults) == 1 and "size 99" in packet.faults[0]
    with pytest.raises(OscError, match="size 99"):
        decode(bytes(spoilt))  # of the packet itself: nothing of it can be trusted


def test_bundles_nested_without_end_are_refused() -> None:
    data = encode("/a")
    for _ in range(7):
        data = encode_bundle([data])
    assert decode(encode_bundle([data])).messages == (Message("/a", ()),)
    with pytest.raises(OscError, match="nested"):
        decode(encode_bundle([encode_bundle([data])]))


@given(st.binary(max_size=64))
def test_random_bytes_are_a_packet_or_an_error(data: bytes) -> None:
    with suppress(OscError):
        assert isinstance(decode(data), Packet)


@given(
    st.lists(messages, min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(0, 12),
)
def test_a_spoilt_packet_is_a_packet_or_an_error(
    content: list[Message], spots: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(encode_bundle([encode(*m) for m in content]))
    for at, value in spots:
        data[at % len(data)] = value
    with suppress(OscError):
        assert isinstance(decode(bytes(data[: len(data) - cut])), Packet)


@pytest.mark.parametrize("address", ["", "a", "é", "/a\0", "/a\n"])
def test_an_address_that_is_none_is_not_written(address: str) -> None:
    with pytest.raises(OscError):
        encode(address)


@pytest.mark.parametrize("argument", ["a\0b", 2**63])
def test_an_argument_that_does_not_fit_is_not_written(argument: str | int) -> None:
    with pytest.raises(OscError):
        encode("/a", (argument,))
