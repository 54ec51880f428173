"""Slow work beside the thread that asks for it, given up when nobody wants it any more."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")

WORKERS = 4  # what was given up may still run on so many threads
LOOK_S = 0.005


class Background:
    """Threads for slow work. One thread may call."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WORKERS, "aside")

    def run(self, work: Callable[[], T], wanted: Callable[[], bool]) -> T | None:
        """What `work` returns, or raises; None as soon as it is no longer `wanted`.

        Work that has begun goes on to its end then, and its result is dropped.
        """
        job = self._pool.submit(work)
        while not job.done():
            if not wanted():
                job.cancel()
                return None
            wait([job], LOOK_S)
        return job.result()
