"""A folder of sounds to learn from: which files, under which licence, on which side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentpad.models.audio import reading
from latentpad.models.errors import LatentpadError
from latentpad.models.libraries import contents, header
from latentpad.models.representation import FLOOR, Floats, Representation
from latentpad.models.sources import tables
from latentpad.models.sources.credits import Credits
from latentpad.models.sources.folder import scan_folder
from latentpad.models.sources.licences import FREE
from latentpad.models.sources.names import SoundName, sound_names
from latentpad.models.sources.permission import LicenceFilter, sound_count
from latentpad.models.text import line as one_line
from latentpad.models.text import printable

SIDES = ("train", "validation", "test")
HELD_OUT = 0.4  # of a large folder, half of it for each side that is not learned from
LEAST_HELD_OUT = 0.1  # of a small one
LARGE = 200  # sounds
DRAWS = 64  # of a division, at most
MOST_CREDIT = 1000  # characters
FEWEST_AUTHORS = 10  # of a library, for whole authors to be on one side


class DatasetError(LatentpadError):
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
    name: str = ""  # for a person to read

    @property
    def called(self) -> str:
        """Its name, or its id where it has none."""
        return self.name or self.id


def clips(
    folder: Path,
    licences: Sequence[str] | None = FREE,
    seed: int = 0,
    log: Callable[[str], None] = lambda line: None,
    held_out: float | None = None,
) -> list[Clip]:
    """The clips that may be learned from, with their split (see `split_clips`).

    A sound library (models.libraries.library) gives its recordings with their credits; in any
    other folder the rows of its tables are the clips (models.sources.tables), and all sound files
    that no table lies beside or above; each of these is its own group. They are called as
    models.sources.names says. Of a table that tells licences only rows under `licences` are taken
    (None: all); what may not be trained on is never taken. How many are left out, and why, is told
    to `log`. Raises DatasetError, and models.libraries.header.LibraryError of a broken library.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder")
    read = _library if header.is_library(folder) else _files
    return split_clips(check_enough(read(folder, licences, log), folder), seed, held_out)


def check_enough(found: Sequence[Clip], folder: Path) -> Sequence[Clip]:
    """`found`, if it can be divided. Raises DatasetError."""
    if len(found) < 3:
        raise DatasetError(f"{folder}: {len(found)} usable sounds found, at least 3 are needed")
    return found


def default_held_out(count: int) -> float:
    """The share of so many sounds that is held out: of a few, each is wanted to learn from."""
    return HELD_OUT * min(max(count / LARGE, LEAST_HELD_OUT / HELD_OUT), 1.0)


def split_clips(found: Sequence[Clip], seed: int, held_out: float | None = None) -> list[Clip]:
    """The clips with their splits: near the share `held_out` (None: `default_held_out`) is not to
    train on.

    Half of it is to validate, which epoch is the best; half to test how good the model is. Each
    has one sound at least, unless the share is 0: then all are to train on.

    Whole groups at a time and never by clip, or one recording would be on both sides. Which group
    falls where is drawn freely, the large ones too, or every seed would judge by the same sounds:
    of a few draws the one nearest the shares is taken.
    """
    share = default_held_out(len(found)) if held_out is None else held_out
    if share <= 0:
        return [replace(clip, split=SIDES[0]) for clip in found]
    sizes = Counter(clip.group for clip in found)
    wanted = np.array([1 - share, share / 2, share / 2]) * sizes.total()
    wanted[1:] = np.maximum(wanted[1:], 1)
    dice = np.random.default_rng(seed)
    nearest, side = np.inf, dict[str, str]()
    for _ in range(DRAWS):
        off, drawn = _drawn(sizes, wanted, dice)
        if off < nearest:
            nearest, side = off, drawn
        if nearest < len(found) / 100:
            break
    return [replace(clip, split=side[clip.group]) for clip in found]


def _drawn(
    sizes: Counter[str], shares: NDArray[np.float64], dice: np.random.Generator
) -> tuple[float, dict[str, str]]:
    """A side for each group, a side as likely as it lacks clips, and how far it is off at the end.

    An empty side is further off than any other division.
    """
    groups, wanted = sorted(sizes), shares.copy()
    side: dict[str, str] = {}
    for i in dice.permutation(len(groups)):
        lack = np.cumsum(np.maximum(wanted, 1e-9))
        chosen = int(np.searchsorted(lack, dice.random() * lack[-1]))
        side[groups[i]] = SIDES[chosen]
        wanted[chosen] -= sizes[groups[i]]
    empty = len(SIDES) - len(set(side.values()))
    return float(np.abs(wanted).sum()) + empty * sizes.total(), side


