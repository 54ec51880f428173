"""Data for the HTML page: how new the sounds of a plane are, and the sounds of one path."""

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
    """One expander on one plane, for the page's pictures and sounds."""

    errors_db: Float64  # (GRID, GRID) y, x: MAE between a point's sound and its nearest anchor's
    path: Floats  # (Q, frames, columns) decoded along the first path


def decode_examples(
    expander: Expander,
    plane: Plane,
    latents: Floats,
    paths: Paths,
    spectra: Decode,
    decode: Decode,
) -> ExpanderExample:
    """Decode a grid of points of the pad, and the stops of the first of `paths`: by `spectra` to
    dB, by `decode` to all that is heard."""
    grid = (np.arange(GRID) + 0.5) / GRID
    pad = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    points = plane.from_pad(pad)
    anchors = nearest_anchor(points, plane)
    expanded_latents = expander.expand(points)
    errors: list[float] = []
    for start in range(0, len(points), BATCH):
        part = slice(start, start + BATCH)
        pairs = zip(spectra(latents[anchors[part]]), spectra(expanded_latents[part]), strict=True)
        errors += [similarity.mae_db(*pair) for pair in pairs]
    first = Paths(paths.first[:1], paths.last[:1], paths.share)
    path = decode(expanded(expander, first.points(plane))[0])
    return ExpanderExample(np.array(errors).reshape(GRID, GRID), path)
