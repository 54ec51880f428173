"""A folder of sounds to learn from: which files, under which licence, on which side."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from models import audio
from models.representation import FLOOR, Floats, Representation

#: What a model that is given away may learn from. Share-alike, non-commercial and
#: no-derivatives variants never match these.
FREE_LICENCES = ("CC0", "CC BY", "Unlicense")
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
CREDITS = ("licence", "author_attribution", "source_repo", "source_path", "source_commit")


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
    folder: Path, licences: Sequence[str] | None = FREE_LICENCES, seed: int = 0
) -> list[Clip]:
    """The folder's clips with their split; rows of FOLDER/*.csv if there are any, else all files.

    A CSV's column `file` is needed; licence, label, origin_group and the credits are used if
    there. With a licence column only rows under `licences` are taken (None: all). Without a CSV
    a file's folder is its label and every file its own group. Raises DatasetError.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder")
    tables = sorted(folder.glob("*.csv"))
    found = _rows(folder, tables, licences) if tables else _files(folder)
    if len(found) < 3:
        raise DatasetError(f"{folder}: {len(found)} usable sounds found, at least 3 are needed")
    return divided(found, seed)


def is_free(licence: str, licences: Sequence[str]) -> bool:
    """Whether a licence's text begins with one of `licences` and adds no SA, NC or ND."""
    if re.search(r"\b(SA|NC|ND)\b|share|commercial|deriv", licence, re.IGNORECASE):
        return licence in licences
    return any(re.match(rf"{re.escape(known)}\b", licence.strip()) for known in licences)


def divided(found: Sequence[Clip], seed: int) -> list[Clip]:
    """The clips with their splits, whole groups at a time: near `SHARES` of the clips each.

    By group and never by clip, or one recording would be on both sides.
    """
    sizes: dict[str, int] = {}
    for clip in found:
        sizes[clip.group] = sizes.get(clip.group, 0) + 1
    order = sorted(sizes)
    np.random.default_rng(seed).shuffle(order)
    order.sort(key=lambda group: -sizes[group])
    wanted = {name: share * len(found) for name, share in SHARES.items()}
    side: dict[str, str] = {}
    for group in order:
        # The largest relative need first; the large groups meet the large split.
        side[group] = max(wanted, key=lambda name: wanted[name] / SHARES[name] ** 0.5)
        wanted[side[group]] -= sizes[group]
    return [replace(clip, split=side[clip.group]) for clip in found]


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


def _rows(folder: Path, tables: Sequence[Path], licences: Sequence[str] | None) -> list[Clip]:
    found = []
    for table in tables:
        with table.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if "file" not in (reader.fieldnames or ()):
                raise DatasetError(f"{table}: has no column 'file'")
            for line, row in enumerate(reader, start=2):
                # A row that leaves its licence empty is not free.
                asked = licences is not None and "licence" in row
                if asked and not is_free(row["licence"] or "", licences or ()):
                    continue
                path = folder / row["file"]
                if not path.is_file():
                    raise DatasetError(f"{table}: line {line}: {row['file']} is not there")
                found.append(
                    Clip(
                        path,
                        id=row["file"],
                        label=row.get("label") or path.stem,
                        group=row.get("origin_group") or row["file"],
                        credits={key: row.get(key) or "" for key in CREDITS},
                    )
                )
    return found


def _files(folder: Path) -> list[Clip]:
    found = []
    for path in audio.files(folder):
        inside = path.relative_to(folder)
        label = inside.parent.name or folder.name
        found.append(Clip(path, id=inside.as_posix(), label=label, group=inside.as_posix()))
    return found
