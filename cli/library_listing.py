"""A library in words: its contents, and the result of adding sounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from latentpad.models.text import printable

if TYPE_CHECKING:
    from latentpad.models.libraries.contents import Summary
    from latentpad.models.libraries.library import AddedCounts, Library
    from latentpad.models.libraries.store import SoundRow

MOST_NAMED = 20  # labels in a line, sounds in a list


def listing(library: Library, summary: Summary) -> Iterator[str]:
    """Lines about the contents of a library."""
    count_text = sound_count(summary.sounds)
    yield f"{library.path}: {count_text}, {summary.seconds:.0f} s, for {library.pack.name}"
    for what in ("origins", "licences", "labels"):
        counts = list(getattr(summary, what).items())
        names = ", ".join(f"{name or 'none'} {n}" for name, n in counts[:MOST_NAMED])
        more = f" and {len(counts) - MOST_NAMED} more" if len(counts) > MOST_NAMED else ""
        if counts:
            yield f"{what}: {names}{more}"
    for what, count in (
        ("without a recording", summary.without_recording),
        ("not to be trained on", summary.not_for_training),
        ("removed, and kept out", summary.removed),
    ):
        if count:
            yield f"{what}: {count}"


def entry(number: int, row: SoundRow) -> str:
    """One sound: number, name, label, id, credits."""
    credits = ", ".join(word for word in (row.author, row.licence, row.url) if word)
    return printable(f"{number:6d}  {row.name}  ({row.label})  {row.id}  {credits}".rstrip())


def sound_count(count: int) -> str:
    """ "1 sound", "2 sounds"."""
    return f"{count} sound" if count == 1 else f"{count} sounds"


def added_line(added: AddedCounts) -> str:
    """One line with the numbers of sounds added, known, left out and refused."""
    counts = {
        f"{sound_count(added.added)} added": True,
        f"{added.known} were there": added.known,
        f"{added.duplicates} the same as another": added.duplicates,
        f"{added.removed} removed earlier and left out (--again takes them in)": added.removed,
        f"{added.refused} refused": added.refused,
    }
    return ", ".join(text for text, shown in counts.items() if shown)
