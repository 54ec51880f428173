"""The factory's drones hold their level. All places: `python -m latentpad.benchmarks.evenness`."""

from __future__ import annotations

import numpy as np
import pytest

from latentpad.benchmarks.evenness import drones, former, held, measure, places
from latentpad.benchmarks.signals import noise
from latentpad.models.packs import pack as packs

RATE = 48000
SECONDS = 3.0


@pytest.mark.parametrize("pack", ["footsteps", "oneshots"])
@pytest.mark.parametrize("name", ["drone", "haze", "wind", "a plain loop"])
def test_a_drone_holds_its_level_and_has_no_period(name: str, pack: str) -> None:
    values, played = drones()[name], packs.load(packs.find(pack))
    for x, y in places(3)[1:].tolist():
        measured = measure(held(played, values, x, y, SECONDS), RATE)
        assert measured.swing < 6 and measured.heard < 0.3, (x, y)


def test_without_evening_a_short_sound_is_a_stutter() -> None:
    pack, (x, y) = packs.load(packs.find("footsteps")), places(3)[2].tolist()
    stutter = measure(held(pack, former(drones()["a plain loop"]), x, y, SECONDS), RATE)
    assert stutter.swing > 10 and stutter.period > 0.9 and stutter.heard > 0.9


def test_a_period_that_is_heard_is_found_and_one_that_is_not_is_none() -> None:
    time = np.arange(5 * RATE) / RATE
    steady = np.random.default_rng(0).normal(size=len(time))
    for depth, heard in ((0.5, True), (0.02, False)):
        swelling = steady * (1 + depth * np.sin(2 * np.pi * 2.5 * time))
        assert (measure(swelling, RATE).heard > 0.3) == heard


def test_a_spectrum_that_comes_again_is_found_in_the_timbre() -> None:
    sound = noise()[: RATE // 2].astype(np.float64)
    sound[: RATE // 4] = np.cumsum(sound[: RATE // 4]) / 50
    assert measure(np.tile(sound, 8), RATE).timbre > 0.9
