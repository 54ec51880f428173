"""A folder of sounds to train on: which files, under which licence, in which split."""

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
DRAWS = 64  # random splits that are tried, at most
MOST_CREDIT = 1000  # characters
FEWEST_AUTHORS = 10  # of a library, for all sounds of an author to be in one split


class DatasetError(LatentpadError):
    """A folder that cannot be trained on: one line with the reason."""


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
    """The clips that may be learned from, with their splits (see `split_clips`).

    A sound library (models.libraries.library) gives its recordings with their credits. In any other
    folder the clips are the rows of its tables (models.sources.tables), and all sound files that no
    table covers; each of these is its own group. models.sources.names gives their names.

    If a table names licences, only rows under `licences` are taken (None: all). Sounds that may not
    be used for training are never taken. `log` gets a line for each reason, with the number of
    sounds left out. Raises DatasetError, and models.libraries.header.LibraryError for a broken
    library.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder")
    read = _library if header.is_library(folder) else _files
    return split_clips(check_enough(read(folder, licences, log), folder), seed, held_out)


def check_enough(clips: Sequence[Clip], folder: Path) -> Sequence[Clip]:
    """Return `found` if there are enough clips for three splits. Raises DatasetError."""
    if len(clips) < 3:
        raise DatasetError(f"{folder}: {len(clips)} usable sounds found, at least 3 are needed")
    return clips


def default_held_out(count: int) -> float:
    """The share of `count` sounds that is held out; smaller for a small folder."""
    return HELD_OUT * min(max(count / LARGE, LEAST_HELD_OUT / HELD_OUT), 1.0)


def split_clips(clips: Sequence[Clip], seed: int, held_out: float | None = None) -> list[Clip]:
    """The clips with their splits: about the share `held_out` is not trained on.

    Half of it is the validation split, which chooses the best epoch; half is the test split, which
    measures the model. Each has at least one sound, unless the share is 0: then all are trained on.
    None means `default_held_out`.

    A group is never divided, or one recording would be in two splits. The split of each group is
    drawn at random, of large groups too, or every seed would test on the same sounds. Of up to
    `DRAWS` random splits the one nearest to the shares is taken.
    """
    share = default_held_out(len(clips)) if held_out is None else held_out
    if share <= 0:
        return [replace(clip, split=SIDES[0]) for clip in clips]
    sizes = Counter(clip.group for clip in clips)
    wanted = np.array([1 - share, share / 2, share / 2]) * sizes.total()
    wanted[1:] = np.maximum(wanted[1:], 1)
    rng = np.random.default_rng(seed)
    nearest, split_of = np.inf, dict[str, str]()
    for _ in range(DRAWS):
        error, drawn = _drawn(sizes, wanted, rng)
        if error < nearest:
            nearest, split_of = error, drawn
        if nearest < len(clips) / 100:
            break
    return [replace(clip, split=split_of[clip.group]) for clip in clips]


def _drawn(
    sizes: Counter[str], shares: NDArray[np.float64], rng: np.random.Generator
) -> tuple[float, dict[str, str]]:
    """A random split for each group, and how far the splits are from `shares` (in clips).

    A split is drawn in proportion to the clips it still lacks. One without any clip is further off
    than all others.
    """
    groups, wanted = sorted(sizes), shares.copy()
    split_of: dict[str, str] = {}
    for i in rng.permutation(len(groups)):
        cumulative = np.cumsum(np.maximum(wanted, 1e-9))
        chosen = int(np.searchsorted(cumulative, rng.random() * cumulative[-1]))
        split_of[groups[i]] = SIDES[chosen]
        wanted[chosen] -= sizes[groups[i]]
    empty = len(SIDES) - len(set(split_of.values()))
    return float(np.abs(wanted).sum()) + empty * sizes.total(), split_of


def spectrogram(clip: Clip, representation: Representation) -> tuple[Floats, float]:
    """(frames, bins) float32 in 0...1 of one recording, and its peak bin in dBFS.

    Raises models.audio.reading.AudioError.
    """
    magnitudes = representation.magnitudes(reading.read_samples(clip.path, representation))
    peak = 20 * np.log10(max(float(magnitudes.max()), FLOOR))
    return representation.scaled(representation.decibels(magnitudes)), float(peak)


def spectrograms(clips: Sequence[Clip], representation: Representation) -> tuple[Floats, Floats]:
    """(L, frames, bins) float32 in 0...1, and the (L,) peak bin of each sound in dBFS."""
    result = np.empty((len(clips), representation.frames, representation.bins), np.float32)
    peaks = np.empty(len(clips), np.float32)
    for i, clip in enumerate(clips):
        result[i], peaks[i] = spectrogram(clip, representation)
    return result, peaks


def _files(folder: Path, licences: Sequence[str] | None, log: Callable[[str], None]) -> list[Clip]:
    scan = scan_folder(folder)
    try:
        listed = tables.read_tables(scan)
    except tables.TableError as error:
        raise DatasetError(str(error)) from None
    for line in [*listed.lines, scan.skipped_line()]:
        if line:
            log(line)
    licence_filter, credited = LicenceFilter(folder, licences), bool(scan.tables)
    names = dict(zip(scan.sounds, sound_names(folder, scan.sounds, listed.of), strict=True))
    clips = [
        _clip(folder, inside, credits, names[inside], credited)
        for inside, credits in listed.credits.items()
        if licence_filter(listed.of(inside))
    ]
    licence_filter.log_refused(log)
    unlisted = sum(map(listed.covers, scan.sounds)) - len(listed.credits)
    if unlisted and listed.licensed:
        log(
            f"{folder}: {sound_count(unlisted)} left out: "
            "in no row of the table beside or above them"
        )
    others = (inside for inside in scan.sounds if not listed.covers(inside))
    return clips + [_clip(folder, inside, Credits(), names[inside], credited) for inside in others]


def _clip(
    folder: Path, inside: Path, credits: Credits, sound_name: SoundName, credited: bool
) -> Clip:
    id = _written(inside.as_posix())
    columns = {
        "licence": credits.licence or "", "author_attribution": credits.author, "url": credits.url,
        "source_repo": credits.source_repo, "source_path": credits.source_path,
        "source_commit": credits.source_commit,
    }  # fmt: skip
    return Clip(
        folder / inside,
        id=id,
        label=one_line(sound_name.label),
        name=one_line(sound_name.name),
        group=credits.group or id,
        credits={key: printable(text, MOST_CREDIT) for key, text in columns.items()}
        if credited
        else {},
    )


def _library(
    folder: Path, licences: Sequence[str] | None, log: Callable[[str], None]
) -> list[Clip]:
    """A library's recordings. Its pack need not be installed: another model is trained here."""
    header.read(folder)
    rows = list(contents.rows(folder))
    # One author's sounds often come from one session. Of a few authors no split can be made.
    by_author = len({row.author for row in rows if row.author}) >= FEWEST_AUTHORS
    clips = []
    licence_filter = LicenceFilter(folder, licences)
    for row in rows:
        # A sound that was added without a licence, author or page is taken for the user's own.
        is_own = row.origin == "folder" and not (row.licence or row.author or row.url)
        licence = None if is_own else row.licence
        if not licence_filter(
            Credits(
                licence=licence, may_train=row.may_train, where=f"sound {printable(row.id, 60)}"
            )
        ):
            continue
        inside = Path(str(row.audio))
        path = folder / inside
        outside = ".." in inside.parts and not inside.is_absolute()
        if not row.audio or outside or not path.is_file():
            licence_filter.refused["their recordings are not there"] += 1
            continue
        credits = {"licence": row.licence, "author_attribution": row.author, "url": row.url}
        group = row.author if by_author and row.author else row.id
        clips.append(
            Clip(
                path, id=printable(row.id), label=one_line(row.label), name=one_line(row.name),
                group=group, credits=credits,
            )
        )  # fmt: skip
    licence_filter.log_refused(log)
    return clips


def evenly(rows: Sequence[int], most: int) -> list[int]:
    """`most` of the rows, evenly spread, or all if there are fewer."""
    return [rows[i] for i in np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]


def _written(name: str) -> str:
    """A file's name as valid UTF-8: bytes in another encoding are written as escapes."""
    return name.encode(errors="backslashreplace").decode()
