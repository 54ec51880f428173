from __future__ import annotations

import shlex
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.controllers.osc.packet import Message
from latentpad.controllers.osc.text import argument, line, word


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("3", 3), ("-12", -12), ("+3", 3), ("007", 7), ("0.2", 0.2), ("-.5", -0.5), ("1.", 1.0),
        ("1e-3", 0.001), ("2E3", 2000.0), ("true", True), ("false", False), ("drone", "drone"),
        ("s:3", "3"), ("s:true", "true"), ("s:", ""), ("s:s:3", "s:3"), ("True", "True"),
        ("nan", "nan"), ("inf", "inf"), ("1_000", "1_000"), ("0x10", "0x10"), ("", ""), ("-", "-"),
        (".", "."), ("1 2", "1 2"), ("٣", "٣"), ("/texture", "/texture"),
    ],
)  # fmt: skip
def test_a_word_is_what_it_looks_like(typed: str, value: object) -> None:
    taken = argument(typed)
    assert taken == value and type(taken) is type(value)


def test_a_number_of_any_length_is_taken() -> None:
    assert argument("9" * 5000) == float("inf")  # which no command takes, and says so


SINGLE = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), SINGLE, st.text()))
def test_what_is_printed_can_be_typed_again(value: float | int | str | bool) -> None:
    (typed,) = shlex.split(word(value)) or [""]
    taken = argument(typed)
    assert type(taken) is type(value)
    if isinstance(value, float) and isinstance(taken, float):
        assert taken == pytest.approx(value, rel=1e-6, abs=struct.unpack(">f", b"\0\0\0\1")[0])
    else:
        assert taken == value


def test_a_message_is_a_line() -> None:
    message = Message("/refused", ("/pitch", 36.0, None, b"abc", "two words", True, "7"))
    assert line(Message("/x", ("it's", "'"))) == """/x "it's" "'\""""
    assert line(message) == "/refused /pitch 36.0 nil <3 bytes> 'two words' true s:7"
