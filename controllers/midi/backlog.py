"""What waits to be sent to the control process: bounded, and nothing old before something new.

As long as the control process keeps up, everything is sent in order. When it does not, values of
continuous controls are replaced by newer ones. Notes, pedals, programs and buttons are kept. Only
when these alone are too many are the oldest dropped, those that release something last.
"""

from __future__ import annotations

from typing import Any

from latentpad.controllers.midi.change import Change

KEPT = 64  # changes that wait before newer values replace older ones
MOST = 4096  # changes that wait at all; beyond that only releases are added, one a key
_PEDALS = range(64, 70)
_MODES = range(120, 128)

Key = tuple[Any, ...]
Entry = tuple[str, Change | dict[str, Any]]
"""A port and its change, or a word of another kind."""


class Backlog:
    """Entries in their order. One thread at a time.

    `dropped` counts changes that were given up; a value that was replaced by a newer one does not
    count.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: dict[Key, Entry] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, port: str, change: Change) -> None:
        """Add a change of a port's control."""
        key = _key(port, change)
        if _is_continuous(change):
            if len(self._waiting) < KEPT:
                key = self._next()
            else:
                self._waiting.pop(key, None)
        elif len(self._waiting) < MOST or not _releases(change):
            key = self._next()
        else:  # the key is let go: what it did before does not matter any more
            self._waiting.pop(key, None)
        if len(self._waiting) >= MOST:
            self._make_room()
        self._waiting[key] = port, change

    def tell(self, kind: str, **fields: Any) -> None:
        """Add a word that is no change, and is never dropped."""
        self._waiting[self._next()] = "", {"kind": kind, **fields}

    def take(self) -> list[dict[str, Any]]:
        """Take everything, as words: the changes of one port that follow each other are one."""
        words: list[dict[str, Any]] = []
        for port, entry in self._waiting.values():
            if isinstance(entry, dict):
                words.append(entry)
            elif words and words[-1]["kind"] == "midi" and words[-1]["port"] == port:
                words[-1]["changes"].append(entry)
            else:
                words.append({"kind": "midi", "port": port, "changes": [entry]})
        self._waiting.clear()
        return words

    def _next(self) -> Key:
        self._number += 1
        return (self._number,)

    def _make_room(self) -> None:
        """Drop the oldest change that matters least."""
        for matters_less in (_is_continuous, lambda change: not _releases(change)):
            for key, (_, entry) in self._waiting.items():
                if isinstance(entry, Change) and matters_less(entry):
                    del self._waiting[key]
                    self.dropped += 1
                    return


def _is_continuous(change: Change) -> bool:
    """Whether only the newest value counts."""
    if change.kind == "cc":
        return change.number not in _PEDALS and change.number not in _MODES
    return change.kind in ("bend", "pressure", "key pressure", "nrpn")


def _releases(change: Change) -> bool:
    """Whether it ends something that would sound on without it."""
    if change.kind == "cc":
        return change.number in _MODES or (change.number in _PEDALS and change.value < 64)
    return change.kind == "stop" or (change.kind == "note" and change.value == 0)


def _key(port: str, change: Change) -> Key:
    """What a newer change of the same control replaces. A button's press and its release are
    two."""
    return port, change.kind, change.channel, change.number, 2 * change.value > change.top
