"""Fills a library: files through the encoder to rows, in the order of the files.

Each batch is written as a whole or not at all before the next one, so a killed run continues where
it was when it is started again. At most a few batches are in memory.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from latentpad.models.libraries import STEPS
from latentpad.models.libraries.encode import Encoded, encode_batch
from latentpad.models.libraries.header import LibraryError
from latentpad.models.libraries.items import Item, LogCallback, no_log
from latentpad.models.libraries.store import SoundRow, Writer, keep
from latentpad.models.text import LONGEST, line, printable

if TYPE_CHECKING:
    from rich.progress import Progress

BATCH = 32  # sounds
BATCH_BYTES = 8 << 20  # a batch with more bytes ends early
MOST_BYTES = 256 << 20  # of one file


class AddedCounts(NamedTuple):
    """The numbers of sounds that were added to a library, or not."""

    added: int = 0
    known: int = 0  # in the library already
    duplicates: int = 0  # equal to a sound with another name
    refused: int = 0
    removed: int = 0  # removed from the library earlier


class _Ready(NamedTuple):
    item: Item
    data: bytes
    digest: str


def fill(
    folder: Path,
    writer: Writer,
    items: Iterable[Item],
    pack_path: str,
    encoder: str,
    workers: Executor,
    *,
    link: bool = False,
    steps: int = STEPS,
    ahead: int = 3,
    log: LogCallback = no_log,
    progress: Progress | None = None,
) -> AddedCounts:
    """Encode `items` by `workers` and append them to the library in `folder`.

    Args:
        encoder: sha256 of the encoder that the library is made for.
        link: keep the files where they are; otherwise they are copied in.
        steps: that refine each sound's place, see `encode_batch`.
        ahead: batches given to the workers and not yet written.
        log: called with a line for each file that is left out.

    Raises LibraryError, models.packs.pack.PackError, and the errors of `workers`.
    """
    total = len(items) if isinstance(items, Sequence) else None
    task = progress.add_task("placing sounds", total=total) if progress else None

    def step() -> None:
        if progress and task is not None:
            progress.advance(task)

    sums = dict.fromkeys(AddedCounts._fields, 0)
    waiting: deque[tuple[list[_Ready], Future[Encoded]]] = deque()
    pending: dict[str, str] = {}  # hash -> id of sounds that are read but not yet written

    def write() -> None:
        batch, future = waiting.popleft()
        encoded = future.result()
        if encoded.encoder != encoder:
            raise LibraryError(
                f"{pack_path}: the worker's encoder is not the one of {folder}: "
                "give every worker the same pack"
            )
        good = [i for i, reason in enumerate(encoded.reasons) if not reason]
        for i, reason in enumerate(encoded.reasons):
            if reason:
                log(f"{_printable_path(batch[i].item)}: {reason}: left out")
        rows: dict[str, SoundRow] = {}
        for i in good:
            id = line(batch[i].item.id)
            if id in rows or writer.has_id(id):
                id = _numbered(id, batch[i].digest)
            rows[id] = _row(folder, batch[i], id, float(encoded.duration[i]), link)
        writer.append(
            list(rows.values()), encoded.latents[good], encoded.loudness[good],
            encoded.onset[good], encoded.descriptors[good],
        )  # fmt: skip
        for ready in batch:
            del pending[ready.digest]
            step()
        sums["added"] += len(good)
        sums["refused"] += len(batch) - len(good)

    batch: list[_Ready] = []
    size = 0

    def send() -> None:
        future = workers.submit(encode_batch, pack_path, [ready.data for ready in batch], steps)
        waiting.append((batch, future))
        if len(waiting) > ahead:
            write()

    try:
        for item in items:
            data = _read(item, link)
            if isinstance(data, str):
                log(f"{_printable_path(item)}: {data}: left out")
                sums["refused"] += 1
                step()
                continue
            digest = hashlib.sha256(data).hexdigest()
            if writer.is_removed(digest, line(item.id)):
                sums["removed"] += 1
                step()
                continue
            pending_twin = pending.get(digest)
            existing = pending_twin or writer.id_of(digest)
            ids = line(item.id), _numbered(item.id, digest)
            # Sounds of a source with ids are identified by their ids, not by their bytes.
            numbered = item.origin != "folder"
            if (
                existing is None
                and numbered
                and (writer.has_id(ids[0]) or ids[0] in pending.values())
            ):
                existing = ids[0]
            if existing is not None:
                known = not pending_twin and existing in ids
                sums["known" if known else "duplicates"] += 1
                if not known:
                    log(f"{_printable_path(item)}: the same sound as {existing}: left out")
                step()
                continue
            batch.append(_Ready(item, data, digest))
            pending[digest] = ids[0]
            size += len(data)
            if len(batch) >= BATCH or size > BATCH_BYTES:
                send()
                batch, size = [], 0
        if batch:
            send()
        while waiting:
            write()
    finally:
        for _, future in waiting:
            future.cancel()
    return AddedCounts(**sums)


def _printable_path(item: Item) -> str:
    return printable(str(item.path))


def _read(item: Item, link: bool) -> bytes | str:
    """The file's bytes, or why it is left out."""
    try:
        if item.path.stat().st_size > MOST_BYTES:
            return f"is larger than {MOST_BYTES >> 20} MB"
        if link:
            str(item.path.resolve()).encode()
        return item.path.read_bytes()
    except UnicodeEncodeError:
        return "has a name that cannot be noted: copy it in instead"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"


def _row(folder: Path, ready: _Ready, id: str, duration: float, link: bool) -> SoundRow:
    item = ready.item
    if link:
        path = str(item.path.resolve())
    else:
        path = keep(folder, ready.digest, item.path.suffix.lower(), ready.data)
    return SoundRow(
        hash=ready.digest, id=id, name=line(item.name), label=line(item.label),
        author=line(item.author), licence=line(item.licence), url=line(item.url),
        origin=item.origin, audio=path, duration=duration, may_train=item.may_train, added=now(),
    )  # fmt: skip


def _numbered(id: str, digest: str) -> str:
    """The id of a sound whose own id is used by another."""
    return f"{line(id)[: LONGEST - 9]}#{digest[:8]}"


def now() -> str:
    """The time, as the table notes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
