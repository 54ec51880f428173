"""ViSQOL of the ten pairs that PEAQ was published for, against figures written down once.

tests/reference/visqol.json has what visqol-python 3.8.0 says of them in audio mode, each as it is:
without silence before it, from its samples of 16 bits, of two channels their mean. On the pairs
that Google's own program is tested with, it is within 2e-4 of that.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from latentpad.models.metrics import similarity
from latentpad.models.representation import Floats, Representation
from tests.models.metrics.peaq.pairs import RATE, from_16_bits, pairs

Pair = tuple[Floats, Floats]
WRITTEN: dict[str, float] = json.loads(
    (Path(__file__).parents[1] / "reference" / "visqol.json").read_text()
)
AS_THEY_ARE = Representation(sample_rate=RATE)


@pytest.fixture(scope="module")
def sounds() -> dict[str, Pair]:
    def mono(samples: NDArray[np.int16]) -> Floats:
        sound = from_16_bits(samples)  # both it and a mean of two fit a float32
        return np.asarray(sound if sound.ndim == 1 else sound.mean(axis=1), np.float32)

    return {name: (mono(one), mono(other)) for name, (one, other) in pairs().items()}


def test_every_pair_has_its_figure(sounds: dict[str, Pair]) -> None:
    assert sounds.keys() == WRITTEN.keys()


@pytest.mark.parametrize("pair", WRITTEN)
def test_a_pair_has_the_figure_that_is_written_down(sounds: dict[str, Pair], pair: str) -> None:
    result = similarity.visqol(*sounds[pair], AS_THEY_ARE, whole=False)
    assert result == pytest.approx(WRITTEN[pair], rel=0, abs=1e-6)
