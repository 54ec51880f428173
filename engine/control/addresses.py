"""Finds the command of an address, which may contain a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from latentpad.engine.arguments import CommandError, UnknownAddress
from latentpad.engine.control.pad import Handler, Numbered
from latentpad.engine.control.stages import Stages


class Addresses:
    """The commands by their addresses. Under the instrument's lock.

    The keys of `numbered` are addresses without their number. The number is the last part, or
    stands for `*`.
    """

    def __init__(self, handlers: Mapping[str, Handler], numbered: Mapping[str, Numbered]) -> None:
        self._handlers = dict(handlers)
        self._numbered = dict(numbered)
        self._engine_addresses = set(handlers)
        self.staged: dict[str, Stages] = {}

    def add(self, address: str, handler: Handler) -> None:
        """Add a command that is not the engine's."""
        self._handlers[address] = handler

    def is_engine_command(self, address: str) -> bool:
        """Whether it is one of the engine's commands. Takes record only those."""
        return address not in self._handlers or address in self._engine_addresses

    def find(self, address: str) -> Handler:
        """The command of an address, if it has no stages. Raises `CommandError` for an unknown
        address."""
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

    def __contains__(self, address: str) -> bool:
        if address in self.staged:
            return True
        try:
            self.find(address)
        except CommandError:
            return False
        return True

    def __len__(self) -> int:
        return len(self._handlers) + len(self._numbered) + len(self.staged)

    def __iter__(self) -> Iterator[str]:
        """All addresses, sorted; `*` stands for a number."""
        numbered = (stem if "*" in stem else f"{stem}/*" for stem in self._numbered)
        return iter(sorted({*self._handlers, *self.staged, *numbered}))


def _index(digits: str) -> int:
    if len(digits) > 9:
        raise CommandError(f"{digits} is too large a number for an address")
    return int(digits)
