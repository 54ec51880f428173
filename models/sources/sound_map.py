"""Sound maps: JSON that says where sounds lie in the latent space, with or without their audio."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from latentpad.models.errors import LatentpadError
from latentpad.models.files import json_file
from latentpad.models.representation import Floats
from latentpad.models.sources.credits import TableColumns
from latentpad.models.text import line

MOST_BYTES = 64 << 20
MOST_ROWS = 1_000_000
FARTHEST = 1e6  # no sound lies beyond: the latents of training are about 1
NAMED = 8  # numbers of bad results that a line gives


class SoundMapError(LatentpadError):
    """A file that is no sound map: one line with the reason."""


@dataclass(frozen=True)
class MapEntry:
    """One sound of a map."""

    id: str
    name: str
    author: str
    licence: str
    label: str
    url: str  # the sound's page; else where its audio is
    audio: Path | None  # a recording beside the map


def read(path: Path, dim: int) -> tuple[list[MapEntry], Floats, list[str], int]:
    """The sounds of a map, their (L, dim) latents, a line for each kind of bad row, their number.

    A list, or an object whose `results` is one, of {id, name, username, url, audio, mu, licence,
    label}; `id` and `mu` (dim numbers) are needed. The others may have any name that
    models.sources.credits knows, and texts are made one line. Raises SoundMapError.
    """
    content = json_file.read(path, MOST_BYTES, "split it", SoundMapError)
    results = content.get("results") if isinstance(content, dict) else content
    if not isinstance(results, list):
        raise SoundMapError(f"{path}: holds no list of results: is it a sound map?")
    if len(results) > MOST_ROWS:
        raise SoundMapError(f"{path}: has {len(results)} results, {MOST_ROWS} are the most")
    places: list[MapEntry] = []
    latents = np.empty((len(results), dim), np.float32)
    bad: dict[str, list[int]] = {}
    for number, row in enumerate(results, start=1):
        wrong = _wrong(row, dim)
        if wrong:
            bad.setdefault(wrong, []).append(number)
            continue
        latents[len(places)] = row["mu"]
        places.append(_place(row, path))
    lines = [f"{path}: {_numbers(rows)}: {wrong}: left out" for wrong, rows in bad.items()]
    refused = sum(len(rows) for rows in bad.values())
    return places, latents[: len(places)], lines, refused


def _wrong(row: Any, dim: int) -> str:
    """Why a row is no sound's place; "" if it is one."""
    if not isinstance(row, dict):
        return "is no object"
    if (
        isinstance(row.get("id"), bool)
        or not isinstance(row.get("id"), int | str)
        or row["id"] == ""
    ):
        return "has no id"
    mu = row.get("mu")
    if not isinstance(mu, list) or len(mu) != dim:
        return f"mu is not a list of {dim} numbers, as the pack's latents are"
    for value in mu:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"mu is not a list of {dim} numbers, as the pack's latents are"
        if not math.isfinite(value) if isinstance(value, float) else False:
            return "mu holds a number that is not finite"
        if abs(value) > FARTHEST:
            return f"mu holds a number beyond {FARTHEST:g}"
    return ""


def _place(row: dict[str, Any], path: Path) -> MapEntry:
    told = _header(tuple(row)).read(row)
    audio, beside = row.get("audio"), None
    audio = audio if isinstance(audio, str) else ""
    if audio and "://" not in audio and "\0" not in audio:
        candidate = (path.parent / audio).resolve()
        # Only what lies beneath the map's folder: a map from elsewhere opens no other file.
        if candidate.is_relative_to(path.parent.resolve()) and candidate.is_file():
            beside = candidate
    return MapEntry(
        id=str(row["id"]),
        name=line(told.name or str(row["id"])),
        author=line(told.author),
        licence=line(told.licence or ""),
        label=line(told.label or "map"),
        url=line(told.url or (audio if "://" in audio else "")),
        audio=beside,
    )


@lru_cache(64)
def _header(keys: tuple[str, ...]) -> TableColumns:
    """What the rows with these keys say; most rows of a map have the same."""
    return TableColumns.of({key: key for key in keys})


def _numbers(rows: list[int]) -> str:
    shown = ", ".join(str(number) for number in rows[:NAMED])
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return f"{'results' if len(rows) > 1 else 'result'} {shown}{more}"
