"""How the sound is to leave: read by the control process, carried out by the playing process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OutputSettings:
    """What the performer asked of the output."""

    device: str | None = None  # part of a device's name, or its number; None: the default
    sample_rate: int | None = None  # None: the model's own where the device takes it
    block: int = 128
    ring: float | None = None  # blocks kept ready while all is calm; None: as few as is safe
    null: bool = False
