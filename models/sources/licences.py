"""Licences and consent as people write them, and which licences allow a model to be given away.

Nothing is guessed: a text with any unknown word names no licence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from urllib.parse import unquote

from latentpad.models.text import line

#: Share-alike, non-commercial and no-derivatives variants never match these.
FREE = ("CC0", "CC BY", "Unlicense")
MOST = 2000  # characters of a text; a longer one is not understood

_ADDRESS = re.compile(
    r"(?<![\w./@-])(?:https?://)?(?:www\.)?creativecommons\.org/(licen[cs]es|publicdomain)/"
    r"([a-z+-]+)(?:/([\d.]+\d))?(?:/(?!n[cd]|sa)(?:[a-z]{2}|igo|scotland))?"
    r"(?:/(?:deed|legalcode)[\w.-]*)?"
    r"/?(?:[#?]\S*)?(?![\w./-])"
)
# For example the page of a sound. An address about licences is not removed.
_OTHER_ADDRESS = re.compile(r"https?://(?!\S*(?:licen|terms|legal|rights|polic))[^\s<>\"']+")
_VERSION = r"(?:[ _,-]*(?:version|ver\.?|v)?[ _-]*(\d\.\d|\d)(?![\d.]*\d))?"
_PORT = (  # the jurisdictions that Creative Commons has ported licences to
    r"(?:[ _-]+(?:a[rtu]|b[egr]|c[ahlnorz]|d[ek]|e[ces]|f[ir]|g[ert]|h[kru]|i[elt]|igo|jp|kr|l[u]|"
    r"m[ktxy]|nl|nz|p[ehlrt]|r[os]|s[egi]|t[hw]|u[gks]|v[en]|za))?"
)
_LIMIT = (
    r"n[cd]|sa|non?[ _-]?commercial(?:[ _-]?use)?|no[ _-]?deriv(?:ative|ativework|ativ)?e?s?|"
    r"share[ _-]?alike"
)
_LIMITS = rf"((?:[ _,/-]*(?:{_LIMIT})(?![^\W_]))*)"
_ATTRIBUTION = (
    r"attribution|namensnennung|atribuci[oó]n|attribuzione|atribui[cç][aã]o|reconocimiento|"
    r"naamsvermelding|paternit[eé]"
)
_ZERO = r"cc[ _-]*(?:0|zero)|creative[ _-]?commons[ _-]*(?:0|zero)|public domain dedication"

_Name = Callable[[re.Match[str]], str]
_BEGIN, _END = r"(?<![\w.+])", r"(?!\w)"
_PATTERNS: tuple[tuple[re.Pattern[str], _Name], ...] = (
    (_ADDRESS, lambda m: _by_address(m[1], m[2], m[3])),
    (re.compile(rf"{_BEGIN}(?:{_ZERO})(?:[ _v-]*1\.0)?{_END}(?!\.\d)"), lambda m: "CC0"),
    (re.compile(rf"{_BEGIN}(?:cc[ _-]*)?sampling ?(?:\+|plus{_END})(?: 1\.0)?"),
     lambda m: "Sampling+"),
    (re.compile(rf"{_BEGIN}(?:creative[ _-]?commons|cc)[ _-]*by{_LIMITS}{_VERSION}{_PORT}{_END}"),
     lambda m: _limited(m[1], m[2])),
    (re.compile(rf"{_BEGIN}(?:{_ATTRIBUTION}){_LIMITS}{_VERSION}{_PORT}{_END}"),
     lambda m: _limited(m[1], m[2])),
    # Without "CC" it is a licence only if there is no other text.
    (re.compile(rf"^by{_LIMITS}{_VERSION}{_PORT}$"), lambda m: _limited(m[1], m[2])),
    (re.compile(rf"{_BEGIN}unlicense{_END}"), lambda m: "Unlicense"),
)  # fmt: skip
_PUBLIC = re.compile(r"\b(?:public domain(?: mark)?(?: 1\.0)?|no rights reserved)\b")
#: Words that do not change the licence beside them.
_BESIDE = frozenset(
    {
        "a", "also", "and", "as", "cc", "code", "commons", "creative", "deed", "file", "freesound",
        "generic", "identifier", "international", "intl", "is", "it", "legal", "legalcode",
        "licence", "licenced", "license", "licensed", "lizenz", "of", "on", "or", "public", "sound",
        "spdx", "terms", "the", "this", "under", "und", "universal", "unported", "version", "work",
    }
)  # fmt: skip


def licence(text: str) -> str:
    """The short name of a licence: "CC0", "CC BY 4.0", "CC BY-NC-SA 3.0", "Sampling+".

    From the addresses, names and identifiers of Creative Commons, Freesound and SPDX. Other text is
    returned unchanged, in one line, and equals no known licence.
    """
    names = _names(text)
    return line(text) if names is None else "; ".join(names)


def is_known(text: str) -> bool:
    """Whether every word of a licence's text is understood."""
    return _names(text) is not None


