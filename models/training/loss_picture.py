"""The losses of a training as a picture; one bad epoch does not spoil its scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latentpad.models import figures

if TYPE_CHECKING:
    from latentpad.models.training.callbacks import TrainingHistory

ROOM = 2.5  # medians: a loss above is an outlier, or of the first few epochs


def limits(history: TrainingHistory) -> tuple[float, float]:
    """The lowest and highest loss (dB) of the picture."""
    values = np.array([*history.train, *history.validation], np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(min(values.max(), ROOM * np.median(values)))
    margin = 0.05 * max(high - low, 0.1)
    return low - margin, high + margin


def picture(history: TrainingHistory, unseen: bool = True) -> bytes:
    """A PNG of both losses over the epochs. Its title counts the values above the `limits`.

    `unseen`: whether the second loss is of held-out sounds, or else of the sounds trained on.
    """
    from matplotlib.ticker import MaxNLocator

    figure = figures.blank(7, 3)
    axes = figure.subplots()
    low, high = limits(history)
    label = "held out" if unseen else "learned from, as they are"
    curves = {"learned from, varied": history.train, label: history.validation}
    for name, losses in curves.items():
        axes.plot(losses, label=name)
    beyond = [loss for losses in curves.values() for loss in losses if not loss <= high]
    if beyond:
        axes.set_title(_beyond_text(beyond), fontsize=8, loc="left")
    axes.axvline(history.best_epoch, color="grey", linewidth=0.8, label="weights kept")
    axes.set(xlabel="epoch", ylabel="loss (dB)", ylim=(low, high))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figures.png(figure)


def _beyond_text(beyond: list[float]) -> str:
    finite = [loss for loss in beyond if np.isfinite(loss)]
    highest = f", up to {max(finite):.0f} dB" if finite else ""
    return f"{len(beyond)} value{'s' * (len(beyond) > 1)} above the picture{highest}"
