"""Changes of an instrument: by single commands or by several together, one change at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.board import Board
from latentpad.engine.control.addresses import Addresses
from latentpad.engine.control.allocation import NOBODY, Sender
from latentpad.engine.control.pad import Handler
from latentpad.engine.control.stages import OutcomeCallback, RunningCommands, Stages

Listener = Callable[[str, Sequence[Argument], Sender], None]


class Changes:
    """The instrument's lock, and the board's version that encloses each change. Any thread may
    call.

    A subclass has the commands' `_addresses`, and says what a command does (`_stages`) and what
    follows each change (`_after_change`).
    """

    _addresses: Addresses

    def __init__(self, board: Board) -> None:
        self.board = board
        self.taps: list[Listener] = []  # called with every command that was carried out
        self.listeners: list[Listener] = []  # called with every changed value
        self.published: dict[str, tuple[Argument, ...]] = {}  # the values that are no rows
        self._lock = threading.RLock()
        self._changing = False

    def register(self, address: str, handler: Handler) -> None:
        """Add a command that is not the engine's (`/learn`, `/sync`, ...)."""
        self._addresses.add(address, handler)

    def register_stages(self, address: str, stages: Stages) -> None:
        """Add a command that reads or writes files (`/preset`, `/record`, ...)."""
        self._addresses.staged[address] = stages

    def publish(self, address: str, args: tuple[Argument, ...], sender: Sender = NOBODY) -> None:
        """Report a value that is no row, and keep it for whoever asks for all values."""
        with self._lock:
            self.published[address] = args
            for listener in self.listeners:
                listener(address, args, sender)

    def waits_for_disk(self, address: str) -> bool:
        """Whether this command may wait for a disk."""
        return self._addresses.waits_for_disk(address)

    def is_gesture(self, address: str) -> bool:
        """Whether takes record this command: it plays, and changes no file and no subscription."""
        return not self.waits_for_disk(address) and self._addresses.is_recorded(address)

    def addresses(self) -> list[str]:
        """All known addresses but aliases; `*` stands for a number."""
        return list(self._addresses)

    def knows(self, address: str) -> bool:
        """Whether there is such an address."""
        return address in self._addresses

    @property
    def address_count(self) -> int:
        """The number of `addresses`."""
        return len(self._addresses)

    def apply(self, address: str, args: Sequence[Argument], sender: Sender = NOBODY) -> None:
        """Carry out one command at once. Raises `CommandError`; then nothing has changed."""
        stages = self._stages(address, args, sender)
        next(stages, None)
        with self.together():
            next(stages, None)
        next(stages, None)

    def apply_all(
        self, commands: Sequence[tuple[str, Sequence[Argument]]], sender: Sender = NOBODY
    ) -> list[CommandError]:
        """Carry out a bundle as one change: the engine sees all of it or nothing. Returns the
        errors of refused commands."""
        errors: list[Exception | None] = []
        self.carry_out(commands, sender, lambda *became: errors.append(became[-1]))
        refused = [error for error in errors if isinstance(error, CommandError)]
        for error in errors:
            if error is not None and not isinstance(error, CommandError):
                raise error
        return refused

    def carry_out(
        self,
        commands: Sequence[tuple[str, Sequence[Argument]]],
        sender: Sender,
        report: OutcomeCallback,
    ) -> None:
        """Carry out a bundle, and call `report` with the outcome of each command when it is known.

        Errors of commands are not raised, and do not affect the other commands. The stages of a
        command that use files run before and after the change (`stages.Stages`). Inside `together`
        all stages run within the change.
        """
        running = RunningCommands(report)
        for address, args in commands:
            running.add(address, args, sender, self._stages(address, args, sender))
        running.step()
        with self.together():
            running.step()
        running.step()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Everything that this thread applies inside is one change, as a bundle is: the engine
        sees all of it at once, and the decoding process is woken if needed."""
        with self._lock:
            if self._changing:  # nested: a command loads a preset
                yield
                return
            self._changing = True
            try:
                with self.board.writing():
                    yield
            finally:
                self._changing = False
                self._after_change()

    def _notify_taps(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        for tap in self.taps:
            tap(address, args, sender)

    def frozen(self) -> AbstractContextManager[bool]:
        """Nothing changes inside."""
        return self._lock

    def _stages(self, address: str, args: Sequence[Argument], sender: Sender) -> Iterator[None]:
        raise NotImplementedError

    def _after_change(self) -> None:
        raise NotImplementedError
