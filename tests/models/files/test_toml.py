from __future__ import annotations

import tomllib

import pytest

from latentpad.models.files import toml


def test_what_tomllib_reads_is_read() -> None:
    text = 'a.b."c.d" = 1.5\r\nsaid = """so\n...\n""" # and on\n[t]\n' + "x = 0.1\n"
    assert toml.loads(text) == tomllib.loads(text)
    with pytest.raises(tomllib.TOMLDecodeError, match="line 2, column 3"):
        toml.loads("a = 1\nb ? 2\n")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a." * 500_000 + "a = 1", "line 1 has more than 250 dots"),
        ("a = 1\r\n[" + "a . " * 250_000 + "a]", "line 2 has more than 250 dots"),
        ("a = {" + '"a".' * 250_000 + "a = 1}", "line 1 has more than 250 dots"),
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("a = " + "{a = " * 100_000, "nested too deeply"),
        ("a = " + "9" * 5000, "4300 digits"),
    ],
    ids=["a key", "a table's name", "a key in a table", "lists", "tables", "digits"],
)
def test_what_would_take_minutes_or_the_stack_is_not_read(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        toml.loads(text)
