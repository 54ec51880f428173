"""The settings of the output: read by the control process, used by the playing process."""

from __future__ import annotations

from dataclasses import dataclass

LIMITER_DELAY_S = 0.0005  # here because the control process tells it, and loads no kernels


@dataclass(frozen=True)
class OutputSettings:
    """What the user asked of the output."""

    device: str | None = None  # part of a device's name, or its number; None: the default
    sample_rate: int | None = None  # None: the model's, if the device accepts it
    block: int = 128
    ring: float | None = None  # blocks kept ready at least; None: as few as is safe
    null: bool = False
