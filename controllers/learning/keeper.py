"""Does work on a thread of its own, soon after it was asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable

from latentpad.engine import error_log

PAUSE_S = 0.5


class Keeper:
    """Calls `work` after each `wake`, at most every `pause_s`. Any thread may call."""

    def __init__(self, work: Callable[[], None], *, pause_s: float = PAUSE_S) -> None:
        self._work = work
        self._pause_s = pause_s
        self._condition = threading.Condition()
        self._wanted = self._running = self._closing = False

    def wake(self) -> None:
        """Ask for the work; does not wait for it."""
        with self._condition:
            self._wanted = True
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        """Wait until the work that was asked for is done."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
            self._condition.wait_for(lambda: not self._running)
            self._closing = False

    def _run(self) -> None:
        while True:
            with self._condition:
                if not self._wanted:
                    self._running = False
                    self._condition.notify_all()
                    return
                self._wanted = False
            try:
                self._work()
            except Exception as error:
                error_log.report(error)
            with self._condition:
                self._condition.wait_for(lambda: self._closing, self._pause_s)
