"""The keys of one MIDI channel, and the pedals that hold notes for them."""

from __future__ import annotations

from collections.abc import Iterator

PEDAL_DOWN = 64  # the least value of a pedal that is down


class Keys:
    """Which notes of a channel sound. One thread at a time."""

    def __init__(self) -> None:
        self._pressed: set[int] = set()
        self._kept: set[int] = set()  # released, and held by a pedal
        self._sostenuto: set[int] = set()  # that were pressed when this pedal came down
        self._sustains = False

    def __iter__(self) -> Iterator[int]:
        """The notes that are held, by keys or by pedals."""
        return iter(sorted(self._pressed | self._kept))

    def press(self, key: int) -> None:
        """A key is pressed."""
        self._pressed.add(key)
        self._kept.discard(key)

    def lift(self, key: int, *, sustained: bool = False) -> list[int]:
        """A key is released. Returns the notes to release: none while a pedal holds it.
        `sustained`: another channel's pedal holds it, too."""
        self._pressed.discard(key)
        if self._sustains or sustained or key in self._sostenuto:
            self._kept.add(key)
            return []
        return [key]

    def sustain(self, down: bool, *, sustained: bool = False) -> list[int]:
        """The sustain pedal moves. Returns the notes to release. `sustained` as in `lift`."""
        self._sustains = down
        return [] if down or sustained else self._let_go(self._kept - self._sostenuto)

    def hold(self, down: bool, *, sustained: bool = False) -> list[int]:
        """The sostenuto pedal moves: it holds the keys that are pressed now. Returns the notes to
        release. `sustained` as in `lift`."""
        before, self._sostenuto = self._sostenuto, set(self._pressed) if down else set()
        if down or self._sustains or sustained:
            return []
        return self._let_go(self._kept & before)

    def end_sustain(self) -> list[int]:
        """Another channel's pedal came up. Returns the notes to release."""
        return [] if self._sustains else self._let_go(self._kept - self._sostenuto)

    def clear(self) -> list[int]:
        """Everything is let go, whatever the pedals do. Returns the notes to release."""
        notes = [*self]
        self._pressed, self._kept, self._sostenuto = set(), set(), set()
        return notes

    def _let_go(self, notes: set[int]) -> list[int]:
        self._kept = self._kept - notes
        return sorted(notes)
