"""Names of the sounds of a folder: from its tables, or else from files and folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from latentpad.models.sources.credits import Credits


class SoundName(NamedTuple):
    """The name and label of a sound, for a person."""

    name: str
    label: str  # what kind of sound


def sound_names(
    folder: Path, sounds: Sequence[Path], credits_of: Callable[[Path], Credits]
) -> list[SoundName]:
    """The names and labels of `sounds`, paths in `folder`, whose credits `credits_of` gives.

    Without a label, the name of a file's folder is used. Without a name, the file's name without
    its ending is used; if several files have the same one, as with the "01" of many collections,
    with the folder's name before it; and if that is not unique either, the path.
    """
    top, credits = folder.resolve().name, [credits_of(sound) for sound in sounds]
    unnamed = [sound for sound, row in zip(sounds, credits, strict=True) if not row.name]

    def folder_name(sound: Path) -> str:
        return sound.parent.name or top

    forms: tuple[Callable[[Path], str], ...] = (
        lambda sound: sound.stem,
        lambda sound: f"{folder_name(sound)} {sound.stem}",
        Path.as_posix,
    )
    counts = [Counter(map(form, unnamed)) for form in forms]

    def unique_name(sound: Path) -> str:
        possible = ((form(sound), count) for form, count in zip(forms, counts, strict=True))
        return next(name for name, count in possible if count[name] == 1)

    return [
        SoundName(row.name or unique_name(sound), row.label or folder_name(sound))
        for sound, row in zip(sounds, credits, strict=True)
    ]
