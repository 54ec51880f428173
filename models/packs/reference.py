"""References to packs and libraries in files: a known name, or else a relative path.

A take or a preset can be moved together with its pack. A fingerprint of the pack's model shows
whether it is the same.
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
    """Whether a reference is a path, and not a name."""
    return "/" in name or os.sep in name or name.startswith((".", "~"))


def relative(path: Path, folder: Path) -> str:
    """The path from `folder` to `path`, in a form that `is_path` recognises."""
    path_text = Path(os.path.relpath(path.expanduser().resolve(), folder.resolve())).as_posix()
    return path_text if path_text.startswith(".") else f"./{path_text}"


def resolve_path(name: str, folder: Path) -> Path:
    """The path that a relative path in a file in `folder` means."""
    return Path(os.path.normpath(folder.resolve() / Path(name).expanduser()))


def pack_name(path: Path) -> str:
    """A pack's name if it is found by name on any machine or by this user, else its absolute
    path."""
    resolved = path.resolve()
    known = _known(resolved.name)
    return resolved.name if known is not None and known.resolve() == resolved else str(resolved)


def written(name: str, folder: Path) -> str:
    """The reference that a file in `folder` writes, for a result of `pack_name`."""
    return relative(Path(name), folder) if is_path(name) else name


def pack_folder(name: str, folder: Path) -> Path:
    """The folder of the pack to which a file in `folder` refers. Raises PackError.

    Older files have the name of any pack, or a path relative to the working directory.
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
    candidates = (folder / name for folder in packs.folders())
    return next((path for path in candidates if (path / "model.toml").is_file()), None)


def fingerprint(pack: Pack) -> str:
    """A hash of the decoder's file and the representation, which determine the sounds.

    Planes, anchors and titles may change without changing it. Raises OSError.
    """
    r = pack.representation
    shape = [r.sample_rate, r.n_fft, r.hop, r.window, r.frames, r.range_db, pack.latent_dim]
    with pack.decoder_path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(json.dumps(shape).encode())
    return digest.hexdigest()[:DIGITS]
