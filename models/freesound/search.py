"""Sounds from Freesound: a search, its previews in a cache, and what each may be used for.

The API's version 2 (https://freesound.org/docs/api/). Traps it sets, met here: `next` is not an
address to follow, so pages are asked for by number; results may hold null; the search has moved
from /search/text/ to /search/.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import platformdirs
from yarl import URL

from latentpad.models.freesound.cache import Cache, Quota, preview_fault
from latentpad.models.freesound.client import (
    BASE,
    Client,
    FreesoundError,
    LogCallback,
    PreviewError,
    Sleep,
    api_key,
)
from latentpad.models.freesound.sound import FIELDS, FILTER_NAMES, SearchResult, search_result
from latentpad.models.sources.licences import family, licence
from latentpad.models.sources.sound import FoundSound

PAGE_SIZE = 150  # the API's own maximum
MOST_PAGES = 200


async def search(
    client: Client,
    query: str,
    *,
    filter: str = "",
    most: int | None = None,
    cache: Cache,
    counted: Callable[[int], None] = lambda count: None,
) -> AsyncIterator[SearchResult]:
    """The sounds Freesound finds, each once, best first. Raises FreesoundError.

    `counted` is told how many there are in all.
    """
    seen: set[int] = set()
    for page in range(1, MOST_PAGES + 1):
        answer = await _page(client, query, filter, page, cache)
        if type(answer.get("count")) is int:
            counted(max(answer["count"], 0))
        fresh = [s for s in map(search_result, answer["results"]) if s and s.number not in seen]
        for one in fresh:
            if one.number in seen:
                continue
            if most is not None and len(seen) >= most:
                return
            seen.add(one.number)
            yield one
        # `next` tells that there is more, never where: it lacks parameters, or names a host.
        if not answer.get("next") or not answer["results"]:
            return


async def _page(client: Client, query: str, filter: str, page: int, cache: Cache) -> dict[str, Any]:
    asked = {"query": query, "page": str(page), "page_size": str(PAGE_SIZE), "fields": FIELDS}
    if filter:
        asked["filter"] = filter
    question = {**asked, "base": str(client.base)}
    kept = cache.page(question)
    if kept is not None and isinstance(kept.get("results"), list):
        return kept
    for path in ("/apiv2/search/", "/apiv2/search/text/"):
        url = client.base.with_path(path).with_query(asked)
        status, body = await client.get(url, FreesoundError)
        if status != 404:
            break
    if status == 404 and page > 1:  # beyond the last page
        return {"results": []}
    if status in (401, 403):
        raise FreesoundError(
            f"Freesound refuses the API key ({status}): check it at "
            "https://freesound.org/apiv2/apply and set FREESOUND_API_KEY or the keyring again"
        )
    if status != 200:
        raise FreesoundError(f"{client.base.host} answered {status} to the search {query!r}")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
        raise FreesoundError(
            f"{client.base.host} answered page {page} of {query!r} with something that is no "
            "list of sounds: try again later"
        )
    answer = {key: answer.get(key) for key in ("results", "count")} | {
        "next": bool(answer.get("next"))
    }
    cache.keep_page(question, answer)
    return answer


async def fetch(client: Client, one: SearchResult, cache: Cache) -> Path:
    """The preview's file, from the cache if it is there and whole.

    Raises PreviewError where this sound cannot be had, FreesoundError where none can.
    """
    if (path := cache.preview(one.number, one.duration)) is not None:
        return path
    if not one.preview:
        raise PreviewError(f"sound {one.number} has no preview")
    try:
        url = URL(one.preview)
    except ValueError:
        raise PreviewError(f"sound {one.number}: its preview's address is none") from None
    wrong: str | None = None
    for _ in range(2):  # a preview cut short is worth one more request
        status, body = await client.get(url, PreviewError)
        if status != 200:
            raise PreviewError(f"sound {one.number}: its preview answers {status}")
        wrong = preview_fault(body, one.duration)
        if wrong is None:
            return cache.keep_preview(one.number, one.suffix, body)
    raise PreviewError(f"sound {one.number}: its preview {wrong}")


def collect(
    query: str,
    *,
    duration: tuple[float, float] = (0.05, 3.0),
    licences: Sequence[str] = ("CC0", "CC BY"),
    tag: str | None = None,
    most: int = 200,
    cache: Path | None = None,
    base: str = BASE,
    log: LogCallback = lambda line: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    clock: Callable[[], float] = time.time,
    sleep: Sleep = asyncio.sleep,
) -> list[FoundSound]:
    """Up to `most` sounds of `duration` seconds under `licences`, on this disk.

    `licences` are names as models.sources.licences reads them, with or without a version. `cache`
    is a folder (None: the user's), where a run that was stopped goes on. `log` gets a line for
    every wait and every sound left out; `progress` the count so far, and how many it can become.
    Where the day's requests or the network end in the middle, what was found so far is given, and
    `log` gets a line with what is left. Raises FreesoundError where nothing was. Blocks; not for a
    thread with a running event loop.
    """
    licences = [licence(name) for name in licences]
    unknown = [name for name in licences if family(name) not in FILTER_NAMES]
    if unknown or not licences:
        known = ", ".join(FILTER_NAMES)
        raise FreesoundError(f"licence {', '.join(unknown) or '(none)'}: known are {known}")
    if most < 1:
        raise FreesoundError(f"most is {most}: ask for at least one sound")
    if not 0 <= duration[0] <= duration[1] < math.inf:
        raise FreesoundError(f"duration {duration[0]:g} to {duration[1]:g} s: no such range")
    key = api_key()
    folder = cache or platformdirs.user_cache_path("latentpad") / "freesound"
    kept = Cache(folder, clock)
    quota = Quota(folder / "requests.json", clock, sleep, log)
    wanted = _filter(duration, licences, tag)

    def asked_for(one: SearchResult) -> bool:  # the filter is a request, not a guarantee
        return (
            duration[0] <= one.duration <= duration[1]
            and (one.licence in licences or family(one.licence) in licences)
            and (tag is None or tag.lower() in map(str.lower, one.tags))
        )

    found: list[FoundSound] = []
    total = most

    def counted(count: int) -> None:
        nonlocal total
        total = min(most, count)

    async def find() -> None:
        originals: set[str] = set()
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            client = Client(session, key, quota, URL(base), sleep, log)
            async for one in search(client, query, filter=wanted, cache=kept, counted=counted):
                if not asked_for(one) or one.md5 in originals:
                    continue
                try:
                    path = await fetch(client, one, kept)
                except PreviewError as error:
                    log(f"left out: {error}")
                    continue
                if one.md5:
                    originals.add(one.md5)
                found.append(_found(one, path, query))
                progress(len(found), total)
                if len(found) >= most:
                    break

    try:
        asyncio.run(find())
    except FreesoundError as error:
        if not found:
            raise
        log(f"{error}: {len(found)} sounds so far, up to {max(total - len(found), 0)} are left")
    except OSError as error:
        raise FreesoundError(f"{folder}: cannot be written ({error.strerror})") from None
    return found


def _found(one: SearchResult, path: Path, query: str) -> FoundSound:
    return FoundSound(
        id=f"freesound:{one.number}",
        name=one.name,
        author=one.author,
        licence=one.licence,
        url=one.url,
        path=path,
        label=one.tags[0] if one.tags else query,
        may_train=one.may_train,
        duration=one.duration,
    )


def _filter(duration: tuple[float, float], licences: Sequence[str], tag: str | None) -> str:
    """The search's `filter`, in Solr's syntax."""
    names = dict.fromkeys(f'"{FILTER_NAMES[family(name)]}"' for name in licences)
    parts = [f"duration:[{duration[0]:g} TO {duration[1]:g}]", f"license:({' OR '.join(names)})"]
    if tag is not None:
        quoted = tag.replace("\\", "\\\\").replace('"', '\\"')
        parts.append(f'tag:"{quoted}"')
    return " ".join(parts)
