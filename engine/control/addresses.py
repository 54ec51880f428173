"""Finds the command of an address, which may contain a number."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from functools import partial

from latentpad.engine.arguments import Argument, CommandError, UnknownAddress, pressed
from latentpad.engine.control import aliases
from latentpad.engine.control.aliases import Alias
from latentpad.engine.control.pad import Handler, Numbered
from latentpad.engine.control.stages import Stages


class Addresses:
    """The commands by their addresses. Under the instrument's lock.

    The keys of `numbered` are addresses with `*` for their number. `triggers` are what happens when
    a button is pressed.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        numbered: Mapping[str, Numbered],
        triggers: Container[str],
    ) -> None:
        self._handlers = dict(handlers)
        self._numbered = dict(numbered)
        self._triggers = triggers
        self._engine_addresses = set(handlers)
        self.staged: dict[str, Stages] = {}

    def add(self, address: str, handler: Handler) -> None:
        """Add a command that is not the engine's."""
        self._handlers[address] = handler

    def is_engine_command(self, address: str) -> bool:
        """Whether it is one of the engine's commands, or an alias of one. Takes hold only those."""
        spelled, alias = self.look_up(address)
        command = spelled if alias is None else alias.address
        return command not in self._handlers or command in self._engine_addresses

    def is_recorded(self, address: str) -> bool:
        """Whether a take records this command: not those of snapshots, whose steps are recorded."""
        if address in self._handlers:
            return address in self._engine_addresses
        return not address.startswith("/snapshot/")

    def has(self, address: str) -> bool:
        """Whether a command has exactly this address."""
        return address in self._handlers or address in self.staged

    def look_up(self, address: str) -> tuple[str, Alias | None]:
        """The address as its command spells it, as names are taken in any case; and its alias, if
        it is one."""
        for spelled in (address, address.lower()):
            if self.has(spelled):
                return spelled, None
            if alias := aliases.find(spelled):
                return spelled, alias
            if _split(spelled)[0] in self._numbered:
                return spelled, None
        return address, None

    def waits_for_disk(self, address: str) -> bool:
        """Whether the command of this address has stages."""
        spelled, alias = self.look_up(address)
        return (spelled if alias is None else alias.address) in self.staged

    def read(self, address: str, args: Sequence[Argument]) -> tuple[str, Sequence[Argument]] | None:
        """The command that a message stands for; None for the release of a button. Raises
        `CommandError`."""
        spelled, alias = self.look_up(address)
        if alias is not None:
            meant = alias.read(args)
            return None if meant is None else (alias.address, meant)
        key = spelled if self.has(spelled) else _split(spelled)[0]
        return None if key in self._triggers and not pressed(address, args) else (spelled, args)

    def find(self, address: str) -> Handler:
        """The command of an address, if it has no stages. Raises `CommandError` for an unknown
        address."""
        handler = self._handlers.get(address)
        if handler is not None:
            return handler
        key, digits = _split(address)
        if key in self._numbered:
            return partial(self._numbered[key], _index(digits))
        raise UnknownAddress(f"{address}: there is no such address")

    def __contains__(self, address: str) -> bool:
        if address in self.staged or aliases.find(address) is not None:
            return True
        try:
            self.find(address)
        except CommandError:
            return False
        return True

    def __len__(self) -> int:
        return len(self._handlers) + len(self._numbered) + len(self.staged)

    def __iter__(self) -> Iterator[str]:
        """All addresses but aliases, sorted; `*` stands for a number."""
        return iter(sorted({*self._handlers, *self.staged, *self._numbered}))


def _split(address: str) -> tuple[str, str]:
    """An address with `*` for its number, and the number: its last part, or the one before. Both
    are empty without one."""
    stem, _, last = address.rpartition("/")
    if last.isdecimal():
        return f"{stem}/*", last
    stem, _, digits = stem.rpartition("/")
    return (f"{stem}/*/{last}", digits) if digits.isdecimal() else ("", "")


def _index(digits: str) -> int:
    if len(digits) > 9:
        raise CommandError(f"{digits} is too large a number for an address")
    return int(digits)
