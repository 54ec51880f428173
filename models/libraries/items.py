"""What is to be added to a library: a file each, and its credits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from latentpad.models.libraries.header import LibraryError, is_library
from latentpad.models.sources import tables
from latentpad.models.sources.folder import SUFFIXES, FolderContents, scan_folder
from latentpad.models.sources.licences import FREE
from latentpad.models.sources.names import sound_names
from latentpad.models.sources.permission import LicenceFilter, sound_count
from latentpad.models.sources.sound import FoundSound
from latentpad.models.sources.tables import TableContents

LogCallback = Callable[[str], None]


def no_log(line: str) -> None:
    """A `log` that says nothing."""


@dataclass(frozen=True)
class Item:
    """A file to be added, and its credits."""

    path: Path
    id: str
    name: str
    label: str
    author: str = ""
    licence: str = ""
    url: str = ""
    origin: str = "folder"
    may_train: bool = True


def from_folder(folder: Path, log: LogCallback = no_log) -> list[Item]:
    """Every sound file under `folder`; its tables (models.sources.tables) supply the credits.

    Names and labels are those of models.sources.names. A sound whose licence is left empty,
    where a table tells licences, or that is not clearly permitted to be trained on, is for playing
    alone. What is hidden, or in a library, is passed over. Raises LibraryError.
    """
    if not folder.is_dir():
        raise LibraryError(f"{folder}: no such folder")
    if is_library(folder):
        raise LibraryError(f"{folder}: is a library: add the folder its sounds came from")
    held = scan_folder(folder)
    if not held.sounds:
        found = held.passed_over().removeprefix(str(folder)).replace(":", ";", 1)
        raise LibraryError(f"{folder}: no sound files in it ({', '.join(sorted(SUFFIXES))}){found}")
    try:
        listed = tables.read_tables(held)
    except tables.TableError as error:
        raise LibraryError(str(error)) from None
    gate, items = LicenceFilter(folder, FREE), []
    for inside, (name, label) in zip(
        held.sounds, sound_names(folder, held.sounds, listed.of), strict=True
    ):
        told = listed.of(inside)
        items.append(
            Item(
                folder / inside,
                id=inside.as_posix(),
                name=name,
                label=label,
                author=told.author,
                licence=told.licence or "",
                url=told.url or told.source_repo,
                may_train=told.may_train and not told.unclear and told.licence != "",
            )
        )
        gate(told)
    for line in (_differences(folder, held, listed), held.passed_over()):
        if line:
            log(line)
    gate.log_unclear(log, "placed, but not to be learned from")
    return items


def from_sounds(found: Iterable[FoundSound]) -> Iterator[Item]:
    """Sounds that a client has fetched; what comes before the id's colon is their origin."""
    for f in found:
        origin = f.id.partition(":")[0]
        yield Item(
            f.path, f.id, f.name, f.label, f.author, f.licence, f.url, origin, f.may_train
        )  # fmt: skip


def _differences(folder: Path, held: FolderContents, listed: TableContents) -> str:
    """One line on where the tables and the folder differ; "" where they do not."""
    said = []
    if listed.lines:
        more = f" (and {len(listed.lines) - 1} more such rows)" * (len(listed.lines) > 1)
        said.append(listed.lines[0].removeprefix(f"{folder}/") + more)
    if blank := sum(listed.of(sound).licence == "" for sound in listed.credits):
        said.append(f"{sound_count(blank)} of no licence, placed but not to be learned from")
    if listed.licensed and (own := len(held.sounds) - len(listed.credits)):
        said.append(f"{sound_count(own)} in no table, taken for your own")
    return f"{folder}: {'; '.join(said)}" if said else ""
