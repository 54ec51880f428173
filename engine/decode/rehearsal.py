"""Compiles the expanders' kernels, so that no gesture waits for them."""

from __future__ import annotations

import numpy as np

from latentpad.engine.board import Board, BoardShape
from latentpad.engine.decode.pointing import Pointing
from latentpad.engine.expanders import NAMES, fit
from latentpad.engine.expanders.spline import GLOBAL_SITES
from latentpad.engine.plane import Plane
from latentpad.models.packs.pack import Pack


def rehearse_expanders() -> None:
    """Fit every expander and expand a point on every kind of plane: two anchors, which are
    collinear, a few, and too many for a global spline."""
    for count in (2, 8, GLOBAL_SITES + 1):
        latents = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
        for name in NAMES:
            plane = Plane.raw(latents)
            fit(name, plane).anchor_weights(plane.known[:1])


def rehearse_pointing(pack: Pack) -> None:
    """Run everything that the decoding process runs for a point, on a separate board."""
    rehearse_expanders()
    board = Board(BoardShape(1, 1, 1, pack.representation.sample_rate))
    Pointing(pack, board).aim(0, 0.0)
