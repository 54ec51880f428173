"""Requests to Freesound: which hosts they may reach, who gets the key, and how long to wait.

Only freesound.org and its sub-domains (or the host of `base`) are contacted, and only the origin of
`base` gets the key. The key is in no log line, file or address.
"""

from __future__ import annotations

import asyncio
import email.utils
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from latentpad.models.errors import LatentpadError
from latentpad.models.freesound.cache import Quota, QuotaUsed, local_time

BASE = "https://freesound.org"
MOST_BYTES = 20_000_000  # one answer or preview
TIMEOUT = aiohttp.ClientTimeout(total=60, connect=15, sock_read=20)
BACK_OFF = (1.0, 2.0, 4.0)  # seconds, after a temporary failure
THROTTLED = (5.0, 15.0, 30.0, 60.0)  # seconds, after a 429 without Retry-After
LONGEST_WAIT = 180.0  # seconds; a longer Retry-After ends the run
LogCallback = Callable[[str], None]
Sleep = Callable[[float], Awaitable[object]]


class FreesoundError(LatentpadError):
    """No sounds can be fetched: one line, without the key, with what to do."""


class PreviewError(FreesoundError):
    """One sound cannot be fetched; others may be."""


def api_key() -> str:
    """The key from FREESOUND_API_KEY or the system's keyring. Raises FreesoundError."""
    key = os.environ.get("FREESOUND_API_KEY", "").strip()
    if not key:
        import keyring
        import keyring.errors

        try:
            key = (keyring.get_password("latentpad", "freesound") or "").strip()
        except (keyring.errors.KeyringError, RuntimeError, OSError):
            key = ""
    if not key:
        raise FreesoundError(
            "no Freesound API key: get one at https://freesound.org/apiv2/apply, then set "
            "FREESOUND_API_KEY or run: python -m keyring set latentpad freesound"
        )
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise FreesoundError(
            "the Freesound API key holds a space or a sign no key has: copy it again from "
            "https://freesound.org/apiv2/apply"
        )
    return key


@dataclass
class Client:
    """Requests to Freesound, one at a time, in one event loop."""

    session: aiohttp.ClientSession
    key: str = field(repr=False)
    quota: Quota
    base: URL = field(default_factory=lambda: URL(BASE))
    sleep: Sleep = asyncio.sleep
    log: LogCallback = lambda line: None

    def __post_init__(self) -> None:
        local = self.base.host in ("localhost", "127.0.0.1", "::1")
        if not self.base.host or self.base.scheme not in ("https", "http" if local else "https"):
            raise FreesoundError(f"{self.base}: the key is sent over https:// only")

    async def get(self, url: URL, refused: type[FreesoundError]) -> tuple[int, bytes]:
        """Status (below 500, never 429) and body, after waiting and retrying as needed.

        Raises `refused` if only this address is at fault, otherwise FreesoundError.
        """
        failed = throttled = 0
        while True:
            try:
                await self.quota.turn()
                status, retry_after, body = await self._once(url, refused)
            except QuotaUsed as used:
                raise FreesoundError(
                    f"Freesound's {self.quota.per_day} requests a day are used up until "
                    f"{local_time(used.until)}: what was fetched is kept, "
                    "run the same command again then"
                ) from None
            except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError) as error:
                reason, kind = f"cannot be reached ({type(error).__name__})", FreesoundError
            except (aiohttp.ClientError, TimeoutError) as error:
                reason, kind = f"broke off ({type(error).__name__})", refused
            else:
                if status == 429:
                    await self._throttled(throttled, retry_after)
                    throttled += 1
                    continue
                if status < 500:
                    return status, body
                reason, kind = f"answered {status}", refused
            if failed == len(BACK_OFF):
                raise kind(
                    f"{url.host} {reason}: what was fetched is kept, "
                    "run the same command again later"
                )
            await self.sleep(BACK_OFF[failed])
            failed += 1

    async def _throttled(self, times: int, retry_after: str) -> None:
        wait = _seconds(retry_after, self.quota.clock())
        if wait is None and times < len(THROTTLED):
            wait = THROTTLED[times]
        if wait is None or wait > LONGEST_WAIT or times > 2 * len(THROTTLED):
            until = f" until {local_time(self.quota.clock() + wait)}" if wait else " for now"
            raise FreesoundError(
                f"Freesound's requests are used up{until}: what was fetched is kept, run the "
                f"same command again {'then' if wait else 'later'}"
            )
        self.log(f"Freesound asks to wait {wait:.0f} s")
        await self.sleep(wait)

    async def _once(self, url: URL, refused: type[FreesoundError]) -> tuple[int, str, bytes]:
        for _ in range(6):
            url = self._allowed(url, refused)
            # Only for the origin of `base`: no other host needs the key.
            headers = {"Authorization": f"Token {self.key}"} if self._home(url) else {}
            async with self.session.get(
                url, headers=headers, allow_redirects=False, timeout=TIMEOUT
            ) as answer:
                if answer.status in (301, 302, 303, 307, 308):
                    try:
                        url = url.join(URL(answer.headers.get("Location", "")))
                    except ValueError:
                        raise refused(f"{url.host} leads to an address that is none") from None
                    continue
                body = bytearray()
                async for part in answer.content.iter_chunked(1 << 16):
                    body += part
                    if len(body) > MOST_BYTES:
                        raise refused(f"{url.host} sends more than {MOST_BYTES // 10**6} MB")
                return answer.status, answer.headers.get("Retry-After", ""), bytes(body)
        raise refused(f"{url.host} leads in circles")

    def _home(self, url: URL) -> bool:
        return url.origin() == self.base.origin()

    def _allowed(self, url: URL, refused: type[FreesoundError]) -> URL:
        """`url` without user name, with https for Freesound's own hosts. Raises `refused`."""
        if url.scheme in ("http", "https") and url.host:
            url = url.with_user(None)
            if url.host == self.base.host and url.scheme in (self.base.scheme, "https"):
                return url
            official = f".{url.host}".endswith(".freesound.org")
            if official and url.explicit_port is None:
                return url.with_scheme("https")
        raise refused(f"an address leads to {url.host or 'no host'}, not to freesound.org: refused")


def _seconds(retry_after: str, now: float) -> float | None:
    """Retry-After (RFC 9110, 10.2.3) as seconds from `now`: a number, or a date."""
    if re.fullmatch(r"\d{1,9}", retry_after.strip()):
        return max(float(retry_after), 0.5)
    try:
        return max(email.utils.parsedate_to_datetime(retry_after).timestamp() - now, 0.5)
    except ValueError:
        return None
