from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.controllers.keyboard.codes import LONGEST, KeyCodes

KEYS = {
    b"\x1b[A": ["up"], b"\x1b[B": ["down"], b"\x1b[C": ["right"], b"\x1b[D": ["left"],
    b"\x1bOA": ["up"], b"\x1bOD": ["left"],  # application mode
    b"\x1b[1;2C": ["far-right"], b"\x1b[1;5D": ["far-left"], b"\x1b[1;3A": ["far-up"],
    b"\x1b[1;6B": ["far-down"], b"\x1b[1;1C": ["right"], b"\x1b[1;5:1A": ["far-up"],
    b"\x1b[a": ["far-up"], b"\x1bOd": ["far-left"],  # rxvt
    b"\x1b[5~": [], b"\x1b[H": [], b"\x1b[15;2~": [], b"\x1bOP": [], b"\x1b[[A": [],
    b"\x1b[<0;12;7M": [], b"\x1b[?1;2c": [], b"\x1b[97;5u": [],
    b"\x1b]0;a title with an A in it\x07": [], b"\x1bP1$r0m\x1b\\": [],
    b"\x1ba": [],  # with Alt
    b" ": [" "], b"a": ["a"], b"?": ["?"], b"7": ["7"], b"\x7f": ["backspace"],
    b"\x08": ["backspace"], b"\r": ["enter"], b"\t": ["tab"], b"\x04": [], b"\x00": [],
    "é".encode(): ["é"], "日".encode(): ["日"],
}  # fmt: skip


@pytest.mark.parametrize(("code", "keys"), KEYS.items(), ids=map(repr, KEYS))
def test_a_code_is_its_key(code: bytes, keys: list[str]) -> None:
    codes = KeyCodes()
    assert codes.feed(code) == keys
    assert not codes.pending


@given(st.lists(st.sampled_from(sorted(KEYS)), max_size=12), st.data())
def test_keys_are_the_same_however_their_bytes_are_cut(
    codes: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(codes)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)))))
    reading, result = KeyCodes(), []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        result += reading.feed(stream[begin:end])
    assert result == [key for code in codes for key in KEYS[code]]
    assert not reading.pending


@given(st.lists(st.binary(max_size=300), max_size=12))
def test_whatever_comes_is_read_and_not_kept(pieces: list[bytes]) -> None:
    reading = KeyCodes()
    for piece in pieces:
        for key in reading.feed(piece):
            assert key.isprintable() and key
        assert len(reading._rest) <= LONGEST
    reading.flush()
    assert not reading.pending


def test_escape_is_a_key_when_nothing_follows_it() -> None:
    reading = KeyCodes()
    assert reading.feed(b"\x1b") == [] and reading.pending
    assert reading.flush() == ["escape"] and not reading.pending
    assert reading.feed(b"a") == ["a"]
    assert reading.feed(b"\x1b\x1b[A") == ["escape", "up"]


def test_a_sequence_that_does_not_end_is_forgotten() -> None:
    reading = KeyCodes()
    assert reading.feed(b"\x1b[1;") == [] and reading.flush() == []
    assert reading.feed(b"a") == ["a"]
    assert reading.feed(b"\x1b]" + b"1" * 5000) == [] and not reading.pending
    assert reading.feed(b"\x1b[\x1b[C") == ["right"]
