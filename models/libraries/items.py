"""What is to be added to a library: a file each, and its credits."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models import audio
from models.found import Found
from models.libraries.header import LibraryError, is_library
from models.line import reason

Say = Callable[[str], None]


def silent(line: str) -> None:
    """A `say` that says nothing."""


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


def from_folder(folder: Path, say: Say = silent) -> list[Item]:
    """Every sound file under `folder`; FOLDER/*.csv, where there are any, supply the credits.

    A CSV's column `file` is needed; label, name, licence, author_attribution (or author),
    url (or source_repo) and may_train are used if there. Without a label a file's folder is it.
    What is hidden, or in a library, is passed over. Raises LibraryError.
    """
    if not folder.is_dir():
        raise LibraryError(f"{folder}: no such folder")
    if is_library(folder):
        raise LibraryError(f"{folder}: is a library: add the folder its sounds came from")
    files = _files(folder)
    if not files:
        raise LibraryError(f"{folder}: no sound files in it ({', '.join(sorted(audio.SUFFIXES))})")
    credits = _credits(folder)
    items, own_name = [], folder.resolve().name
    for inside in files:
        row = credits.pop(inside.as_posix(), {})
        items.append(
            Item(
                folder / inside,
                id=inside.as_posix(),
                name=row.get("name") or inside.stem,
                label=row.get("label") or inside.parent.name or own_name,
                author=row.get("author_attribution") or row.get("author") or "",
                licence=row.get("licence") or "",
                url=row.get("url") or row.get("source_repo") or "",
                may_train=(row.get("may_train") or "yes").lower() not in ("no", "false", "0"),
            )
        )
    for left in credits:
        say(f"{folder / left}: is in the CSV but not in the folder: left out")
    return items


def from_found(found: Iterable[Found]) -> Iterator[Item]:
    """Sounds that a client has fetched; what comes before the id's colon is their origin."""
    for f in found:
        origin = f.id.partition(":")[0]
        yield Item(
            f.path, f.id, f.name, f.label, f.author, f.licence, f.url, origin, f.may_train
        )  # fmt: skip


def _files(folder: Path) -> list[Path]:
    """Sound files, from `folder` on; nothing hidden (macOS' doubles), no library's copies."""
    libraries = [path.parent for path in folder.rglob("library.toml") if path.is_file()]
    inside = [path.relative_to(folder) for path in audio.files(folder)]
    return [
        path
        for path in inside
        if not any(part.startswith(".") for part in path.parts)
        and not any((folder / path).is_relative_to(library) for library in libraries)
    ]


def _credits(folder: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for table in sorted(folder.glob("*.csv")):
        try:
            with table.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file)
                if "file" not in (reader.fieldnames or ()):
                    raise LibraryError(f"{table}: has no column 'file': add it or move the CSV")
                for row in reader:
                    found[Path(row["file"] or "").as_posix()] = {
                        key: value for key, value in row.items() if isinstance(value, str)
                    }
        except (csv.Error, UnicodeDecodeError, OSError) as error:
            raise LibraryError(f"{table}: cannot be read ({reason(error)})") from None
    return found
