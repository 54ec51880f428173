"""library.toml: the model for whose latent space a library was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tomli_w

from latentpad.models.errors import LatentpadError
from latentpad.models.files import toml
from latentpad.models.packs.limits import MOST_LATENTS
from latentpad.models.text import line, reason

FORMAT = 1
MOST_BYTES = 1 << 16


class LibraryError(LatentpadError):
    """A library that cannot be used or added to: one line with the reason and what to do."""


@dataclass(frozen=True)
class LibraryHeader:
    """The contents of library.toml."""

    pack: str  # its name
    encoder: str  # sha256 of the encoder's file
    latent_dim: int


def write(folder: Path, head: LibraryHeader) -> None:
    """Write library.toml into `folder`. Raises OSError."""
    content = {
        "format": FORMAT, "pack": head.pack, "encoder": head.encoder, "latent_dim": head.latent_dim
    }  # fmt: skip
    (folder / "library.toml").write_text(tomli_w.dumps(content), encoding="utf-8")


def is_library(folder: Path) -> bool:
    """Whether the folder is a library, valid or not."""
    return (folder / "library.toml").is_file()


def read(folder: Path) -> LibraryHeader:
    """Read and check library.toml. Raises LibraryError."""
    file = folder / "library.toml"
    if not is_library(folder):
        raise LibraryError(f"{folder}: library.toml is missing: this folder is no sound library")
    try:
        if file.stat().st_size > MOST_BYTES:
            raise LibraryError(f"{file}: is larger than {MOST_BYTES >> 10} kB: this is no library")
        content = toml.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise LibraryError(f"{file}: is not valid TOML: {reason(error)}") from None
    kinds = {"format": int, "pack": str, "encoder": str, "latent_dim": int}
    for key, kind in kinds.items():
        if type(content.get(key)) is not kind:
            what = "a whole number" if kind is int else "text"
            raise LibraryError(f"{file}: {key} is not {what}: make the library again")
    if content["format"] != FORMAT:
        raise LibraryError(
            f"{file}: format is {content['format']}, this version reads {FORMAT}: update Latentpad"
        )
    if not 1 <= content["latent_dim"] <= MOST_LATENTS:
        raise LibraryError(
            f"{file}: latent_dim is {content['latent_dim']}, outside 1...{MOST_LATENTS}"
        )
    return LibraryHeader(line(content["pack"]), content["encoder"], content["latent_dim"])
