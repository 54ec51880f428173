"""Which sounds may be trained on, and lines with the numbers and reasons of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from latentpad.models.sources.credits import Credits
from latentpad.models.sources.licences import is_free, is_known
from latentpad.models.text import printable

QUOTED = 60  # characters of a text that a line quotes
MOST_LINES = 8  # of texts that are not understood


@dataclass
class LicenceFilter:
    """Selects the sounds that may be trained on, and counts the others.

    `licences` are those that a model may learn from; None: all of them.
    """

    folder: Path
    licences: Sequence[str] | None
    refused: Counter[str] = field(default_factory=Counter)
    _unclear_counts: Counter[str] = field(default_factory=Counter)
    _where: dict[str, str] = field(default_factory=dict)

    def __call__(self, credits: Credits) -> bool:
        """Whether the sound may be trained on. An empty licence is not free."""
        if not credits.may_train:
            return self._refuse("may not be trained on")
        if credits.unclear:
            statement = f"{_quoted(credits.unclear)} does not say whether it may be trained on"
            return self._unclear(statement, "write yes or no", credits.where)
        if (
            self.licences is None
            or credits.licence is None
            or is_free(credits.licence, self.licences)
        ):
            return True
        if credits.licence and not is_known(credits.licence):
            statement = f"the licence {_quoted(credits.licence)} is not understood"
            return self._unclear(
                statement, "write its name alone, as CC0 or CC BY 4.0", credits.where
            )
        return self._refuse(f"not under {', '.join(self.licences)}")

    def log_refused(self, log: Callable[[str], None]) -> None:
        """Log a line for each reason why sounds are left out."""
        for reason, count in sorted(self.refused.items()):
            log(f"{self.folder}: {sound_count(count)} left out: {reason}")
        self.log_unclear(log, "left out")

    def log_unclear(self, log: Callable[[str], None], what: str) -> None:
        """Log a line for each text that is not understood; `what` says what becomes of its
        sounds."""
        for reason, count in self._unclear_counts.most_common(MOST_LINES):
            where = self._where[reason]
            log(f"{self.folder}: {sound_count(count)} {what}: {reason}{where and f' ({where})'}")
        rest = self._unclear_counts.most_common()[MOST_LINES:]
        if rest:
            count = sum(count for _, count in rest)
            log(f"{self.folder}: {sound_count(count)} {what}: {len(rest)} more such texts")

    def _refuse(self, reason: str) -> bool:
        self.refused[reason] += 1
        return False

    def _unclear(self, statement: str, advice: str, where: str) -> bool:
        reason = f"{statement}: {advice}"
        self._unclear_counts[reason] += 1
        self._where.setdefault(reason, where)
        return False


def _quoted(text: str) -> str:
    return f"'{printable(text, QUOTED)}'"


def sound_count(count: int) -> str:
    """ "1 sound", "2 sounds"."""
    return f"{count} sound{'s' * (count != 1)}"
