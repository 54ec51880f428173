"""What a page can show that a table cannot: where on the plane sounds are new, one way's sounds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from latentpad.engine.expanders import Expander, nearest_anchor
from latentpad.engine.plane import Float64, Plane
from latentpad.evaluation.comparison import BATCH, Decode
from latentpad.evaluation.motion import expanded
from latentpad.evaluation.paths import Paths
from latentpad.models.metrics import similarity
from latentpad.models.representation import Floats

GRID = 24  # points across the pad


class ExpanderExample(NamedTuple):
    """One expander on one plane, to look at and to listen to."""

    errors_db: Float64  # (GRID, GRID) y, x: MAE between a point's sound and its nearest anchor's
    way: Floats  # (Q, frames, bins) dB along the first way


def decode_examples(
    expander: Expander, plane: Plane, latents: Floats, paths: Paths, decode: Decode
) -> ExpanderExample:
    """Decode all over the pad, and along the first of `paths`."""
    across = (np.arange(GRID) + 0.5) / GRID
    pad = np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2)
    points = plane.from_pad(pad)
    anchors = nearest_anchor(points, plane)
    found = expander.expand(points)
    errors: list[float] = []
    for start in range(0, len(points), BATCH):
        part = slice(start, start + BATCH)
        pairs = zip(decode(latents[anchors[part]]), decode(found[part]), strict=True)
        errors += [similarity.mae_db(*pair) for pair in pairs]
    first = Paths(paths.first[:1], paths.last[:1], paths.share)
    way = decode(expanded(expander, first.points(plane))[0])
    return ExpanderExample(np.array(errors).reshape(GRID, GRID), way)
