"""How files name a pack or a folder that they need: by a name that every machine knows, else by
the way to it from the file itself, and by what it is.

A take or a preset can so be moved together with its pack, and is understood from any folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Pack, PackError

DIGITS = 32  # of a fingerprint


def is_path(name: str) -> bool:
    """Whether a file means a way by it, and not a name."""
    return "/" in name or os.sep in name or name.startswith((".", "~"))


def relative(path: Path, folder: Path) -> str:
    """The way from `folder` to `path`, as `is_path` knows it."""
    way = Path(os.path.relpath(path.expanduser().resolve(), folder.resolve())).as_posix()
    return way if way.startswith(".") else f"./{way}"


def resolve_path(name: str, folder: Path) -> Path:
    """The place that a file in `folder` means by a way."""
    return Path(os.path.normpath(folder.resolve() / Path(name).expanduser()))


def pack_name(path: Path) -> str:
    """A pack's name where it is found by it on any machine or by this user, else its absolute
    path."""
    resolved = path.resolve()
    known = _known(resolved.name)
    return resolved.name if known is not None and known.resolve() == resolved else str(resolved)


def written(name: str, folder: Path) -> str:
    """What a file in `folder` writes for what `pack_name` gave."""
    return relative(Path(name), folder) if is_path(name) else name


def pack_folder(name: str, folder: Path) -> Path:
    """Where the pack is that a file in `folder` names. Raises PackError.

    Older files say a name only of any pack, and a path from where they were written.
    """
    if is_path(name):
        path = resolve_path(name, folder)
        if (path / "model.toml").is_file():
            return path
        try:
            return packs.find(name)
        except PackError:
            raise PackError(f"{path}: no model pack is there") from None
    return _known(name) or packs.find(name)


def _known(name: str) -> Path | None:
    there = (folder / name for folder in packs.folders())
    return next((path for path in there if (path / "model.toml").is_file()), None)


def fingerprint(pack: Pack) -> str:
    """What tells one pack's sounds from another's: of its decoder's file and its representation.
    Planes, anchors and titles may change. Raises OSError."""
    r = pack.representation
    shape = [r.sample_rate, r.n_fft, r.hop, r.window, r.frames, r.range_db, pack.latent_dim]
    with pack.decoder_path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(json.dumps(shape).encode())
    return digest.hexdigest()[:DIGITS]
