"""Sound maps: JSON with positions of sounds in the latent space, with or without their audio."""

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
FARTHEST = 1e6  # limit of a latent: those of a training are about 1
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
    url: str  # the sound's page, or else the address of its audio
    audio: Path | None  # a recording beside the map


def read(path: Path, dim: int) -> tuple[list[MapEntry], Floats, list[str], int]:
    """The sounds of a map, their (L, dim) latents, lines about invalid rows, and the number of
    these.

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
    entries: list[MapEntry] = []
    latents = np.empty((len(results), dim), np.float32)
    invalid: dict[str, list[int]] = {}
    for number, row in enumerate(results, start=1):
        fault = _fault(row, dim)
        if fault:
            invalid.setdefault(fault, []).append(number)
            continue
        latents[len(entries)] = row["mu"]
        entries.append(_entry(row, path))
    lines = [f"{path}: {_numbers(rows)}: {fault}: left out" for fault, rows in invalid.items()]
    refused = sum(len(rows) for rows in invalid.values())
    return entries, latents[: len(entries)], lines, refused


def _fault(row: Any, dim: int) -> str:
    """Why a row is invalid, or ""."""
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


def _entry(row: dict[str, Any], path: Path) -> MapEntry:
    credits = _header(tuple(row)).read(row)
    audio, recording = row.get("audio"), None
    audio = audio if isinstance(audio, str) else ""
    if audio and "://" not in audio and "\0" not in audio:
        candidate = (path.parent / audio).resolve()
        # Only files in the map's folder: a map from another person must not open others.
        if candidate.is_relative_to(path.parent.resolve()) and candidate.is_file():
            recording = candidate
    return MapEntry(
        id=str(row["id"]),
        name=line(credits.name or str(row["id"])),
        author=line(credits.author),
        licence=line(credits.licence or ""),
        label=line(credits.label or "map"),
        url=line(credits.url or (audio if "://" in audio else "")),
        audio=recording,
    )


@lru_cache(64)
def _header(keys: tuple[str, ...]) -> TableColumns:
    """The meaning of the keys; most rows of a map have the same."""
    return TableColumns.of({key: key for key in keys})


def _numbers(rows: list[int]) -> str:
    shown = ", ".join(str(number) for number in rows[:NAMED])
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return f"{'results' if len(rows) > 1 else 'result'} {shown}{more}"
