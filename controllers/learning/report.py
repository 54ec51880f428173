"""Tells the performer, and all who follow the instrument, what was learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import NOBODY, Sender

Publish = Callable[[str, Sequence[Argument], Sender], None]
"""Sends a value to all who follow the instrument but a sender (`Feedback.publish`)."""


class Report:
    """Every result is printed, by `note`, and sent back. Any thread may call."""

    def __init__(self, note: Callable[[str], None], publish: Publish) -> None:
        self._note = note
        self._publish = publish
        self._waits = False

    def tell(self, line: str, *more: str) -> None:
        """Tell a result in a line, of which there may be more on the terminal."""
        self._publish("/learn/result", (line,), NOBODY)
        self._note("\n".join(f"learn  {each}" for each in (line, *more)))

    def waits(self, address: str) -> None:
        """Tell which address waits for a control; empty for none, which is told once."""
        if address or self._waits:
            self._publish("/learn", (address,), NOBODY)
        self._waits = bool(address)

    def order(self, *, swapped: bool) -> None:
        """Tell whether y is taken before x."""
        self._publish("/learn/swap", (int(swapped),), NOBODY)

    def bindings(self, lines: Sequence[str], path: object) -> None:
        """Tell all bindings."""
        for number, line in enumerate(lines, 1):
            self._publish(f"/learn/list/{number}", (line,), NOBODY)
        bound = f"{len(lines)} bound" if lines else "nothing is bound"
        self.tell(f"{bound}; bindings are kept in {path}", *lines)
