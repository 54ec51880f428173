"""What senders ask for, each one's in its order, where some of it waits for a disk.

Only what waits, and what the same sender sends meanwhile, leaves the controller's thread: nobody
else is held up, and nothing is lost.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from latentpad.engine import error_log

Work = Callable[[], None]

THREADS = 4  # senders that wait for a disk at once
MOST = 4096  # pieces of work that are kept behind it; with more, whoever brings them waits too


class SenderThreads:
    """One thread brings the work. It is done there, or on a thread of its own; it raises nothing
    but by a fault, which is told."""

    def __init__(self) -> None:
        self._behind: dict[str, deque[Work]] = {}  # by sender, what is kept until a disk answers
        self._kept = 0
        self._free = threading.Condition()

    def do(self, sender: str, work: Work, *, waits: bool = False) -> None:
        """Do `work` after all that the sender has brought before. `waits` says that it may be
        long."""
        with self._free:
            self._free.wait_for(lambda: sender not in self._behind or self._kept < MOST)
            if sender in self._behind:
                self._behind[sender].append(work)
                self._kept += 1
                return
            if waits:
                self._free.wait_for(lambda: len(self._behind) < THREADS)
                self._behind[sender] = deque()
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
            with self._free:
                self._free.notify()
                behind = self._behind[sender]
                if not behind:
                    del self._behind[sender]
                    return
                work = behind.popleft()
                self._kept -= 1
