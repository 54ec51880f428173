from __future__ import annotations

import time

import pytest

from engine.board import Board, Shape
from engine.instrument import Instrument


@pytest.fixture
def instrument() -> Instrument:
    return Instrument(
        Board(Shape(frames=8, bins=9, samples=256, sample_rate=48000)),
        latent_dim=4,
        place=lambda k: ((0.5, 0.5), (0.0,) * 4),
        planes=("raw", "principal", "map"),
        clock=time.monotonic,
    )
