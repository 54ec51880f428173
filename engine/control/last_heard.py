"""When each sender was last heard, to find the notes of senders that fell silent."""

from __future__ import annotations

from collections.abc import Callable

from latentpad.engine.control.allocation import Sender, Slot

SENDERS = 256  # senders that are remembered


class LastHeard:
    """The times of the last commands. Under the instrument's lock. `clock` gives the time in
    seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}

    def hear(self, sender: Sender) -> None:
        """Record that the sender has sent something now. Commands without a sender do not count."""
        if sender.group:
            self._last[sender.group] = self._clock()
            if len(self._last) > SENDERS:
                self._forget()

    def timed_out(self, slot: Slot, timeout: float) -> bool:
        """Whether the sender of a timed voice was silent for longer than `timeout` s; 0 means
        never."""
        now = self._clock()
        return timeout > 0 and slot.timed and now - self._last.get(slot.sender.group, now) > timeout

    def _forget(self) -> None:
        """Keep those that were heard last."""
        recent = sorted(self._last, key=self._last.__getitem__)[-SENDERS // 2 :]
        self._last = {group: self._last[group] for group in recent}
