"""Runs slow work on a thread, and abandons it when its result is no longer wanted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")

WORKERS = 4  # abandoned work may still run on all but one of them
LOOK_S = 0.005


class Background:
    """A pool of threads for slow work. One thread may call."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WORKERS, "aside")

    def run(self, work: Callable[[], T], still_wanted: Callable[[], bool]) -> T | None:
        """The result of `work`, or its exception. None as soon as `still_wanted` returns False.

        Work that has begun then runs to its end, and its result is dropped.
        """
        job = self._pool.submit(work)
        while not job.done():
            if not still_wanted():
                job.cancel()
                return None
            wait([job], LOOK_S)
        return job.result()
