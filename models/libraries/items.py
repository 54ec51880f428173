"""Items to add to a library: files and their credits."""

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
    """A `log` that does nothing."""


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
    """Every sound file under `folder`, with the credits of its tables (models.sources.tables).

    Names and labels are those of models.sources.names. A sound is for playing only if its licence
    is empty in a table with licences, or if training on it is not clearly permitted. Hidden files
    and libraries are skipped. Raises LibraryError.
    """
    if not folder.is_dir():
        raise LibraryError(f"{folder}: no such folder")
    if is_library(folder):
        raise LibraryError(f"{folder}: is a library: add the folder its sounds came from")
    scan = scan_folder(folder)
    if not scan.sounds:
        skipped = scan.skipped_line().removeprefix(str(folder)).replace(":", ";", 1)
        raise LibraryError(
            f"{folder}: no sound files in it ({', '.join(sorted(SUFFIXES))}){skipped}"
        )
    try:
        listed = tables.read_tables(scan)
    except tables.TableError as error:
        raise LibraryError(str(error)) from None
    licence_filter, items = LicenceFilter(folder, FREE), []
    for inside, (name, label) in zip(
        scan.sounds, sound_names(folder, scan.sounds, listed.of), strict=True
    ):
        credits = listed.of(inside)
        items.append(
            Item(
                folder / inside,
                id=inside.as_posix(),
                name=name,
                label=label,
                author=credits.author,
                licence=credits.licence or "",
                url=credits.url or credits.source_repo,
                may_train=credits.may_train and not credits.unclear and credits.licence != "",
            )
        )
        licence_filter(credits)
    for line in (_differences(folder, scan, listed), scan.skipped_line()):
        if line:
            log(line)
    licence_filter.log_unclear(log, "placed, but not to be learned from")
    return items


def from_sounds(sounds: Iterable[FoundSound]) -> Iterator[Item]:
    """Sounds that a client has fetched. The part of the id before the colon is their origin."""
    for sound in sounds:
        origin = sound.id.partition(":")[0]
        yield Item(
            sound.path,
            sound.id,
            sound.name,
            sound.label,
            sound.author,
            sound.licence,
            sound.url,
            origin,
            sound.may_train,
        )


def _differences(folder: Path, scan: FolderContents, listed: TableContents) -> str:
    """One line about differences between the tables and the folder; "" if there are none."""
    parts = []
    if listed.lines:
        more = f" (and {len(listed.lines) - 1} more such rows)" * (len(listed.lines) > 1)
        parts.append(listed.lines[0].removeprefix(f"{folder}/") + more)
    if unlicensed := sum(listed.of(sound).licence == "" for sound in listed.credits):
        parts.append(f"{sound_count(unlicensed)} of no licence, placed but not to be learned from")
    if listed.licensed and (unlisted := len(scan.sounds) - len(listed.credits)):
        parts.append(f"{sound_count(unlisted)} in no table, taken for your own")
    return f"{folder}: {'; '.join(parts)}" if parts else ""
