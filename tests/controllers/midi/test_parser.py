from __future__ import annotations

from itertools import pairwise

import mido
from hypothesis import given
from hypothesis import strategies as st

from latentpad.controllers.midi.parser import Message, Parser

byte, data = st.integers(0, 255), st.integers(0, 127)
LENGTHS = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}


@st.composite
def channel_messages(draw: st.DrawFn) -> Message:
    kind = draw(st.sampled_from(sorted(LENGTHS)))
    return (kind + draw(st.integers(0, 15)), *(draw(data) for _ in range(LENGTHS[kind])))


messages = st.lists(channel_messages(), max_size=20)
real_time = st.sampled_from((0xF8, 0xFA, 0xFB, 0xFC, 0xFE, 0xFF))


def read(*chunks: bytes | list[int]) -> list[Message]:
    parser = Parser()
    return [message for chunk in chunks for message in parser.feed(chunk)]


def running(sent: list[Message]) -> list[int]:
    """The bytes, without a status that is that of the message before."""
    out: list[int] = []
    status = 0
    for message in sent:
        out += message if message[0] != status else message[1:]
        status = message[0]
    return out


@given(messages)
def test_messages_are_read_as_another_library_writes_them(sent: list[Message]) -> None:
    wire = [b for message in sent for b in mido.Message.from_bytes(message).bytes()]
    assert read(wire) == sent


@given(messages, st.lists(st.integers(0, 100)))
def test_running_status_and_any_split_change_nothing(sent: list[Message], cuts: list[int]) -> None:
    wire = running(sent)
    ends = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
    chunks = [wire[a:b] for a, b in pairwise(ends)]
    assert read(*chunks) == sent


@given(messages, st.lists(st.tuples(st.integers(0, 100), real_time)))
def test_real_time_bytes_may_come_between_any_two(
    sent: list[Message], between: list[tuple[int, int]]
) -> None:
    wire = running(sent)
    for place, status in between:
        wire.insert(place % (len(wire) + 1), status)
    heard = read(wire)
    assert [m for m in heard if len(m) > 1] == sent
    assert len([m for m in heard if len(m) == 1]) == len(between)


@given(messages, st.lists(data, max_size=20), st.sampled_from(([0xF7], [])))
def test_system_exclusive_is_skipped_and_ends_with_any_status(
    sent: list[Message], body: list[int], end: list[int]
) -> None:
    wire = [b for message in sent for b in message]
    assert read([0xF0, *body, *end, *wire]) == sent


@given(st.lists(st.lists(byte, max_size=30), max_size=10))
def test_any_bytes_are_messages_of_the_right_length_or_nothing(chunks: list[list[int]]) -> None:
    for message in read(*chunks):
        status, *rest = message
        assert status >= 0x80 and all(0 <= b < 0x80 for b in rest)
        assert len(rest) == (0 if status >= 0xF8 else LENGTHS[status & 0xF0])


def test_system_common_ends_running_status() -> None:
    parser = Parser()
    assert [*parser.feed([0x90, 60, 100, 0xF3, 5, 60, 0])] == [(0x90, 60, 100)]
    assert parser.stray == 2
