"""When each sender was last heard: whose notes are too old."""

from __future__ import annotations

from collections.abc import Callable

from latentpad.engine.control.allocation import Sender, Slot

SENDERS = 256  # whose last command is remembered


class LastHeard:
    """Under the instrument's lock. `clock` is the time in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}

    def hear(self, sender: Sender) -> None:
        """It has sent something just now; nobody's commands do not count."""
        if sender.group:
            self._last[sender.group] = self._clock()

    def outdated(self, slot: Slot, timeout: float) -> bool:
        """Whether the sender of a voice that is let go by itself was silent for longer than
        `timeout` s; 0 is for ever."""
        now = self._clock()
        return timeout > 0 and slot.timed and now - self._last.get(slot.sender.group, now) > timeout

    def forget(self) -> None:
        """Remember no more than `SENDERS`: those that were heard last."""
        if len(self._last) > SENDERS:
            recent = sorted(self._last, key=self._last.__getitem__)[-SENDERS // 2 :]
            self._last = {group: self._last[group] for group in recent}
