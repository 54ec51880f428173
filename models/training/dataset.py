"""A folder of sounds to learn from: which files, under which licence, on which side."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from models import audio
from models.libraries import header, store
from models.licences import FREE, is_free
from models.line import line as one_line
from models.representation import FLOOR, Floats, Representation

SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
DRAWS = 64  # of a division, at most
FEWEST_AUTHORS = 10  # of a library, for whole authors to be on one side
CREDITS = ("licence", "author_attribution", "url", "source_repo", "source_path", "source_commit")


class DatasetError(Exception):
    """A folder that cannot be learned from: one line with the reason."""


@dataclass(frozen=True)
class Clip:
    """One recording. Clips of the same `group` come from one session of one source."""

    path: Path
    id: str
    label: str
    group: str
    credits: dict[str, str] = field(default_factory=dict)
    split: str = "train"


def clips(
    folder: Path,
    licences: Sequence[str] | None = FREE,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> list[Clip]:
    """The clips that may be learned from, with their split.

    A sound library (models.libraries.library) gives its recordings with their credits; in any
    other folder the rows of FOLDER/*.csv are the clips if there are any, else all its sound files.
    A CSV's column `file` is needed; licence, may_train, label, origin_group and the credits are
    used if there. With a licence column only rows under `licences` are taken (None: all); what
    `may_train` says no to is never taken. Without a CSV a file's folder is its label and every
    file its own group. How many are left out, and why, is told to `say`. Raises DatasetError, and
    models.libraries.header.LibraryError of a broken library.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder")
    tables = sorted(folder.glob("*.csv"))
    if header.is_library(folder):
        found = _library(folder, licences, say)
    else:
        found = _rows(folder, tables, licences, say) if tables else _files(folder)
    return divided(enough(found, folder), seed)


def enough(found: Sequence[Clip], folder: Path) -> Sequence[Clip]:
    """`found`, if it can be divided. Raises DatasetError."""
    if len(found) < 3:
        raise DatasetError(f"{folder}: {len(found)} usable sounds found, at least 3 are needed")
    return found


def divided(found: Sequence[Clip], seed: int) -> list[Clip]:
    """The clips with their splits, whole groups at a time: near `SHARES` of the clips each.

    By group and never by clip, or one recording would be on both sides. Which group falls where
    is drawn freely, the large ones too, or every seed would judge by the same sounds: of a few
    draws the one nearest the shares is taken.
    """
    sizes = Counter(clip.group for clip in found)
    dice = np.random.default_rng(seed)
    nearest, side = np.inf, dict[str, str]()
    for _ in range(DRAWS):
        off, drawn = _drawn(sizes, dice)
        if off < nearest:
            nearest, side = off, drawn
        if nearest < len(found) / 100:
            break
    return [replace(clip, split=side[clip.group]) for clip in found]


def _drawn(sizes: Counter[str], dice: np.random.Generator) -> tuple[float, dict[str, str]]:
    """A side for each group, a side as likely as it lacks clips, and how far it is off at the end.

    An empty side is further off than any other division.
    """
    groups, names = sorted(sizes), list(SHARES)
    wanted = np.array(list(SHARES.values())) * sizes.total()
    side: dict[str, str] = {}
    for i in dice.permutation(len(groups)):
        lack = np.cumsum(np.maximum(wanted, 1e-9))
        chosen = int(np.searchsorted(lack, dice.random() * lack[-1]))
        side[groups[i]] = names[chosen]
        wanted[chosen] -= sizes[groups[i]]
    empty = len(names) - len(set(side.values()))
    return float(np.abs(wanted).sum()) + empty * sizes.total(), side


def spectrogram(clip: Clip, representation: Representation) -> tuple[Floats, float]:
    """(frames, bins) float32 in 0...1 of one recording, and its peak bin in dBFS.

    Raises models.audio.AudioError.
    """
    magnitudes = representation.magnitudes(audio.sound(clip.path, representation))
    peak = 20 * np.log10(max(float(magnitudes.max()), FLOOR))
    return representation.scaled(representation.decibels(magnitudes)), float(peak)


def spectrograms(found: Sequence[Clip], representation: Representation) -> tuple[Floats, Floats]:
    """(L, frames, bins) float32 in 0...1, and the (L,) peak bin of each sound in dBFS."""
    result = np.empty((len(found), representation.frames, representation.bins), np.float32)
    peaks = np.empty(len(found), np.float32)
    for i, clip in enumerate(found):
        result[i], peaks[i] = spectrogram(clip, representation)
    return result, peaks


@dataclass
class _Gate:
    """Lets through what may be learned from, and counts what may not."""

    folder: Path
    licences: Sequence[str] | None
    refused: Counter[str] = field(default_factory=Counter)

    def __call__(self, licence: str | None, may_train: bool) -> bool:
        """`licence` None where nothing is said of licences."""
        reason = ""
        if not may_train:
            reason = "may not be trained on"
        elif self.licences is not None and licence is not None:
            # What leaves its licence empty is not free.
            free = is_free(licence, self.licences)
            reason = "" if free else f"not under {', '.join(self.licences)}"
        if reason:
            self.refused[reason] += 1
        return not reason

    def tell(self, say: Callable[[str], None]) -> None:
        for reason, count in sorted(self.refused.items()):
            say(f"{self.folder}: {count} sound{'s' * (count > 1)} left out: {reason}")


def _rows(
    folder: Path,
    tables: Sequence[Path],
    licences: Sequence[str] | None,
    say: Callable[[str], None],
) -> list[Clip]:
    found: dict[str, Clip] = {}
    gate = _Gate(folder, licences)
    for table in tables:
        for line, row in _lines(table):
            word = row.get("may_train", "").strip().lower()
            if not gate(row.get("licence"), word not in ("0", "no", "false")):
                continue
            id = row.get("file", "")
            path = folder / id
            if not path.is_file():
                say(f"{table}: line {line}: {id or 'a row without a file'} is not there: left out")
            elif id in found:
                say(f"{table}: line {line}: {id} comes twice: left out")
            else:
                found[id] = Clip(
                    path,
                    id=id,
                    label=one_line(row.get("label") or path.stem),
                    group=row.get("origin_group") or id,
                    credits=_credits(row),
                )
    gate.tell(say)
    return list(found.values())


def _credits(row: dict[str, str]) -> dict[str, str]:
    credits = {key: row.get(key, "") for key in CREDITS}
    credits["author_attribution"] = credits["author_attribution"] or row.get("author", "")
    return credits


def _lines(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with its line; what a short row lacks is empty, what is too much is dropped."""
    try:
        # What Excel writes begins with a byte order mark.
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            if "file" not in (reader.fieldnames or ()):
                raise DatasetError(f"{table}: has no column 'file': add it or move the CSV")
            for row in reader:
                row.pop(None, None)
                yield reader.line_num, row
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise DatasetError(f"{table}: cannot be read ({str(error).splitlines()[0]})") from None


def _files(folder: Path) -> list[Clip]:
    found = []
    for path in audio.files(folder):
        inside = path.relative_to(folder)
        label = inside.parent.name or folder.name
        id = _written(inside.as_posix())
        found.append(Clip(path, id=id, label=one_line(label), group=id))
    return found


def _library(
    folder: Path, licences: Sequence[str] | None, say: Callable[[str], None]
) -> list[Clip]:
    """A library's recordings. It need not be of an installed pack: another model learns here."""
    header.read(folder)
    with store.table(folder) as table:
        cursor = table.execute(f"SELECT {store.ROW} FROM sounds ORDER BY row")
        rows = [store.Row(*values) for values in cursor]
    # One author's sounds often come from one session. Of a few authors no split can be made.
    by_author = len({row.author for row in rows if row.author}) >= FEWEST_AUTHORS
    found = []
    gate = _Gate(folder, licences)
    for row in rows:
        # What somebody added of whose making nothing is said is taken for their own.
        own = row.origin == "folder" and not (row.licence or row.author or row.url)
        if not gate(None if own else str(row.licence), bool(row.may_train)):
            continue
        inside = Path(str(row.audio))
        path = folder / inside
        outside = ".." in inside.parts and not inside.is_absolute()
        if not row.audio or outside or not path.is_file():
            gate.refused["their recordings are not there"] += 1
            continue
        credits = {"licence": row.licence, "author_attribution": row.author, "url": row.url}
        group = row.author if by_author and row.author else row.id
        label = one_line(str(row.label))
        found.append(Clip(path, id=row.id, label=label, group=group, credits=credits))
    gate.tell(say)
    return found


def _written(name: str) -> str:
    """A file's name as UTF-8 can hold it: one in another encoding has its bytes spelled out."""
    return name.encode(errors="backslashreplace").decode()
