"""What the sounds of a folder are called: as its tables say, else as their files and folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from latentpad.models.sources.credits import Credits


class SoundName(NamedTuple):
    """What a person calls a sound."""

    name: str
    label: str  # what kind of sound


def sound_names(
    folder: Path, sounds: Sequence[Path], told: Callable[[Path], Credits]
) -> list[SoundName]:
    """The names and labels of some `sounds`, paths in `folder`, of which `told` tells.

    Without a label a file's folder is it. Without a name the file's own, without its ending, is
    it; with its folder's before it where several files are called the same, as are the "01" of
    many collections; and its path where that does not tell them apart either.
    """
    top, said = folder.resolve().name, [told(sound) for sound in sounds]
    nameless = [sound for sound, tells in zip(sounds, said, strict=True) if not tells.name]

    def beneath(sound: Path) -> str:
        return sound.parent.name or top

    forms: tuple[Callable[[Path], str], ...] = (
        lambda sound: sound.stem,
        lambda sound: f"{beneath(sound)} {sound.stem}",
        Path.as_posix,
    )
    counts = [Counter(map(form, nameless)) for form in forms]

    def called(sound: Path) -> str:
        possible = ((form(sound), count) for form, count in zip(forms, counts, strict=True))
        return next(name for name, count in possible if count[name] == 1)

    return [
        SoundName(tells.name or called(sound), tells.label or beneath(sound))
        for sound, tells in zip(sounds, said, strict=True)
    ]
