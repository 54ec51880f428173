"""The paper's two tables for one pack.

Source: Cámara & Blanco, "Acercando los autocodificadores variacionales al gran público", tables
1 (reconstruction and neighbourhoods) and 2 (moving between sounds).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from latentpad.engine.expanders import Expander
from latentpad.engine.parameters import ROW
from latentpad.engine.plane import Float64, Plane
from latentpad.evaluation.comparison import Decode, magnitudes
from latentpad.evaluation.motion import MotionFigures, expanded, measure_motion
from latentpad.evaluation.paths import Indices, Paths, around
from latentpad.evaluation.scoring import Figures, Reference
from latentpad.models.metrics import similarity
from latentpad.models.representation import Floats

#: (N, figures) of (N, D) latents, each decoded and compared with its reference.
Compare = Callable[[Sequence[Reference], Floats], Float64]

COLUMN = {name: k for k, name in enumerate(Figures._fields)}
#: Figures that the tables show: name, heading, digits.
SHOWN = (("mae_db", "MAE dB", 2), ("odg", "PEAQ", 2), ("visqol", "ViSQOL", 2))
#: Margins of non-inferiority; the sign is that of a worse figure.
MARGINS = {"mae_db": 0.05, "odg": -0.05, "visqol": -0.02}
ALPHA = 0.05
#: The expander that the instrument begins with.
DEFAULT = str(ROW["/expander"].show(ROW["/expander"].default)[0])


@dataclass(frozen=True)
class ExpanderRow:
    """One expander on one plane: a row of table 2 and further figures."""

    plane: str
    expander: str
    figures: Float64  # (P, Q, figures) against the decoded anchor that is nearer along the path
    farther_db: Float64  # (P, Q) MAE against the other one
    beside_db: Float64  # (P, Q) MAE against the straight line between the latents
    moving: MotionFigures
    fit_seconds: float


class NonInferiority(NamedTuple):
    """The test whether a row is no worse than another, at one stop and by one figure."""

    figure: str
    stop: int
    behind: float  # mean, positive where it is worse
    p: float  # one-sided Wilcoxon signed-rank test of being behind by the margin or more

    @property
    def no_worse(self) -> bool:
        return self.p < ALPHA


def table1(
    latents: Floats,
    anchors: Indices,
    known: Mapping[int, Reference],
    snr: float,
    draws: int,
    seed: int,
    compare: Compare,
) -> Float64:
    """(n, K, figures): K Gaussian neighbours of each of (n,) anchors against its reference in
    `known`. K is `draws`, or 1 if the SNR is infinite. `latents` (L, D) are those of all
    anchors."""
    near = around(latents[anchors], snr, draws, seed)
    row_references = [known[i] for i in anchors for _ in range(near.shape[1])]
    return compare(row_references, _flat(near)).reshape(*near.shape[:2], -1)


def row(
    name: str,
    expander: Expander,
    plane: Plane,
    latents: Floats,
    paths: Paths,
    finer: Paths,
    known: Mapping[int, Reference],
    fit_seconds: float,
    *,
    compare: Compare,
    decode: Decode,
    shown: Callable[[float, float], None] = lambda done, of: None,
) -> ExpanderRow:
    """Compare an expander, called `name`, along `paths` on a plane.

    At half of a path the nearer anchor is the first one. `finer` are the paths whose steps are
    measured; `shown` is called with the numbers of them done and in all. `known` are the decoded
    anchors.
    """
    stops = expanded(expander, paths.points(plane))
    later = np.broadcast_to(paths.share > 0.5, stops.shape[:2])
    first, last = (np.broadcast_to(e[:, None], later.shape) for e in (paths.first, paths.last))
    nearer, farther = np.where(later, last, first), np.where(later, first, last)
    return ExpanderRow(
        plane=plane.name,
        expander=name,
        figures=compare([known[i] for i in nearer.flat], _flat(stops)).reshape(*later.shape, -1),
        farther_db=magnitudes([known[i] for i in farther.flat], _flat(stops), decode).reshape(
            later.shape
        ),
        beside_db=np.array(
            [
                [similarity.mae_db(*pair) for pair in zip(decode(one), decode(other), strict=True)]
                for one, other in zip(paths.lines(latents), stops, strict=True)
            ]
        ),
        moving=measure_motion(expander, plane, latents, paths, finer, decode, shown),
        fit_seconds=fit_seconds,
    )


def played(rows: Sequence[ExpanderRow], default_plane: str) -> ExpanderRow:
    """Of some rows, of which there is at least one, the one as which a pack is played: its default
    plane and the default expander, or the first plane or expander that was compared."""
    on_plane = [row for row in rows if row.plane == default_plane] or [
        row for row in rows if row.plane == rows[0].plane
    ]
    return next((row for row in on_plane if row.expander == DEFAULT), on_plane[0])


def no_worse(row: ExpanderRow, than: ExpanderRow) -> list[NonInferiority]:
    """Test `row` against `than` at every stop between the ends, by every figure of `MARGINS`."""
    from scipy.stats import wilcoxon

    results = []
    for figure, margin in MARGINS.items():
        for stop in range(1, row.figures.shape[1] - 1):
            behind = (row.figures - than.figures)[:, stop, COLUMN[figure]] * np.sign(margin)
            test = wilcoxon(behind - abs(margin), alternative="less")
            results.append(NonInferiority(figure, stop, float(behind.mean()), float(test.pvalue)))
    return results


def scale(name: str, values: Float64) -> Float64:
    """A figure on the scale of the report: PEAQ's on the paper's 1...5."""
    return similarity.grade(values) if name == "odg" else values


def _flat(stops: Floats) -> Floats:
    return np.ascontiguousarray(stops.reshape(-1, stops.shape[2]), np.float32)
