from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc import slip

from latentpad.controllers.osc.framing import Framing, LengthPrefix, Slip, detect
from latentpad.controllers.osc.packet import OscError, encode

FRAMINGS = pytest.mark.parametrize("framing", [Slip, LengthPrefix])
packets = st.lists(st.binary(min_size=1, max_size=40), max_size=8)


@FRAMINGS
@given(packets=packets, cuts=st.lists(st.integers(0, 400), max_size=8))
def test_packets_come_out_as_they_went_in_however_the_stream_is_cut(
    framing: type[Framing], packets: list[bytes], cuts: list[int]
) -> None:
    sender, receiver = framing(), framing()
    stream = b"".join(map(sender.frame, packets))
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    received = [
        packet
        for start, end in itertools.pairwise(places)
        for packet in receiver.feed(stream[start:end])
    ]
    assert received == packets


@given(st.binary(min_size=1))
def test_slip_is_that_of_python_osc(packet: bytes) -> None:
    assert Slip().feed(slip.encode(packet)) == [packet]
    assert slip.decode(Slip().frame(packet)) == packet


@pytest.mark.parametrize("framing", [Slip, LengthPrefix])
def test_the_first_bytes_tell_the_framing(framing: type[Framing]) -> None:
    stream = framing().frame(encode("/panic"))
    assert type(detect(stream)) is framing
    assert type(detect(stream[:1])) is framing


def test_slip_without_an_end_at_its_beginning_is_known_too() -> None:
    assert type(detect(encode("/panic") + b"\xc0")) is Slip
    assert type(detect(b"#bundle\0")) is Slip


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1", b"\xff\xff\xff\xff", b"\x16\x03\x01"])
def test_a_stream_that_is_no_osc_is_refused(first: bytes) -> None:
    with pytest.raises(OscError, match="no OSC over TCP"):
        detect(first)


def test_a_length_beyond_any_packet_ends_the_stream() -> None:
    with pytest.raises(OscError, match="cannot be"):
        LengthPrefix().feed(b"\x00\x02\x00\x00")


def test_a_slip_packet_without_an_end_takes_no_more_memory_than_the_largest_packet() -> None:
    framing = Slip()
    with pytest.raises(OscError, match="cannot be"):
        for _ in range(200):
            framing.feed(b"/" * 1000)
