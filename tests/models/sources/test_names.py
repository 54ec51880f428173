"""What the sounds of a folder are called where no table says it."""

from __future__ import annotations

from pathlib import Path

from latentpad.models.sources.credits import Credits
from latentpad.models.sources.names import sound_names


def names(*paths: str, **credits: Credits) -> list[tuple[str, str]]:
    sounds = [Path(path) for path in paths]
    result = sound_names(
        Path("/home/ann/tape"), sounds, lambda sound: credits.get(sound.stem, Credits())
    )
    return [(each.name, each.label) for each in result]


def test_a_sound_is_called_as_its_file_and_is_of_its_folders_kind() -> None:
    assert names("rain.wav", "kick/low.flac") == [("rain", "tape"), ("low", "kick")]


def test_what_is_called_the_same_is_told_apart_by_its_folder() -> None:
    result = names("kick/01.wav", "snare/01.wav", "01.wav", "snare/02.wav")
    assert [name for name, _ in result] == ["kick 01", "snare 01", "tape 01", "02"]


def test_what_its_folder_does_not_tell_apart_is_called_by_its_path() -> None:
    result = names("a/x/01.wav", "b/x/01.wav", "c/01.wav", "c/01.flac")
    assert [name for name, _ in result] == ["a/x/01.wav", "b/x/01.wav", "c/01.wav", "c/01.flac"]


def test_a_table_names_first() -> None:
    result = names("kick/a.wav", "kick/b.wav", a=Credits(name="Thump"), b=Credits(label="drum"))
    assert result == [("Thump", "kick"), ("b", "drum")]
