"""How a training looks while it runs: a picture of what is decoded by now, and a log."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from models.representation import Floats, Representation

EVERY_S = 20.0


class Preview:
    """Some sounds above what the model makes of them, in `folder`/preview.png, now and then; and
    the losses of every epoch in `folder`/log, for TensorBoard."""

    def __init__(
        self, learner: Any, sounds: Floats, representation: Representation, folder: Path
    ) -> None:
        self._learner, self._sounds = learner, sounds
        self._representation, self._folder = representation, folder
        self._drawn = -EVERY_S
        self._log: Any = None

    def look(self, epoch: int, losses: dict[str, float], last: bool = False) -> None:
        """After each epoch, of the training's own thread."""
        if self._log is None:
            from tensorboardX import SummaryWriter

            self._log = SummaryWriter(str(self._folder / "log"))
        for name, value in losses.items():
            self._log.add_scalar(name, value, epoch)
        if last or time.monotonic() - self._drawn > EVERY_S:
            self._draw(epoch)
            self._drawn = time.monotonic()

    def _draw(self, epoch: int) -> None:
        from matplotlib.figure import Figure

        r = self._representation
        decoded = np.asarray(self._learner(self._sounds)["decoded"])
        figure = Figure((2.2 * len(decoded), 4.4), layout="constrained")
        grid = figure.subplots(2, len(decoded), sharex=True, sharey=True, squeeze=False)
        for column, pair in enumerate(zip(self._sounds, decoded, strict=True)):
            for axes, picture in zip(grid[:, column], pair, strict=True):
                axes.imshow(
                    picture.T, origin="lower", aspect="auto", vmin=0, vmax=1, cmap="magma",
                    extent=(0, r.seconds, 0, r.sample_rate / 2000),
                )  # fmt: skip
        figure.suptitle(f"unseen sounds, and what epoch {epoch} makes of them", fontsize=9)
        partial = self._folder / "preview.partial.png"
        figure.savefig(partial, dpi=72)
        os.replace(partial, self._folder / "preview.png")
        self._log.add_image(
            "decoded", np.flip(decoded.swapaxes(1, 2), 1)[:, None].clip(0, 1), epoch,
            dataformats="NCHW",
        )  # fmt: skip
        self._log.flush()
