"""A board for the shipped pack."""

from __future__ import annotations

import pytest

from latentpad.engine.board import Board, BoardShape
from latentpad.models.packs.pack import Pack


@pytest.fixture
def board(footsteps: Pack) -> Board:
    r = footsteps.representation
    return Board(BoardShape(r.frames, r.bins, r.samples, r.sample_rate))
