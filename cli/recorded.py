"""What a gesture recording was played on: its preset, its pack and its library."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from latentpad.engine.gestures import GestureRecording, TakeError
from latentpad.models.libraries import header
from latentpad.models.libraries.library import Library, open_
from latentpad.models.libraries.playable import as_pack
from latentpad.models.packs import pack as packs
from latentpad.models.packs import reference
from latentpad.models.packs.pack import Pack, PackError
from latentpad.models.text import MOST_REASON, printable
from latentpad.presets.bank import PresetBank
from latentpad.presets.preset import Preset, PresetError

Say = Callable[[str], None]


def preset_of(recording: GestureRecording, say: Say) -> Preset | None:
    """The recording's preset; None if it is lost and the recording has all values itself."""
    name, folder = recording.head.get("preset", "walk"), recording.path.parent
    if reference.is_path(name) and (path := reference.resolve_path(name, folder)).is_file():
        name = str(path)
    try:
        return PresetBank().load(name)
    except PresetError as error:
        if not recording.self_contained:
            raise
        say(f"note   {printable(str(error), MOST_REASON)}; the take has its values all the same")
    return None


def pack_of(recording: GestureRecording, preset: Preset | None, requested: str | None) -> Pack:
    """The requested pack, else the recording's, else the preset's."""
    if requested is not None:
        return packs.load(packs.find(requested))
    name = recording.head.get("pack") or (None if preset is None else preset.pack)
    if name is None:
        raise TakeError(f"{recording.path}: names no pack: say which it is (--pack)")
    try:
        folder = reference.pack_folder(name, recording.path.parent)
    except PackError as error:
        raise PackError(
            f"{error}; {recording.path} was played on it: say where it is (--pack)"
        ) from None
    return packs.load(folder)


def pack_named(
    name: str, folder: Path, first: Pack, library: Library | None
) -> tuple[Pack, Library | None]:
    """The pack of a `/pack` in the recording; `first` is the one that it begins with, and has a
    library. Raises `PackError`."""
    path = reference.pack_folder(name, folder)
    if path.resolve() != first.path.resolve():
        return packs.load(path), None
    return (first, None) if library is None else (as_pack(first, library), library)


def library_of(recording: GestureRecording, pack: Pack, requested: Path | None) -> Library | None:
    """The requested library, else the recording's."""
    path = library_path(recording) if requested is None else requested
    return None if path is None else open_(path, pack)


def library_path(recording: GestureRecording) -> Path | None:
    """The folder of the recording's library. Raises `TakeError` if it is not there."""
    name = recording.head.get("library")
    if name is None:
        return None
    path = reference.resolve_path(name, recording.path.parent)
    if not header.is_library(path):
        raise TakeError(
            f"{path}: no library is there; {recording.path} was played on it: say where it is "
            "(--library)"
        )
    return path


def play_options(path: Path) -> dict[str, Any]:
    """The options of `latentpad play` with which it begins on what a recording was played on.

    Raises `TakeError`, `PackError`.
    """
    recording = GestureRecording(path, whole=False)
    found: dict[str, Any] = {"library": library_path(recording)}
    if name := recording.head.get("preset"):
        preset = reference.resolve_path(name, path.parent) if reference.is_path(name) else name
        with suppress(PresetError):  # a take has all values itself
            PresetBank().load(str(preset))
            found["preset"] = str(preset)
    if name := recording.head.get("pack"):
        found["pack"] = str(reference.pack_folder(name, path.parent))
    return found
