from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.line import LONGEST, line, reason

ANY = st.text(st.characters(exclude_categories=()))  # lone surrogates too, as odd file names give


@given(ANY | st.text(min_size=LONGEST - 2, max_size=LONGEST + 5))
def test_any_text_becomes_one_short_printable_line_that_stays_as_it_is(text: str) -> None:
    made = line(text)
    assert made.isprintable() and len(made) <= LONGEST and made == made.strip()
    made.encode()
    assert line(made) == made


def test_a_plain_name_is_kept_to_the_letter() -> None:
    assert line("  Schritt  über Kies (2) 砂利.wav\n") == "Schritt  über Kies (2) 砂利.wav"
    assert line("a\x1b[2J\tb\udcff") == "a [2J b?"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("one\ntwo"), "one"),
        (ValueError("\n\n"), "ValueError"),
        (KeyError(), "KeyError"),
        (OSError(2, "No such file"), "[Errno 2] No such file"),
    ],
)
def test_an_error_is_told_by_its_first_line_or_its_kind(error: Exception, said: str) -> None:
    assert reason(error) == said
