"""The messages of one cable to changes of its controls.

What takes several messages is put together here: controllers of 14 bits, banks with their
programs, registered and other parameters (RPN, NRPN) with their data entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from latentpad.controllers.midi.change import FINE, Change
from latentpad.controllers.midi.pairs import FINE_FROM, FINE_TO, Key, Pairs, Value
from latentpad.controllers.midi.parser import Message, Parser

BANK, DATA_ENTRY = 0, 6
NRPN_FINE, NRPN_COARSE, RPN_FINE, RPN_COARSE = 98, 99, 100, 101
_PARAMETER = (NRPN_FINE, NRPN_COARSE, RPN_FINE, RPN_COARSE)
NULL = 127  # in both halves of a parameter's number: none is chosen

_REAL_TIME = {0xFA: "start", 0xFB: "continue", 0xFC: "stop"}


@dataclass(slots=True)
class _Selection:
    """What a channel has chosen for what comes next."""

    bank: int = 0
    kind: str = "rpn"
    coarse: int = NULL
    fine: int = NULL


class Controls:
    """Reads one cable. One thread. Times are in seconds, of any clock.

    Of a `plain` device every controller is a single one: it sends no banks, parameters or halves.
    """

    def __init__(self, *, plain: bool = False) -> None:
        self._plain = plain
        self.parser = Parser()
        self._pairs = Pairs()
        self._selections = [_Selection() for _ in range(17)]  # by channel, 1...16

    @property
    def due_at(self) -> float | None:
        """When `due` has something; None if nothing waits."""
        return self._pairs.due_at

    def feed(self, data: Iterable[int], now: float) -> Iterator[Change]:
        """The changes that these bytes complete."""
        for message in self.parser.feed(data):
            yield from self._read(message, now)

    def due(self, now: float) -> Iterator[Change]:
        """The changes that have waited long enough for another half."""
        for key, value in self._pairs.due(now):
            yield from self._paired(key, value)

    def _read(self, message: Message, now: float) -> Iterator[Change]:
        status, channel = message[0] & 0xF0, (message[0] & 0x0F) + 1
        match status, *message[1:]:
            case 0xB0, number, value:
                yield from self._control(channel, number, value, now)
            case 0xE0, fine, coarse:
                yield Change("bend", channel, 0, 128 * coarse + fine, FINE)
            case 0xD0, value:
                yield Change("pressure", channel, 0, value)
            case 0xA0, key, value:
                yield Change("key pressure", channel, key, value)
            case 0x90 | 0x80, key, velocity:
                yield from self._waiting(channel)
                yield Change("note", channel, key, velocity if status == 0x90 else 0)
            case 0xC0, program:
                yield Change("program", channel, self._selections[channel].bank, program)
            case 0xF0, *_ if message[0] in _REAL_TIME:
                yield Change(_REAL_TIME[message[0]], 0, 0, 127)

    def _control(self, channel: int, number: int, value: int, now: float) -> Iterator[Change]:
        selection = self._selections[channel]
        if self._plain:
            yield Change("cc", channel, number, value)
        elif number == BANK:
            selection.bank = 128 * value + selection.bank % 128
        elif number == BANK + FINE_FROM:
            selection.bank = 128 * (selection.bank // 128) + value
        elif number in _PARAMETER:
            yield from self._waiting(channel)  # data entry is for the parameter chosen before
            self._pairs.restart((channel, DATA_ENTRY))
            selection.kind = "rpn" if number in (RPN_COARSE, RPN_FINE) else "nrpn"
            if number in (RPN_COARSE, NRPN_COARSE):
                selection.coarse = value
            else:
                selection.fine = value
        elif number < FINE_FROM:
            paired = self._pairs.coarse((channel, number), value, now)
            if paired is not None:
                yield from self._paired((channel, number), paired)
        elif number < FINE_TO:
            key = channel, number - FINE_FROM
            paired = self._pairs.fine(key, value, now)
            if paired is not None:
                yield from self._paired(key, paired)
        else:
            yield Change("cc", channel, number, value)

    def _waiting(self, channel: int) -> Iterator[Change]:
        """What waits for another half must not come after what comes now."""
        for key, value in self._pairs.of_channel(channel):
            yield from self._paired(key, value)

    def _paired(self, key: Key, value: Value) -> Iterator[Change]:
        channel, number = key
        kind = "cc"
        coarse, fine = value
        if number == DATA_ENTRY:
            selection = self._selections[channel]
            if selection.coarse == NULL == selection.fine:
                return
            kind, number = selection.kind, 128 * selection.coarse + selection.fine
        if coarse < 0:  # a fine half, and never a coarse one
            if kind == "cc" and fine is not None:
                yield Change("cc", channel, number + FINE_FROM, fine)
        elif fine is None:
            yield Change(kind, channel, number, coarse)
        else:
            yield Change(kind, channel, number, 128 * coarse + fine, FINE)
