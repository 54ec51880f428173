"""Trainings in processes of their own, that are killed."""

from __future__ import annotations

import os
import signal

from matplotlib.figure import Figure

from latentpad.models.maps import learned
from latentpad.models.representation import Floats
from latentpad.models.training.callbacks import TrainingCallback
from latentpad.models.training.preview import Preview
from latentpad.models.training.workspace import LAST


def empty_figure(preview: Preview, decoded: Floats, epoch: int) -> Figure:
    """In the place of `Preview.figure`, which takes half a second of each training."""
    return Figure(figsize=(1, 1))


def killed_after(epochs: int, *, last: bool = False) -> None:
    """From now on this process' trainings kill it in the first batch after so many epochs, of the
    `last` fit or of the first. One that ends draws a sketch of a map and empty previews, as those
    of `conftest`."""

    def kill(callback: TrainingCallback, batch: int, logs: object = None) -> None:
        if len(callback.history.train) == epochs and last == (callback._folder.name == LAST):
            os.kill(os.getpid(), signal.SIGKILL)

    learned.ROUNDS = 0
    Preview.figure = empty_figure  # type: ignore[method-assign, assignment]
    TrainingCallback.on_train_batch_begin = kill
