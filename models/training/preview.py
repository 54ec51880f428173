"""The preview of a running training: a picture of decoded sounds, and TensorBoard's log."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentpad.models import figures
from latentpad.models.representation import Floats, Representation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EVERY_S = 20.0


class Preview:
    """Writes a picture and a log to `folder` while a training runs.

    preview.png, at most every `EVERY_S`, shows some sounds above what the model decodes; log, for
    TensorBoard, has the losses of every epoch. `sounds` (n, frames, bins) floats in 0...1 have the
    `names`.
    """

    def __init__(
        self,
        training_model: Any,
        sounds: Floats,
        names: Sequence[str],
        representation: Representation,
        folder: Path,
    ) -> None:
        self._model, self._sounds, self._names = training_model, sounds, names
        self._representation, self._folder = representation, folder
        self._drawn = -EVERY_S
        self._log: Any = None

    def update(self, epoch: int, losses: dict[str, float], last: bool = False) -> None:
        """Call after each epoch, on the training's thread."""
        if self._log is None:
            from tensorboardX import SummaryWriter

            self._log = SummaryWriter(str(self._folder / "log"))
        for name, value in losses.items():
            self._log.add_scalar(name, value, epoch)
        if last or time.monotonic() - self._drawn > EVERY_S:
            self._draw(epoch)
            self._drawn = time.monotonic()

    def _draw(self, epoch: int) -> None:
        decoded = np.asarray(self._model(self._sounds)["decoded"])
        partial = self._folder / "preview.partial.png"
        partial.write_bytes(figures.png(self.figure(decoded, epoch)))
        os.replace(partial, self._folder / "preview.png")
        self._log.add_image(
            "decoded", np.flip(decoded.swapaxes(1, 2), 1)[:, None].clip(0, 1), epoch,
            dataformats="NCHW",
        )  # fmt: skip
        self._log.flush()

    def figure(self, decoded: Floats, epoch: int) -> Figure:
        """The sounds above their decoded versions after an epoch."""
        r = self._representation
        rows = ("recording", r.unscaled(self._sounds)), (f"epoch {epoch}", r.unscaled(decoded))
        title = f"some sounds, and what epoch {epoch} makes of them"
        return figures.spectrograms(rows, self._names, r, title)
