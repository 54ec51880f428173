"""Events that wait while the board's ring of events is full.

The ring is full if one change has more events than it holds, or while the playing process stalls.
Of each voice only its last start and that start's release matter, so the outbox is bounded.
"""

from __future__ import annotations

from latentpad.engine import board as b
from latentpad.engine.board import Board, Event


class Outbox:
    """Sends events in order, and drops only those that no longer matter. Under the instrument's
    lock."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._waiting: list[Event] = []

    @property
    def empty(self) -> bool:
        """Whether no event waits."""
        return not self._waiting

    def send(self, event: Event) -> None:
        """Send the event now, or when there is room."""
        self.flush()
        if self._waiting or not self._board.send(event):
            self._waiting = [*(e for e in self._waiting if not _is_obsolete(e, event)), event]

    def flush(self) -> None:
        """Send the waiting events that have room now. Call it at every tick."""
        while self._waiting and self._board.send(self._waiting[0]):
            self._waiting.pop(0)


def _is_obsolete(earlier: Event, later: Event) -> bool:
    """Whether the earlier event has no effect if the later one follows."""
    if later.kind == b.PANIC:
        return earlier.kind == b.PANIC
    return later.kind == b.START and earlier.kind != b.PANIC and earlier.voice == later.voice
