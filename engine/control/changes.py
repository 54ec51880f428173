"""How an instrument is changed: by commands, alone or together, one change at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.board import Board
from latentpad.engine.control.allocation import NOBODY, Sender
from latentpad.engine.control.stages import OutcomeCallback, RunningCommands

Listener = Callable[[str, Sequence[Argument], Sender], None]


class Changes:
    """The one lock, and the board's version that brackets each change. Any thread may call.

    What a command does is `_stages`' to say; `_changed_all` is called at the end of each change.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self.taps: list[Listener] = []  # called with every command that was carried out
        self._lock = threading.RLock()
        self._changing = False

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
        """Carry out a bundle: the engine sees all of it or nothing. Returns what was refused."""
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
        tell: OutcomeCallback,
    ) -> None:
        """Carry out a bundle, and tell what became of each command as soon as it is known.

        Raises nothing of a command: one that fails leaves those beside it. What a command has to
        do with files is done before the change and after it (`stages.Stages`), but within
        `together`, where that is the caller's to see to.
        """
        running = RunningCommands(tell)
        for address, args in commands:
            running.add(address, args, sender, self._stages(address, args, sender))
        running.step()
        with self.together():
            running.step()
        running.step()

    @contextmanager
    def together(self) -> Iterator[None]:
        """What this thread applies within it is one change, as a bundle is: the engine sees it
        whole, and the decoder is woken if needed."""
        with self._lock:
            if self._changing:  # a preset loaded by a command
                yield
                return
            self._changing = True
            try:
                with self.board.writing():
                    yield
            finally:
                self._changing = False
                self._changed_all()

    def _tapped(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        for tap in self.taps:
            tap(address, args, sender)

    def still(self) -> AbstractContextManager[bool]:
        """Nothing changes inside."""
        return self._lock

    def _stages(self, address: str, args: Sequence[Argument], sender: Sender) -> Iterator[None]:
        raise NotImplementedError

    def _changed_all(self) -> None:
        raise NotImplementedError
