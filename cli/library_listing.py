"""A library in words: what is in it, and what became of what was given to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from latentpad.models.text import printable

if TYPE_CHECKING:
    from latentpad.models.libraries.contents import Summary
    from latentpad.models.libraries.library import AddedCounts, Library
    from latentpad.models.libraries.store import SoundRow

MOST_NAMED = 20  # labels in a line, sounds in a list of what goes


def listing(place: Library, summary: Summary) -> Iterator[str]:
    """What is in a library, a line each."""
    held = sound_count(summary.sounds)
    yield f"{place.path}: {held}, {summary.seconds:.0f} s, for {place.pack.name}"
    for what in ("origins", "licences", "labels"):
        counts = list(getattr(summary, what).items())
        told = ", ".join(f"{name or 'none'} {n}" for name, n in counts[:MOST_NAMED])
        more = f" and {len(counts) - MOST_NAMED} more" if len(counts) > MOST_NAMED else ""
        if counts:
            yield f"{what}: {told}{more}"
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
    """So many sounds."""
    return f"{count} sound" if count == 1 else f"{count} sounds"


def added_line(added: AddedCounts) -> str:
    """What became of the sounds given to a library, in a line."""
    counts = {
        f"{sound_count(added.added)} added": True,
        f"{added.known} were there": added.known,
        f"{added.duplicates} the same as another": added.duplicates,
        f"{added.removed} removed earlier and left out (--again takes them in)": added.removed,
        f"{added.refused} refused": added.refused,
    }
    return ", ".join(text for text, some in counts.items() if some)
