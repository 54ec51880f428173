"""The losses of a training as a picture that one bad epoch does not spoil."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latentpad.models import figures

if TYPE_CHECKING:
    from latentpad.models.training.callbacks import TrainingHistory

ROOM = 2.5  # medians: a loss beyond is an accident, or of the first few epochs


def limits(history: TrainingHistory) -> tuple[float, float]:
    """The losses in dB between which is drawn."""
    values = np.array([*history.train, *history.validation], np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(min(values.max(), ROOM * np.median(values)))
    room = 0.05 * max(high - low, 0.1)
    return low - room, high + room


def picture(history: TrainingHistory, unseen: bool = True) -> bytes:
    """A PNG of both losses over the epochs; how much lies beyond the `limits` is told above.

    `unseen`: the second one is of sounds that were held out, else of those learned from.
    """
    from matplotlib.ticker import MaxNLocator

    figure = figures.blank(7, 3)
    axes = figure.subplots()
    low, high = limits(history)
    judged = "held out" if unseen else "learned from, as they are"
    curves = {"learned from, varied": history.train, judged: history.validation}
    for name, losses in curves.items():
        axes.plot(losses, label=name)
    beyond = [loss for losses in curves.values() for loss in losses if not loss <= high]
    if beyond:
        axes.set_title(_told(beyond), fontsize=8, loc="left")
    axes.axvline(history.best_epoch, color="grey", linewidth=0.8, label="weights kept")
    axes.set(xlabel="epoch", ylabel="loss (dB)", ylim=(low, high))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figures.png(figure)


def _told(beyond: list[float]) -> str:
    finite = [loss for loss in beyond if np.isfinite(loss)]
    most = f", up to {max(finite):.0f} dB" if finite else ""
    return f"{len(beyond)} value{'s' * (len(beyond) > 1)} above the picture{most}"
