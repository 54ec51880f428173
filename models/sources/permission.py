"""What may be learned from, and why the rest may not: counted, and told in lines."""

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
    """Lets through what may be learned from, and counts what may not.

    `licences` are those that a model may learn from; None: all of them.
    """

    folder: Path
    licences: Sequence[str] | None
    refused: Counter[str] = field(default_factory=Counter)
    _strange: Counter[str] = field(default_factory=Counter)
    _where: dict[str, str] = field(default_factory=dict)

    def __call__(self, told: Credits) -> bool:
        """Whether the sound may be learned from. A licence that is left empty is not free."""
        if not told.may_train:
            return self._no("may not be trained on")
        if told.unclear:
            said = f"{_quoted(told.unclear)} does not say whether it may be trained on"
            return self._unclear(said, "write yes or no", told.where)
        if self.licences is None or told.licence is None or is_free(told.licence, self.licences):
            return True
        if told.licence and not is_known(told.licence):
            said = f"the licence {_quoted(told.licence)} is not understood"
            return self._unclear(said, "write its name alone, as CC0 or CC BY 4.0", told.where)
        return self._no(f"not under {', '.join(self.licences)}")

    def log_refused(self, log: Callable[[str], None]) -> None:
        """A line for each reason why sounds are left out."""
        for reason, count in sorted(self.refused.items()):
            log(f"{self.folder}: {sound_count(count)} left out: {reason}")
        self.log_unclear(log, "left out")

    def log_unclear(self, log: Callable[[str], None], what: str) -> None:
        """A line for each text that is not understood, and what becomes of its sounds."""
        for reason, count in self._strange.most_common(MOST_LINES):
            where = self._where[reason]
            log(f"{self.folder}: {sound_count(count)} {what}: {reason}{where and f' ({where})'}")
        rest = self._strange.most_common()[MOST_LINES:]
        if rest:
            count = sum(count for _, count in rest)
            log(f"{self.folder}: {sound_count(count)} {what}: {len(rest)} more such texts")

    def _no(self, reason: str) -> bool:
        self.refused[reason] += 1
        return False

    def _unclear(self, said: str, advice: str, where: str) -> bool:
        reason = f"{said}: {advice}"
        self._strange[reason] += 1
        self._where.setdefault(reason, where)
        return False


def _quoted(text: str) -> str:
    return f"'{printable(text, QUOTED)}'"


def sound_count(count: int) -> str:
    """So many sounds."""
    return f"{count} sound{'s' * (count != 1)}"
