from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.models.sources.licences import FREE, consent, is_free, is_known, licence
from latentpad.models.text import line, printable

BY = "http://creativecommons.org/licenses/by/4.0/"

FREE_ONES = {
    "CC0": "CC0",
    "CC0 1.0": "CC0",
    "CC0-1.0": "CC0",
    "cc zero": "CC0",
    "Creative Commons 0": "CC0",
    "Creative Commons Zero v1.0 Universal": "CC0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0",
    "CC0 1.0 (also OGA-BY 3.0)": "CC0",
    "http://creativecommons.org/publicdomain/zero/1.0/": "CC0",
    "https://creativecommons.org/publicdomain/zero/1.0": "CC0",
    "CC BY 4.0": "CC BY 4.0",
    "CC-BY-4.0": "CC BY 4.0",
    "cc_by_4.0": "CC BY 4.0",
    "CC–BY–4.0": "CC BY 4.0",
    "CC\u00a0BY\u00a04.0": "CC BY 4.0",
    "CC BY 4": "CC BY 4.0",
    "CC-BY-3.0-US": "CC BY 3.0",
    "cc-by": "CC BY",
    "CC BY (version as on Freesound)": "CC BY",
    "by 3.0": "CC BY 3.0",
    "Attribution": "CC BY",
    "Attribution 4.0": "CC BY 4.0",
    "Attribution 3.0 Unported": "CC BY 3.0",
    "Namensnennung 4.0 International": "CC BY 4.0",
    "Creative Commons Attribution 4.0 International Public License": "CC BY 4.0",
    "This work is licensed under a Creative Commons Attribution 4.0 International License.":
        "CC BY 4.0",
    "http://creativecommons.org/licenses/by/3.0/": "CC BY 3.0",
    "https://creativecommons.org/licenses/by/4.0/deed.en": "CC BY 4.0",
    "https://www.creativecommons.org/licenses/by/3.0/de/legalcode": "CC BY 3.0",
    "creativecommons.org/licenses/by/4.0": "CC BY 4.0",
    f"CC BY 4.0 ({BY})": "CC BY 4.0",
    "CC BY 4.0, https://freesound.org/s/12/": "CC BY 4.0",
    "CC BY 3.0; CC BY 4.0": "CC BY 3.0; CC BY 4.0",
    "Unlicense": "Unlicense",
    "The Unlicense": "Unlicense",
    "Unlicense (public domain)": "Unlicense",
    '"CC0"': "CC0",
}  # fmt: skip
OTHERS = {
    "CC BY-SA 4.0": "CC BY-SA 4.0",
    "CC BY-NC 3.0": "CC BY-NC 3.0",
    "CC BY-ND 4.0": "CC BY-ND 4.0",
    "BY-NC-SA": "CC BY-NC-SA",
    "cc_by_nc_4.0": "CC BY-NC 4.0",
    "CC BY NonCommercial": "CC BY-NC",
    "CC-BYNC": "CC BY-NC",
    "CC BY 4.0; CC BY-SA 4.0": "CC BY 4.0; CC BY-SA 4.0",
    "Attribution NonCommercial": "CC BY-NC",
    "Attribution Non-Commercial 3.0": "CC BY-NC 3.0",
    "Attribution-NonCommercial-ShareAlike 4.0 International": "CC BY-NC-SA 4.0",
    "Creative Commons Attribution-NoDerivs 3.0": "CC BY-ND 3.0",
    "http://creativecommons.org/licenses/by-nc/4.0/": "CC BY-NC 4.0",
    "http://creativecommons.org/licenses/sampling+/1.0/": "Sampling+",
    "http://creativecommons.org/licenses/sampling%2B/1.0/": "Sampling+",
    "Sampling+": "Sampling+",
    "Public Domain": "Public domain",
    "https://creativecommons.org/publicdomain/mark/1.0/": "Public domain",
}
UNKNOWN = (
    "", "?", "n/a", "All rights reserved", "Royalty free", "GPL-3.0", "Unlicensed", "CC", "CC NC",
    "Creative Commons", "not CC0", "CC0 maybe", "CC0?", "CC BY 40", "formerly CC0", "recorded by",
    "CC BY 4.0 (no AI)", "CC BY 4.0 but not for training", "CC0 for non-profit use", "CC BY + NC",
    "CC BY 4.0 NC", "CC by (nc)", "CC BY-NC-Sampling", "NC-Sampling+",
    "Namensnennung - Nicht kommerziell 4.0", "CC0 until 2020", "CC BY 4.0, ask me first",
    "http://creativecommons.org.example/licenses/by/4.0/", f"see {BY}",
    "https://example.org/creativecommons.org/licenses/by/4.0/",
    "https://creativecommons.org/licenses/by-foo/4.0/", "https://creativecommons.org/licenses/",
    "https://example.org/licence", "CC BY 4.0 https://example.org/licenses/by-nc/4.0/",
    "CC0, https://example.org/terms-of-use", "https://creativecommons.org/licenses/by/4.0/nc",
)  # fmt: skip