def is_free(text: str, licences: Sequence[str]) -> bool:
    """Whether all licences in a text are in `licences`, short names with or without a version.

    A text with unknown words, for example "no" and "not", is not free.
    """
    names = _names(text)
    if names is None:
        return False
    return all(name in licences or family(name) in licences for name in names)


def allows_derivatives(text: str) -> bool:
    """Whether a licence is understood and allows adaptations: none of its names has ND."""
    names = _names(text)
    return names is not None and not any("ND" in re.split("[ -]", name) for name in names)


def family(short: str) -> str:
    """A licence's short name without its version."""
    return re.sub(r" [\d.]+$", "", short)


_YES = frozenset(
    {
        "1", "1.0", "allow", "allowed", "da", "granted", "ja", "no-additional-preferences", "ok",
        "oui", "permitted", "sant", "si", "sim", "sí", "t", "true", "vero", "verdadeiro",
        "verdadero", "vrai", "wahr", "y", "yes",
    }
)  # fmt: skip
_NO = frozenset(
    {
        "0", "0.0", "denied", "f", "false", "falsch", "falsk", "falso", "faux", "forbidden", "n",
        "nao", "never", "nee", "nei", "nein", "nej", "no", "no-gen-ai", "non", "não", "opt-out",
    }
)  # fmt: skip


def consent(text: str) -> bool | None:
    """The answer to "may it be trained on?"; None if it is not understood, or empty."""
    word = re.sub(r"[\s_-]+", "-", _folded(text)).strip("-.!")
    return True if word in _YES else False if word in _NO else None


def _names(text: str) -> list[str] | None:
    """The short names of all licences in a text, each once; None if a word is unknown."""
    if len(text) > MOST or "…" in text:  # the missing part is unknown
        return None
    rest = _folded(unquote(text)).strip(" \"'()[].,;")
    names: dict[str, None] = {}
    for pattern, name in _PATTERNS:

        def named(match: re.Match[str], name: _Name = name) -> str:
            names[name(match)] = None
            return " ; "

        rest = pattern.sub(named, rest)
    rest = _OTHER_ADDRESS.sub(" ", rest) if names else rest
    if public := not names and _PUBLIC.fullmatch(rest):
        names["Public domain"] = None
    rest = "" if public else _PUBLIC.sub(" ", rest)
    words = re.split(r"[\s;:,/|()\[\]\"'-]+|\.(?!\d)", rest.replace("oga-by", " "))
    unknown = [w for w in words if w and w not in _BESIDE and not re.fullmatch(r"v?\d(\.\d)?", w)]
    return None if unknown or "" in names else list(names) or None


def _by_address(section: str, kind: str, version: str | None) -> str:
    """The licence of an address of Creative Commons, or "" if it is unknown."""
    if section == "publicdomain":
        return {"zero": "CC0", "mark": "Public domain"}.get(kind, "")
    if kind in ("sampling+", "zero"):
        return "Sampling+" if kind == "sampling+" else "CC0"
    parts = kind.split("-")
    if parts[0] != "by" or not set(parts[1:]) <= {"nc", "nd", "sa"}:
        return ""
    return f"CC {kind.upper()} {version or ''}".rstrip()


def _limited(limits: str, version: str | None) -> str:
    """CC BY with its restrictions, in the order of Creative Commons."""
    matches = {
        "NC": re.search(r"nc|commercial", limits),
        "ND": re.search(r"nd|deriv", limits),
        "SA": re.search(r"sa|share", limits),
    }
    kind = "-".join(["BY", *(short for short, match in matches.items() if match)])
    number = f"{version}.0" if version and len(version) == 1 else version
    return f"CC {kind} {number or ''}".rstrip()


def _folded(text: str) -> str:
    """Lower case, one kind of dash and of blank, without the marks of spreadsheets."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\ufeff", "").replace("’", "'")
    plain = re.sub(r"[\u2010-\u2015\u2212]", "-", plain)
    return " ".join(plain.split())
