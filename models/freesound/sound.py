"""One sound in Freesound's API: validated, with its licence and its uploader's preference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from latentpad.models.freesound.cache import SUFFIXES
from latentpad.models.freesound.client import BASE
from latentpad.models.sources.licences import FREE, is_free, licence
from latentpad.models.text import line

FIELDS = "id,name,username,license,duration,tags,url,previews,gen_ai_preference,md5"
#: Names in the API's filter, by the short names used here, without the version.
FILTER_NAMES = {
    "CC0": "Creative Commons 0",
    "CC BY": "Attribution",
    "CC BY-NC": "Attribution NonCommercial",
    "Sampling+": "Sampling+",
}


@dataclass(frozen=True)
class SearchResult:
    """One result of a search, checked: texts are printable, the licence has a short name."""

    number: int
    name: str
    author: str
    licence: str
    url: str
    duration: float  # seconds
    tags: tuple[str, ...]
    preview: str  # address of the high-quality preview, "" if there is none
    suffix: str  # of the preview: ".ogg" or ".mp3"
    may_train: bool
    md5: str


def may_train(result: Mapping[str, Any], short: str) -> bool:
    """Whether a decoder may learn from a result under the licence `short`.

    The uploader's preference is followed as far as it can be known. "no-additional-preferences" and
    null (none stated) leave it to the licence. "no-gen-ai" forbids it. "open-source-models" and
    "noncommercial-open-source-models" set conditions on the later use of the model, which cannot be
    guaranteed: they count as no. So do unknown values and a result without the field, where the
    uploader may have forbidden it.
    """
    if not is_free(short, FREE) or "gen_ai_preference" not in result:
        return False
    wish = result["gen_ai_preference"]
    return wish is None or (
        isinstance(wish, str)
        and re.sub(r"[\s_-]+", "-", wish.strip().lower()) == "no-additional-preferences"
    )


def search_result(result: Any) -> SearchResult | None:
    """One entry of `results`; None if it is null or lacks a required field."""
    if not isinstance(result, dict):
        return None
    number, duration = result.get("id"), result.get("duration")
    if type(number) is not int or not 0 < number < 10**12:
        return None
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        return None
    if not 0 < duration < 10**6:  # NaN is refused, too
        return None
    previews = result.get("previews")
    previews = previews if isinstance(previews, dict) else {}
    offered = [(previews.get(f"preview-hq-{s[1:]}"), s) for s in SUFFIXES]
    preview, suffix = next(((p, s) for p, s in offered if isinstance(p, str) and p), ("", ""))
    short = licence(_text(result.get("license")))
    url = _text(result.get("url"))
    tags = result.get("tags")
    return SearchResult(
        number=number,
        name=_text(result.get("name")) or f"Freesound {number}",
        author=_text(result.get("username")),
        licence=short,
        url=url if re.match(r"https://(\w+\.)*freesound\.org/", url) else f"{BASE}/s/{number}/",
        duration=float(duration),
        tags=tuple(t for t in map(_text, tags if isinstance(tags, list) else ()) if t),
        preview=preview,
        suffix=suffix,
        may_train=may_train(result, short),
        md5=_text(result.get("md5")),
    )


def _text(value: Any) -> str:
    """Text in one printable line, for terminals and tables; empty for other values."""
    return line(value) if isinstance(value, str) else ""