def spectrogram(clip: Clip, representation: Representation) -> tuple[Floats, float]:
    """(frames, bins) float32 in 0...1 of one recording, and its peak bin in dBFS.

    Raises models.audio.reading.AudioError.
    """
    magnitudes = representation.magnitudes(reading.read_samples(clip.path, representation))
    peak = 20 * np.log10(max(float(magnitudes.max()), FLOOR))
    return representation.scaled(representation.decibels(magnitudes)), float(peak)


def spectrograms(found: Sequence[Clip], representation: Representation) -> tuple[Floats, Floats]:
    """(L, frames, bins) float32 in 0...1, and the (L,) peak bin of each sound in dBFS."""
    result = np.empty((len(found), representation.frames, representation.bins), np.float32)
    peaks = np.empty(len(found), np.float32)
    for i, clip in enumerate(found):
        result[i], peaks[i] = spectrogram(clip, representation)
    return result, peaks


def _files(folder: Path, licences: Sequence[str] | None, log: Callable[[str], None]) -> list[Clip]:
    held = scan_folder(folder)
    try:
        listed = tables.read_tables(held)
    except tables.TableError as error:
        raise DatasetError(str(error)) from None
    for line in [*listed.lines, held.passed_over()]:
        if line:
            log(line)
    gate, credited = LicenceFilter(folder, licences), bool(held.tables)
    names = dict(zip(held.sounds, sound_names(folder, held.sounds, listed.of), strict=True))
    found = [
        _clip(folder, inside, told, names[inside], credited)
        for inside, told in listed.credits.items()
        if gate(listed.of(inside))
    ]
    gate.log_refused(log)
    passed = sum(map(listed.covers, held.sounds)) - len(listed.credits)
    if passed and listed.licensed:
        log(
            f"{folder}: {sound_count(passed)} left out: in no row of the table beside or above them"
        )
    others = (inside for inside in held.sounds if not listed.covers(inside))
    return found + [_clip(folder, inside, Credits(), names[inside], credited) for inside in others]


def _clip(folder: Path, inside: Path, told: Credits, called: SoundName, credited: bool) -> Clip:
    id = _written(inside.as_posix())
    credits = {
        "licence": told.licence or "", "author_attribution": told.author, "url": told.url,
        "source_repo": told.source_repo, "source_path": told.source_path,
        "source_commit": told.source_commit,
    }  # fmt: skip
    return Clip(
        folder / inside,
        id=id,
        label=one_line(called.label),
        name=one_line(called.name),
        group=told.group or id,
        credits={key: printable(text, MOST_CREDIT) for key, text in credits.items()}
        if credited
        else {},
    )


def _library(
    folder: Path, licences: Sequence[str] | None, log: Callable[[str], None]
) -> list[Clip]:
    """A library's recordings. It need not be of an installed pack: another model learns here."""
    header.read(folder)
    rows = list(contents.rows(folder))
    # One author's sounds often come from one session. Of a few authors no split can be made.
    by_author = len({row.author for row in rows if row.author}) >= FEWEST_AUTHORS
    found = []
    gate = LicenceFilter(folder, licences)
    for row in rows:
        # What somebody added of whose making nothing is said is taken for their own.
        own = row.origin == "folder" and not (row.licence or row.author or row.url)
        licence = None if own else row.licence
        if not gate(
            Credits(
                licence=licence, may_train=row.may_train, where=f"sound {printable(row.id, 60)}"
            )
        ):
            continue
        inside = Path(str(row.audio))
        path = folder / inside
        outside = ".." in inside.parts and not inside.is_absolute()
        if not row.audio or outside or not path.is_file():
            gate.refused["their recordings are not there"] += 1
            continue
        credits = {"licence": row.licence, "author_attribution": row.author, "url": row.url}
        group = row.author if by_author and row.author else row.id
        found.append(
            Clip(
                path, id=printable(row.id), label=one_line(row.label), name=one_line(row.name),
                group=group, credits=credits,
            )
        )  # fmt: skip
    gate.log_refused(log)
    return found


def _written(name: str) -> str:
    """A file's name as UTF-8 can hold it: one in another encoding has its bytes spelled out."""
    return name.encode(errors="backslashreplace").decode()
