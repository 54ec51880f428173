"""Commands in stages: files are read before a change and written after it, never within.

While a change is written, the voices play on with the earlier values, and all other controllers
wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from latentpad.engine.arguments import Argument
from latentpad.engine.control.allocation import Sender

Stages = Callable[[Sequence[Argument], Sender], Iterator[None]]
"""A command with three stages, separated by two `yield`: before the change that it is part of,
within the change, and after it. Files are read in the first stage and written in the third. Only
the second one reads and changes values, with the instrument's lock. An exception ends the command.
"""

OutcomeCallback = Callable[[str, Sequence[Argument], Sender, Exception | None], None]
"""Called with a command that was carried out, or that failed with an error."""


class RunningCommands:
    """The commands of one change that have not ended. `report` is called with each when it ends."""

    def __init__(self, report: OutcomeCallback) -> None:
        self._report = report
        self._commands: list[tuple[str, Sequence[Argument], Sender, Iterator[None]]] = []

    def add(
        self, address: str, args: Sequence[Argument], sender: Sender, stages: Iterator[None]
    ) -> None:
        self._commands.append((address, args, sender, stages))

    def step(self) -> None:
        """Run the next stage of each command, in order. An error ends only its own command."""
        commands, self._commands = self._commands, []
        for address, args, sender, stages in commands:
            try:
                next(stages)
            except StopIteration:
                self._report(address, args, sender, None)
            except Exception as error:
                self._report(address, args, sender, error)
            else:
                self._commands.append((address, args, sender, stages))
