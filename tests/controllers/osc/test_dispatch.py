"""Address patterns, by the words and the examples of the OSC 1.0 specification."""

from __future__ import annotations

import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.controllers.osc.dispatch import MOST, Dispatch, matches
from latentpad.controllers.osc.packet import decode, encode, encode_bundle
from latentpad.engine.control.instrument import Instrument


def matches_address(pattern: str, address: str) -> bool:
    parts, names = pattern.split("/"), address.split("/")
    return len(parts) == len(names) and all(map(matches, parts, names))


@pytest.mark.parametrize(
    "pattern, addresses, others",
    [
        # "There are three parts of the OSC Address pattern "/?/b/*c": "?", "b", and "*c"."
        ("/?/b/*c", ["/a/b/c", "/x/b/abc"], ["/aa/b/c", "/a/b/cd", "/a/b", "/a/b/c/c", "//b/c"]),
        # '?' matches any single character
        ("/fo?", ["/foo", "/fox"], ["/fo", "/fooo"]),
        # '*' matches any sequence of zero or more characters
        ("/*", ["/a", "/abc"], ["/a/b"]),
        ("/a*", ["/a", "/abc"], ["/ba"]),
        # a string of characters in square brackets matches any character in the string
        ("/[abc]", ["/a", "/b", "/c"], ["/d", "/ab", "/"]),
        # two characters separated by a minus sign indicate the range between them
        ("/[a-c]x", ["/ax", "/bx", "/cx"], ["/dx", "/-x"]),
        ("/[0-9a-f]", ["/0", "/9", "/f"], ["/g"]),
        # a minus sign at the end of the string has no special meaning
        ("/[a-]", ["/a", "/-"], ["/b"]),
        # an exclamation point at the beginning negates the sense of the list
        ("/[!a-c]", ["/d", "/!"], ["/a", "/c", "/"]),
        # an exclamation point anywhere besides the first character has no special meaning
        ("/[a!]", ["/a", "/!"], ["/b"]),
        # a comma-separated list of strings in curly braces matches any of the strings
        ("/{foo,bar}", ["/foo", "/bar"], ["/baz", "/foobar", "/foo,bar"]),
        ("/{a,ab}c", ["/ac", "/abc"], ["/c"]),
        # any other character can match only the same character
        ("/a/b/c/d/e", ["/a/b/c/d/e"], ["/a/b/c/d/f", "/a/b/c/d"]),
        ("/resonators/3/frequency", ["/resonators/3/frequency"], ["/resonators/4/frequency"]),
        ("/a.b+c", ["/a.b+c"], ["/axb+c", "/abbc"]),
        # all together
        ("/{x,y}*[0-9]?", ["/x12", "/yab3z"], ["/z12", "/x1"]),
        # what is not closed matches nothing
        ("/[abc", [], ["/a", "/[abc"]),
        ("/{foo", [], ["/foo", "/{foo"]),
    ],
)
def test_patterns_match_as_the_specification_says(
    pattern: str, addresses: list[str], others: list[str]
) -> None:
    assert [a for a in [*addresses, *others] if matches_address(pattern, a)] == addresses


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_stars_and_question_marks_match_as_in_file_names(pattern: str, name: str) -> None:
    assert matches(pattern, name) == bool(re.match(fnmatch.translate(pattern), name))


def test_no_pattern_takes_long() -> None:
    began = time.process_time()
    assert not matches("*a" * 120 + "b", "a" * 60)
    assert time.process_time() - began < 1  # trying every way would take years


def test_a_pattern_means_every_address_that_it_matches(instrument: Instrument) -> None:
    find = Dispatch(instrument).find
    assert find("/pad/[1-3]/xy") == ("/pad/1/xy", "/pad/2/xy", "/pad/3/xy")
    assert find("/pad/*/touch") == tuple(sorted(f"/pad/{n}/touch" for n in range(1, 11)))
    assert set(find("/loop/{start,end}")) == {"/loop/start", "/loop/end"}
    assert set(find("/latent/*")) == {f"/latent/{n}" for n in range(1, instrument.latent_dim + 1)}
    assert find("/lat*") == ("/latent",)
    assert find("/snapshot/1/{store,recall}") == ("/snapshot/1/recall", "/snapshot/1/store")


def test_a_pattern_that_matches_nothing_stays_and_is_refused(instrument: Instrument) -> None:
    assert Dispatch(instrument).find("/no/such/*") == ("/no/such/*",)


def test_names_are_taken_in_any_case(instrument: Instrument) -> None:
    find = Dispatch(instrument).find
    assert find("/Pad/1/XY") == ("/pad/1/xy",)
    assert find("/SNAPSHOT/500/Store") == ("/snapshot/500/store",)
    assert find("/LOOP/S*") == find("/loop/s*") != ()
    assert find("/My/Fader") == ("/My/Fader",)


def test_a_plain_address_is_searched_for_nowhere(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instrument, "addresses", None)
    monkeypatch.setattr(instrument, "knows", None)
    packet = decode(encode_bundle([encode("/pad/1/xy", (0.5, 0.5)), encode("/any/thing")]))
    assert Dispatch(instrument).resolve(packet) is packet


def test_a_command_that_comes_later_is_matched_too(instrument: Instrument) -> None:
    dispatch = Dispatch(instrument)
    assert dispatch.find("/la[tu]*") == ("/latent",)
    instrument.register("/launch", lambda args, sender: None)
    assert set(dispatch.find("/la[tu]*")) == {"/latent", "/launch"}


def test_the_patterns_of_a_packet_become_a_bounded_number_of_messages(
    instrument: Instrument,
) -> None:
    bundle = decode(encode_bundle([encode("/*/*/*", (1.0,))] * 1000))
    resolved = Dispatch(instrument).resolve(bundle)
    assert 1000 < len(resolved.messages) <= MOST + 1000
