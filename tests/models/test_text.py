from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.models.text import LONGEST, line, printable, reason

ANY = st.text(st.characters(exclude_categories=()))  # lone surrogates too, as odd file names give


@given(ANY | st.text(min_size=LONGEST - 2, max_size=LONGEST + 5))
def test_any_text_becomes_one_short_printable_line_that_stays_as_it_is(text: str) -> None:
    made = line(text)
    assert made.isprintable() and len(made) <= LONGEST and made == made.strip()
    made.encode()
    assert line(made) == made
    assert not made.endswith("…") or len(text.strip()) > LONGEST or text.strip().endswith("…")


def test_a_plain_name_is_kept_to_the_letter() -> None:
    assert line("  Schritt  über Kies (2) 砂利.wav\n") == "Schritt  über Kies (2) 砂利.wav"
    assert line("a\x1b[2J\tb\udcff") == "a [2J b?"


@given(ANY, st.integers(1, 40))
def test_what_is_shown_steers_no_terminal_and_is_no_longer_than_asked(text: str, most: int) -> None:
    made = printable(text, most)
    made.encode()
    assert made.isprintable() and len(made) == min(len(text), most)
    assert printable(made, most) == made
    if len(text) > most:
        assert made.endswith("…")


@pytest.mark.parametrize(
    "sign", ["\x1b", "\x9b", "\x07", "\r", "\n", "\x00", "\u202e", "\u2028", "\ufeff", "\udcff"]
)
def test_a_sign_that_is_none_leaves_the_others_where_they_are(sign: str) -> None:
    made = printable(f"a{sign}b")
    assert made.isprintable() and made[0] + made[2:] == "ab"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("one\ntwo"), "one"),
        (ValueError("\n\n"), "ValueError"),
        (KeyError(), "KeyError"),
        (OSError(2, "No such file"), "[Errno 2] No such file"),
        (ValueError("holds \x1b]0;x\x07"), "holds  ]0;x "),
    ],
)
def test_an_error_is_told_by_its_first_line_or_its_kind(error: Exception, said: str) -> None:
    assert reason(error) == said
