"""Checks the files to be imported, before TensorFlow starts or any question is asked."""

from __future__ import annotations

from pathlib import Path

from latentpad.models.importing.layout import ForeignError


def check(decoder: Path, encoder: Path | None, sounds: Path | None, sound_map: Path | None) -> None:
    """Raise ForeignError for missing files and folders, and for combinations that make no sense."""
    if sounds is not None and sound_map is not None:
        raise ForeignError("give --sounds or a sound map, not both")
    if sounds is not None and encoder is None:
        raise ForeignError(f"{sounds}: sounds need an encoder to find their places")
    for path in (decoder, encoder):
        if path is not None and not path.exists():
            raise ForeignError(f"{path}: no such file")
    if sounds is not None and not sounds.is_dir():
        raise ForeignError(f"{sounds}: no such folder")
    if sound_map is not None and not sound_map.exists():
        raise ForeignError(f"{sound_map}: no such file")
