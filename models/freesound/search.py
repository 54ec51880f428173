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

    `counted` is called with the number of all results.
    """
    seen: set[int] = set()
    for page in range(1, MOST_PAGES + 1):
        answer = await _page(client, query, filter, page, cache)
        if type(answer.get("count")) is int:
            counted(max(answer["count"], 0))
        new_results = [
            s for s in map(search_result, answer["results"]) if s and s.number not in seen
        ]
        for result in new_results:
            if result.number in seen:
                continue
            if most is not None and len(seen) >= most:
                return
            seen.add(result.number)
            yield result
        # `next` shows only that there is more: its address lacks parameters, or has another host.
        if not answer.get("next") or not answer["results"]:
            return


async def _page(client: Client, query: str, filter: str, page: int, cache: Cache) -> dict[str, Any]:
    parameters = {"query": query, "page": str(page), "page_size": str(PAGE_SIZE), "fields": FIELDS}
    if filter:
        parameters["filter"] = filter
    question = {**parameters, "base": str(client.base)}
    kept = cache.page(question)
    if kept is not None and isinstance(kept.get("results"), list):
        return kept
    for path in ("/apiv2/search/", "/apiv2/search/text/"):
        url = client.base.with_path(path).with_query(parameters)
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


async def fetch(client: Client, result: SearchResult, cache: Cache) -> Path:
    """The preview's file, from the cache if it is there and valid.

    Raises PreviewError if this sound cannot be fetched, FreesoundError if none can.
    """
    if (path := cache.preview(result.number, result.duration)) is not None:
        return path
    if not result.preview:
        raise PreviewError(f"sound {result.number} has no preview")
    try:
        url = URL(result.preview)
    except ValueError:
        raise PreviewError(f"sound {result.number}: its preview's address is none") from None
    fault: str | None = None
    for _ in range(2):  # a truncated preview is requested once more
        status, body = await client.get(url, PreviewError)
        if status != 200:
            raise PreviewError(f"sound {result.number}: its preview answers {status}")
        fault = preview_fault(body, result.duration)
        if fault is None:
            return cache.keep_preview(result.number, result.suffix, body)
    raise PreviewError(f"sound {result.number}: its preview {fault}")


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
    is a folder (None: the user's); a later run uses what it has. `log` gets a line for every wait
    and every sound left out; `progress` the count so far and the largest possible count. If the
    day's requests are used up or the network fails, the sounds so far are returned, and `log` gets
    a line with the number left. Raises FreesoundError if there are none. Blocks; not for a thread
    with a running event loop.
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
    cache_folder = Cache(folder, clock)
    quota = Quota(folder / "requests.json", clock, sleep, log)
    filter_text = _filter(duration, licences, tag)

    def matches(result: SearchResult) -> bool:  # the filter is a request, not a guarantee
        return (
            duration[0] <= result.duration <= duration[1]
            and (result.licence in licences or family(result.licence) in licences)
            and (tag is None or tag.lower() in map(str.lower, result.tags))
        )

    sounds: list[FoundSound] = []
    total = most

    def counted(count: int) -> None:
        nonlocal total
        total = min(most, count)

    async def find() -> None:
        originals: set[str] = set()
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            client = Client(session, key, quota, URL(base), sleep, log)
            async for result in search(
                client, query, filter=filter_text, cache=cache_folder, counted=counted
            ):
                if not matches(result) or result.md5 in originals:
                    continue
                try:
                    path = await fetch(client, result, cache_folder)
                except PreviewError as error:
                    log(f"left out: {error}")
                    continue
                if result.md5:
                    originals.add(result.md5)
                sounds.append(_found_sound(result, path, query))
                progress(len(sounds), total)
                if len(sounds) >= most:
                    break

    try:
        asyncio.run(find())
    except FreesoundError as error:
        if not sounds:
            raise
        log(f"{error}: {len(sounds)} sounds so far, up to {max(total - len(sounds), 0)} are left")
    except OSError as error:
        raise FreesoundError(f"{folder}: cannot be written ({error.strerror})") from None
    return sounds


def _found_sound(one: SearchResult, path: Path, query: str) -> FoundSound:
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
    """The `filter` of the search, in Solr's syntax."""
    names = dict.fromkeys(f'"{FILTER_NAMES[family(name)]}"' for name in licences)
    parts = [f"duration:[{duration[0]:g} TO {duration[1]:g}]", f"license:({' OR '.join(names)})"]
    if tag is not None:
        quoted = tag.replace("\\", "\\\\").replace('"', '\\"')
        parts.append(f'tag:"{quoted}"')
    return " ".join(parts)
