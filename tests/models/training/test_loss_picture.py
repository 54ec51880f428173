"""The picture of a training's losses stays readable whatever one epoch did."""

from __future__ import annotations

import math

import pytest

from latentpad.models.training.callbacks import TrainingHistory
from latentpad.models.training.loss_picture import limits, picture

FALLING = [8 + 17 / (1 + k) for k in range(200)]


def test_one_bad_epoch_does_not_flatten_the_others() -> None:
    spiked = [*FALLING]
    spiked[33] = 790.0
    low, high = limits(TrainingHistory(FALLING, spiked, best_epoch=176))
    assert low < min(FALLING) and 15 < high < 30
    assert picture(TrainingHistory(FALLING, spiked, best_epoch=176)).startswith(b"\x89PNG")


def test_losses_without_an_accident_are_drawn_whole() -> None:
    even = [12.0, 11.0, 10.5, 10.0, 9.8]
    low, high = limits(TrainingHistory(even, [value + 1 for value in even]))
    assert low < 9.8 and high > 13.0


@pytest.mark.parametrize("losses", [[math.nan, 9.0, 8.0], [math.inf, math.nan], [], [7.0]], ids=str)
def test_whatever_came_of_it_there_is_a_picture(losses: list[float]) -> None:
    low, high = limits(TrainingHistory(losses, losses))
    assert math.isfinite(low) and low < high < math.inf
    assert picture(TrainingHistory(losses, losses), unseen=False).startswith(b"\x89PNG")
