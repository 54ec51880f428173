"""The bytes of a MIDI cable to messages, with running status and messages that are split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Message = tuple[int, ...]
"""A status byte and its data bytes. A real-time message is its status alone."""

_NOTE_OFF, _SYSTEM, _REAL_TIME = 0x80, 0xF0, 0xF8
_SYSEX, _SYSEX_END = 0xF0, 0xF7
_UNDEFINED = (0xF9, 0xFD)
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_COMMON_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # time code, song position, song select


class Parser:
    """Messages of one cable, of which a chunk may begin or end anywhere. One thread.

    System exclusive and system common messages are skipped. `stray` counts data bytes without a
    status.
    """

    def __init__(self) -> None:
        self.stray = 0
        self._status = 0  # the running status; 0: none
        self._data: list[int] = []
        self._missing = 0  # data bytes of the message that has begun
        self._skips = False  # within a system exclusive message

    def feed(self, data: Iterable[int]) -> Iterator[Message]:
        """The messages that are complete with these bytes."""
        for byte in data:
            if byte >= _REAL_TIME:  # may come between any two bytes
                if byte not in _UNDEFINED:
                    yield (byte,)
            elif byte >= _NOTE_OFF:
                self._begin(byte)
            elif self._skips:
                continue
            elif not self._status:
                self.stray += 1
            else:
                self._data.append(byte)
                if len(self._data) == self._missing:
                    message = (self._status, *self._data)
                    self._data = []
                    if self._status < _SYSTEM:
                        yield message
                    else:
                        self._status = 0

    def _begin(self, status: int) -> None:
        self._data = []
        self._skips = status == _SYSEX
        if status < _SYSTEM:
            self._status, self._missing = status, _DATA_BYTES[status & 0xF0]
        else:  # system messages end the running status
            self._missing = _COMMON_DATA_BYTES.get(status, 0)
            self._status = status if self._missing else 0
