"""Pictures of sounds tell what they show."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from latentpad.models import figures
from latentpad.models.representation import Representation

R = Representation(sample_rate=16000, n_fft=256, hop=128, frames=60, range_db=70.0)
LOUD, SOFT = (np.full((R.frames, R.bins), level, np.float32) for level in (-10.0, -60.0))


def test_a_row_of_spectrograms_has_its_name_and_every_scale_its_unit() -> None:
    rows = ("recording", [LOUD, SOFT]), ("epoch 3", [SOFT, SOFT])
    made = figures.spectrograms(rows, ("gravel 1", "tile 2"), R, "a title")
    *pictures, scale = made.axes
    assert [axes.get_title() for axes in pictures] == ["gravel 1", "tile 2", "", ""]
    assert [axes.get_ylabel() for axes in pictures[::2]] == ["recording\nkHz", "epoch 3\nkHz"]
    assert [axes.get_xlabel() for axes in pictures[2:]] == ["s", "s"]
    assert scale.get_ylabel().startswith("dB") and scale.get_ylim() == (-70, 0)
    assert made.get_suptitle() == "a title"
    for axes in pictures:
        (image,) = axes.images
        assert image.get_extent() == [0, R.seconds, 0, 8]
        assert image.get_clim() == (-70, 0)
    assert np.asarray(pictures[0].images[0].get_array()).min() == pytest.approx(-10)


@pytest.mark.parametrize("name", ["a $\\frac$ b $x", "足音", "two\nlines", "\udcff"])
def test_any_name_may_stand_over_a_sound_and_nothing_is_said_of_it(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = figures.spectrograms([("recording", [LOUD])], [name], R)
        assert figures.png(made).startswith(b"\x89PNG")
