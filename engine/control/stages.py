"""Commands in stages: what waits for a disk is done before a change or after it, never within.

While a change is written, the voices play on with the values of before, and every other
controller waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from latentpad.engine.arguments import Argument
from latentpad.engine.control.allocation import Sender

Stages = Callable[[Sequence[Argument], Sender], Iterator[None]]
"""A command that is carried out in stages: what comes before its first `yield` before the change
that it is part of, what comes before the second within the change, the rest after it. Files are
read in the first stage and written in the third; values are read and changed in the second alone,
which has the instrument's lock. What a stage raises ends the command."""

OutcomeCallback = Callable[[str, Sequence[Argument], Sender, Exception | None], None]
"""What is told of a command that was carried out, or of which an error was raised."""


class RunningCommands:
    """The commands of one change that have not ended. `tell` hears of each when it ends."""

    def __init__(self, tell: OutcomeCallback) -> None:
        self._tell = tell
        self._commands: list[tuple[str, Sequence[Argument], Sender, Iterator[None]]] = []

    def add(
        self, address: str, args: Sequence[Argument], sender: Sender, stages: Iterator[None]
    ) -> None:
        self._commands.append((address, args, sender, stages))

    def step(self) -> None:
        """Do the next stage of each, in their order. One that fails leaves those beside it."""
        commands, self._commands = self._commands, []
        for address, args, sender, stages in commands:
            try:
                next(stages)
            except StopIteration:
                self._tell(address, args, sender, None)
            except Exception as error:
                self._tell(address, args, sender, error)
            else:
                self._commands.append((address, args, sender, stages))
