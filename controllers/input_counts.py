"""What arrived at a controller's input, and how much of it was of use."""

from __future__ import annotations

from dataclasses import dataclass

from latentpad.engine.arguments import CommandError


@dataclass(slots=True)
class InputCounts:
    """Counts of messages and their outcomes, for the meter. One thread at a time writes."""

    messages: int = 0
    malformed: int = 0
    refused: int = 0
    last_error: str = ""

    def add_malformed(self, reason: str) -> None:
        """Count a message that could not be read."""
        self.malformed += 1
        self.last_error = reason

    def add_refused(self, error: Exception) -> None:
        """Count a command that was not carried out."""
        self.refused += 1
        self.last_error = str(error) if isinstance(error, CommandError) else repr(error)
