"""A pack as the control process plays it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from latentpad.engine.planes import Planes
from latentpad.models.packs import reference
from latentpad.models.packs.pack import Pack


@dataclass(frozen=True)
class PlayedPack:
    """A pack, the library whose sounds are its anchors, and how files and `/pack` name it."""

    pack: Pack  # with the library's sounds, if any
    library: Path | None
    planes: Planes
    name: str  # `models.packs.reference.pack_name`
    fingerprint: str

    @classmethod
    def of(cls, pack: Pack, library: Path | None = None) -> PlayedPack:
        """Read what is needed to play it. Raises `PackError`, `OSError`."""
        name, fingerprint = reference.pack_name(pack.path), reference.fingerprint(pack)
        return cls(pack, library, Planes(pack), name, fingerprint)

    def same_as(self, other: PlayedPack) -> bool:
        """Whether both are the same model with the same sounds."""
        mine, others = (
            (p.name, p.fingerprint, p.library, len(p.pack.anchors)) for p in (self, other)
        )
        return mine == others
