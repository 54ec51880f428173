"""What the playing process must hear of while the board's ring of events has no room for it.

The ring is full when more comes in one change than it holds, or while the playing process stalls.
Of each voice only its last start and that start's release matter, so what waits is bounded.
"""

from __future__ import annotations

from latentpad.engine import board as b
from latentpad.engine.board import Board, Event


class Outbox:
    """Sends events in order, none lost that still matters. Under the instrument's lock."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._waiting: list[Event] = []

    def send(self, event: Event) -> None:
        """Now, or when there is room."""
        self.flush()
        if self._waiting or not self._board.send(event):
            self._waiting = [*(e for e in self._waiting if not _replaced(e, event)), event]

    def flush(self) -> None:
        """Send what waits and has room now: call it at every tick."""
        while self._waiting and self._board.send(self._waiting[0]):
            self._waiting.pop(0)


def _replaced(earlier: Event, later: Event) -> bool:
    """Whether the earlier event comes to nothing when the later one follows."""
    if later.kind == b.PANIC:
        return earlier.kind == b.PANIC
    return later.kind == b.START and earlier.kind != b.PANIC and earlier.voice == later.voice
