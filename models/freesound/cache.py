"""What the Freesound client keeps between runs: times of requests, pages of results, previews.

Files are written under another name and then renamed, so a killed run leaves no partial file.
Neither key nor address is stored: pages are named by a hash of the query, previews by number.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import io
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

PER_MINUTE, PER_DAY = 60, 2000  # requests that Freesound allows a key (its terms of use)
MINUTE, DAY = 60.0, 86400.0
PAGES_LAST = DAY  # a page is not kept longer, as an uploader's preference may change
SUFFIXES = (".ogg", ".mp3")


class QuotaUsed(Exception):
    """The day's requests are used up; `until` is the time of the next one, in s since 1970."""

    def __init__(self, until: float) -> None:
        super().__init__(f"the day's requests are used up until {local_time(until)}")
        self.until = until


def local_time(seconds: float) -> str:
    """A time since 1970 as a local date and time of day."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


@dataclass
class Quota:
    """Limits requests to `PER_MINUTE` in any minute and `PER_DAY` in any 24 hours.

    The count is in a file under a lock, so that all runs share it.
    """

    path: Path
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    log: Callable[[str], None] = lambda line: None
    per_minute: int = PER_MINUTE
    per_day: int = PER_DAY

    async def turn(self) -> None:
        """Wait until a request is allowed, and count it. Raises QuotaUsed."""
        while (wait := self._take()) > 0:
            if wait >= 1:
                self.log(f"waiting {wait:.0f} s: {self.per_minute} requests a minute are allowed")
            await self.sleep(wait)

    def _take(self) -> float:
        """Count a request and return 0, or return the seconds to wait first."""
        with self._locked():
            now = self.clock()
            # If the clock was set back, stored times may be in the future: they count as now.
            times = sorted(min(t, now) for t in self._request_times() if now - t < DAY)
            if len(times) >= self.per_day:
                raise QuotaUsed(times[-self.per_day] + DAY)
            if len(times) >= self.per_minute:
                wait = times[-self.per_minute] + MINUTE - now
                if wait > 0:
                    return wait
            write_whole(self.path, json.dumps([*times, now]).encode())
            return 0.0

    def _request_times(self) -> list[float]:
        try:
            times = json.loads(self.path.read_bytes())
            return [float(t) for t in times]
        except (OSError, ValueError, TypeError):
            return []

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed
            yield


@dataclass(frozen=True)
class Cache:
    """A folder of previews by number and of result pages by query."""

    folder: Path
    clock: Callable[[], float] = time.time

    def page(self, question: Mapping[str, str]) -> dict[str, Any] | None:
        """The stored answer to `question`, if it is not older than a day."""
        try:
            kept = json.loads(self._page(question).read_bytes())
            fresh = 0 <= self.clock() - float(kept["at"]) < PAGES_LAST
            answer = kept["answer"]
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return answer if fresh and isinstance(answer, dict) else None

    def keep_page(self, question: Mapping[str, str], answer: Mapping[str, Any]) -> None:
        kept = {"at": self.clock(), "answer": answer}
        write_whole(self._page(question), json.dumps(kept).encode())

    def preview(self, number: int, duration: float) -> Path | None:
        """The stored preview of sound `number`, if it is valid."""
        for suffix in SUFFIXES:
            path = self._preview(number, suffix)
            if path.is_file() and preview_fault(path.read_bytes(), duration) is None:
                return path
        return None

    def keep_preview(self, number: int, suffix: str, content: bytes) -> Path:
        path = self._preview(number, suffix)
        write_whole(path, content)
        return path

    def _preview(self, number: int, suffix: str) -> Path:
        return self.folder / "previews" / f"{number}{suffix}"

    def _page(self, question: Mapping[str, str]) -> Path:
        digest = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
        return self.folder / "pages" / f"{digest[:32]}.json"


def preview_fault(content: bytes, duration: float) -> str | None:
    """What is wrong with a file that should hold `duration` seconds of sound, or None.

    The length in the header is checked before decoding: a small file may decode to hours.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            slack = 0.25 + 0.1 * duration  # codecs pad, and the stated duration is rounded
            if file.frames > (duration + slack) * file.samplerate:
                return f"lasts {file.frames / file.samplerate:.1f} s, not {duration:.1f} s"
            samples = file.read(dtype="float32", always_2d=True)
            decoded_s = len(samples) / file.samplerate
    except (soundfile.LibsndfileError, RuntimeError, ValueError):
        return "is not readable as audio"
    if decoded_s == 0 or decoded_s < duration - slack:
        return f"is cut short after {decoded_s:.2f} of {duration:.2f} s"
    if not np.isfinite(samples).all():
        return "holds samples that are not numbers"
    return None


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path`, as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
