"""Which command an address is: the engine's own, with a number in it or without, or another's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from latentpad.engine.arguments import CommandError, UnknownAddress
from latentpad.engine.control.pad import Handler, Numbered
from latentpad.engine.control.stages import Stages


class Addresses:
    """The commands by their addresses. `numbered` are those by what surrounds their number: it is
    the last part, or stands for `*`. Under the instrument's lock."""

    def __init__(self, handlers: Mapping[str, Handler], numbered: Mapping[str, Numbered]) -> None:
        self._handlers = dict(handlers)
        self._numbered = dict(numbered)
        self._own = set(handlers)
        self.staged: dict[str, Stages] = {}

    def add(self, address: str, handler: Handler) -> None:
        """A command that is not the engine's own."""
        self._handlers[address] = handler

    def own(self, address: str) -> bool:
        """Whether it is the engine's: a take has those."""
        return address not in self._handlers or address in self._own

    def find(self, address: str) -> Handler:
        """Its command, if it has no stages. Raises `CommandError` for an address that there is
        not."""
        handler = self._handlers.get(address)
        if handler is not None:
            return handler
        stem, _, last = address.rpartition("/")
        middle, _, digits = stem.rpartition("/")
        if last.isdecimal() and stem in self._numbered:
            return partial(self._numbered[stem], _index(last))
        if digits.isdecimal() and f"{middle}/*/{last}" in self._numbered:
            return partial(self._numbered[f"{middle}/*/{last}"], _index(digits))
        raise UnknownAddress(f"{address}: there is no such address")

    def __iter__(self) -> Iterator[str]:
        """Every address, in their order; `*` stands for a number."""
        numbered = (stem if "*" in stem else f"{stem}/*" for stem in self._numbered)
        return iter(sorted({*self._handlers, *self.staged, *numbered}))


def _index(digits: str) -> int:
    if len(digits) > 9:
        raise CommandError(f"{digits} is too large a number for an address")
    return int(digits)
