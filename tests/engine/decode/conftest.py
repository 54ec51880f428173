"""A board for the shipped pack."""

from __future__ import annotations

import pytest

from latentpad.engine.board import Board, BoardShape
from latentpad.engine.pack_order import sound_shape
from latentpad.engine.sound_memory import SoundMemory
from latentpad.models.packs.pack import Pack


@pytest.fixture
def board(footsteps: Pack) -> Board:
    r = footsteps.representation
    shape = BoardShape(r.frames, r.bins, r.samples, r.sample_rate)
    return Board(shape, sound_memory=SoundMemory(sound_shape(r)))
