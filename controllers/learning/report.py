"""Tells the performer, and all who follow the instrument, what was learned."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import NOBODY, Sender
from latentpad.engine.rate_limit import RateLimit

Publish = Callable[[str, Sequence[Argument], Sender], None]
"""Sends a value to all who follow the instrument but a sender (`Feedback.publish`)."""


LINES, LINE_S = 64, 0.25
"""Lines in a burst, and then one per `LINE_S`; of more, `note` prints what it can."""


class Report:
    """Every result is printed, by `say`, and sent back. Any thread may call."""

    def __init__(
        self, say: Callable[[str], None], note: Callable[[str], None], publish: Publish
    ) -> None:
        self._say = say
        self._note = note
        self._publish = publish
        self._lock = threading.Lock()
        self._rate_limit = RateLimit(LINES, LINE_S, time.monotonic)
        self._waits = self._swapped = False

    def tell(self, line: str, *more: str) -> None:
        """Tell a result in a line, of which there may be more on the terminal."""
        self._publish("/learn/result", (line,), NOBODY)
        for each in (line, *more):
            with self._lock:
                print_line = self._say if self._rate_limit.take() else self._note
            print_line(f"learn  {each}")

    def waits(self, address: str) -> None:
        """Tell which address waits for a control; empty for none, which is told once."""
        if address or self._waits:
            self._publish("/learn", (address,), NOBODY)
        self._waits = bool(address)

    def order(self, *, swapped: bool) -> None:
        """Tell whether y is taken before x, if that has changed."""
        if swapped != self._swapped:
            self._publish("/learn/swap", (int(swapped),), NOBODY)
        self._swapped = swapped

    def bindings(self, lines: Sequence[str], path: object) -> None:
        """Tell all bindings."""
        for number, line in enumerate(lines, 1):
            self._publish(f"/learn/list/{number}", (line,), NOBODY)
        bound = f"{len(lines)} bound" if lines else "nothing is bound"
        self.tell(f"{bound}; bindings are kept in {path}", *lines)
