"""A stand-in for Freesound on real HTTP: its answers, its oddities, and a log of what was asked.

It runs its own event loop in a thread, so that a blocking client can be tested against it.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soundfile
from aiohttp import web

KEY = "aSecretKeyOfManySigns"
CC0 = "http://creativecommons.org/publicdomain/zero/1.0/"


def encoded(seconds: float, seed: int = 0, form: str = "OGG", subtype: str = "VORBIS") -> bytes:
    """A decaying noise as a file."""
    time = np.arange(int(seconds * 22050)) / 22050
    noise = np.random.default_rng(seed).normal(size=len(time)) * np.exp(-8 * time) * 0.2
    file = io.BytesIO()
    soundfile.write(file, noise, 22050, format=form, subtype=subtype)
    return file.getvalue()


@dataclass
class Asked:
    """One request as it came in."""

    path: str
    address: str  # with the query
    query: dict[str, str]
    authorization: str | None


@dataclass
class Freesound:
    """The server's sounds and moods; set them before or between requests."""

    sounds: list[dict[str, Any] | None] = field(default_factory=list)
    previews: dict[int, bytes] = field(default_factory=dict)
    log: list[Asked] = field(default_factory=list)
    base: str = ""
    old_search: bool = False  # /search/ is 404
    throttle: list[dict[str, str]] = field(default_factory=list)  # headers of the next 429s
    fail: list[int] = field(default_factory=list)  # statuses of the next answers
    body: bytes | None = None  # instead of a page
    breaks_off: dict[int, int] = field(default_factory=dict)  # previews that break off, how often
    leads_to: dict[int, str] = field(default_factory=dict)  # previews that redirect
    slow: float = 0.0  # seconds before each preview
    page_size: int = 3  # at most, whatever is asked for

    def add(self, number: int, seconds: float = 0.2, **fields: Any) -> None:
        """A sound with its preview; `fields` replace what the API would say of it."""
        self.previews[number] = encoded(seconds, abs(number) % 1000)
        self.sounds.append(
            {
                "id": number,
                "name": f"sound {number}",
                "username": "someone",
                "license": CC0,
                "duration": seconds,
                "tags": ["door", "wood"],
                "url": f"https://freesound.org/people/someone/sounds/{number}/",
                "previews": {"preview-hq-ogg": f"{self.base}/data/previews/{number}-hq.ogg"},
                "gen_ai_preference": "no-additional-preferences",
                "md5": f"{number:032x}",
            }
            | fields
        )

    def fetched(self) -> list[int]:
        """The numbers of the previews asked for, in order."""
        names = [a.path.split("/")[-1] for a in self.log if a.path.startswith("/data/")]
        return [int(name.split("-")[0]) for name in names]

    def searches(self) -> list[Asked]:
        return [asked for asked in self.log if "search" in asked.path]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        authorization = request.headers.get("Authorization")
        self.log.append(
            Asked(request.path, request.path_qs, dict(request.query), authorization)
        )  # fmt: skip
        if self.throttle:
            return web.json_response(
                {"detail": "throttled"}, status=429, headers=self.throttle.pop(0)
            )
        if self.fail:
            return web.Response(status=self.fail.pop(0))
        if request.path.startswith("/data/previews/"):
            return await self._preview(request)
        if authorization != f"Token {KEY}":
            return web.json_response({"detail": "Invalid token."}, status=401)
        if request.path == ("/apiv2/search/text/" if self.old_search else "/apiv2/search/"):
            return self._search(request)
        return web.json_response({"detail": "Not found"}, status=404)

    def _search(self, request: web.Request) -> web.Response:
        if self.body is not None:
            return web.Response(body=self.body, content_type="application/json")
        page = int(request.query["page"])
        size = min(int(request.query["page_size"]), self.page_size)
        results = self.sounds[(page - 1) * size : page * size]
        if not results and page > 1:
            return web.json_response({"detail": "Invalid page."}, status=404)
        more = page * size < len(self.sounds)
        # As the real one: no token, a stray "&", and a host that is not the one asked.
        following = f"http://elsewhere.invalid/apiv2/search/?&page={page + 1}" if more else None
        return web.json_response(
            {"count": len(self.sounds), "next": following, "previous": None, "results": results}
        )

    async def _preview(self, request: web.Request) -> web.StreamResponse:
        number = int(request.path.split("/")[-1].split("-")[0])
        await asyncio.sleep(self.slow)
        if number in self.leads_to:
            return web.Response(status=302, headers={"Location": self.leads_to[number]})
        if number not in self.previews:
            return web.Response(status=404)
        content = self.previews[number]
        if self.breaks_off.get(number, 0) > 0:
            self.breaks_off[number] -= 1
            response = web.StreamResponse(headers={"Content-Length": str(len(content))})
            await response.prepare(request)
            await response.write(content[: len(content) // 2])
            assert request.transport is not None
            request.transport.close()
            return response
        return web.Response(body=content, content_type="audio/ogg")


@contextmanager
def serving() -> Iterator[Freesound]:
    """A stand-in that listens on a port of its own while the block runs."""
    freesound = Freesound()
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    ended = asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", freesound.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        freesound.base = f"http://127.0.0.1:{port}"
        ready.set()
        await ended.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield freesound
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        loop.close()
