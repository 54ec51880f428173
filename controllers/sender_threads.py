"""Carries out the commands of each sender in order, where some of them wait for a disk.

Only a command that waits, and what the same sender sends meanwhile, leaves the controller's thread:
other senders are not delayed, and nothing is lost.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from latentpad.engine import error_log

Work = Callable[[], None]

THREADS = 4  # senders that wait for a disk at once
MOST = 4096  # queued calls of all senders; beyond that the controller's thread waits


class SenderThreads:
    """Calls `work` of each sender in order, on the caller's thread or on one of its own.

    `do` is for one thread. `work` raises only by a fault, which is logged.
    """

    def __init__(self) -> None:
        self._queues: dict[str, deque[Work]] = {}  # calls that wait, by sender
        self._queued = 0
        self._condition = threading.Condition()

    def do(self, sender: str, work: Work, *, waits: bool = False) -> None:
        """Call `work` after all earlier work of the sender. `waits`: whether it may take long."""
        with self._condition:
            self._condition.wait_for(lambda: sender not in self._queues or self._queued < MOST)
            if sender in self._queues:
                self._queues[sender].append(work)
                self._queued += 1
                return
            if waits:
                self._condition.wait_for(lambda: len(self._queues) < THREADS)
                self._queues[sender] = deque()
        if waits:
            threading.Thread(target=self._run, args=(sender, work), daemon=True).start()
        else:
            work()

    def _run(self, sender: str, work: Work) -> None:
        while True:
            try:
                work()
            except Exception as error:
                error_log.report(error)
            with self._condition:
                self._condition.notify()
                queue = self._queues[sender]
                if not queue:
                    del self._queues[sender]
                    return
                work = queue.popleft()
                self._queued -= 1
