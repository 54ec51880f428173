"""A sound map's sounds into a library, at the positions of the map, without encoding."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from latentpad.models.libraries.fill import AddedCounts, now
from latentpad.models.libraries.header import LibraryError
from latentpad.models.libraries.items import LogCallback
from latentpad.models.libraries.store import SoundRow, Writer
from latentpad.models.maps.neighbours import Neighbours
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats
from latentpad.models.sources import sound_map
from latentpad.models.text import line

if TYPE_CHECKING:
    from rich.progress import Progress

CHUNK = 4096  # sounds written at once


def read(path: Path, dim: int, log: LogCallback) -> tuple[list[sound_map.MapEntry], Floats, int]:
    """Valid rows, their latents, and how many are invalid, with a line each to `log`.
    LibraryError."""
    try:
        entries, latents, lines, refused = sound_map.read(path.expanduser(), dim)
    except sound_map.SoundMapError as error:
        raise LibraryError(str(error)) from None
    for refusal in lines:
        log(refusal)
    return entries, latents, refused


def fill(
    writer: Writer,
    pack: Pack,
    entries: list[sound_map.MapEntry],
    latents: Floats,
    progress: Progress | None = None,
) -> AddedCounts:
    """Append `entries` at their `latents` (L, D), with the loudness of their neighbours in the
    pack.

    A recording beside the map is linked. Raises LibraryError.
    """
    known = removed = 0
    task = progress.add_task("placing sounds", total=len(entries)) if progress else None
    seen: set[str] = set()
    fresh: list[tuple[int, SoundRow]] = []
    for i, entry in enumerate(entries):
        row = _row(entry)
        if row.id in seen or writer.has_id(row.id):
            known += 1
        elif writer.is_removed(row.hash, row.id):
            removed += 1
        else:
            fresh.append((i, row))
        seen.add(row.id)
    near = Neighbours(pack.anchors.latents, latents)
    loudness = near.mean(pack.anchors.loudness)
    onset = near.mean(pack.anchors.onset)
    for start in range(0, len(fresh), CHUNK):
        chosen = [i for i, _ in fresh[start : start + CHUNK]]
        rows = [row for _, row in fresh[start : start + CHUNK]]
        writer.append(rows, latents[chosen], loudness[chosen], onset[chosen])
        if progress and task is not None:
            progress.advance(task, len(rows))
    if progress and task is not None:
        progress.update(task, completed=len(entries))
    return AddedCounts(len(fresh), known, removed=removed)


def _row(entry: sound_map.MapEntry) -> SoundRow:
    id = line(f"map:{entry.id}")
    return SoundRow(
        hash=hashlib.sha256(id.encode()).hexdigest(), id=id, name=line(entry.name),
        label=line(entry.label), author=line(entry.author), licence=line(entry.licence),
        url=line(entry.url), origin="map", audio=str(entry.audio or ""), duration=0.0,
        may_train=False, added=now(),
    )  # fmt: skip