@pytest.mark.parametrize(("text", "short"), FREE_ONES.items())
def test_a_free_licence_is_known_however_it_is_written(text: str, short: str) -> None:
    assert licence(text) == short
    assert is_known(text) and is_free(text, FREE)
    assert is_free(f" {text.upper()}\n", FREE)


@pytest.mark.parametrize(("text", "short"), OTHERS.items())
def test_a_licence_with_limits_is_known_and_not_free(text: str, short: str) -> None:
    assert licence(text) == short
    assert is_known(text) and not is_free(text, FREE)


@pytest.mark.parametrize("text", UNKNOWN)
def test_what_is_not_understood_is_not_free_and_nothing_is_guessed(text: str) -> None:
    assert licence(text) == text
    assert not is_known(text) and not is_free(text, FREE)


@given(st.sampled_from(list(FREE_ONES)), st.text(st.characters(categories=["L"]), min_size=4))
def test_a_word_more_makes_a_licence_unknown(text: str, word: str) -> None:
    if not is_known(f"CC0 {word}"):
        assert not is_free(f"{text} {word}", FREE)


@given(st.text(max_size=3000))
def test_any_text_is_read_and_its_short_name_means_the_same(text: str) -> None:
    assert is_free(licence(text), FREE) == is_free(text, FREE) or not is_known(text)


def test_a_long_text_is_read_no_further_and_is_not_free() -> None:
    assert not is_free("CC0 " * 10_000_000, FREE)


@pytest.mark.parametrize("blanks", [1, 180, 191, 250, 1000])
def test_what_is_cut_off_is_not_forgotten(blanks: int) -> None:
    text = f"CC BY 4.0{' ' * blanks}but not for training"
    for result in (text, line(text), licence(text), printable(text, 60)):
        assert not is_free(result, FREE)


def test_other_licences_can_be_asked_for() -> None:
    assert is_free("cc-by-nc-4.0", ("CC BY-NC",))
    assert is_free("cc-by-nc-4.0", ("CC BY-NC 4.0",))
    assert not is_free("cc-by-nc-3.0", ("CC BY-NC 4.0",))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        *((word, True) for word in ("yes", "Y", " TRUE ", "1", "ja", "Oui", "sí", "WAHR", "1.0")),
        *((word, False) for word in ("no", "N", "False", "0", "nein", "non", "FAUX", "No Gen-AI")),
        *((word, None) for word in ("", "maybe", "n/a", "?", "x", "2", "-", "yes and no", "null")),
        ("no-additional-preferences", True),
        ("open-source-models", None),
    ],
)
def test_an_answer_is_yes_or_no_or_not_understood(said: str, meant: bool | None) -> None:
    assert consent(said) is meant
