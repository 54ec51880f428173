"""Which expander to choose, by one rule for any pack, and which is best by each measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from latentpad.evaluation.motion import COARSE
from latentpad.evaluation.tables import COLUMN, MARGINS, SHOWN, ExpanderRow, scale

EXACT_DB = MARGINS["mae_db"]  # MAE at both ends: below it the recorded sounds are met
EQUAL = 0.1  # of the smallest step: steps that differ by less count as equal
GLIDES = 0.5  # of the plane's largest step: an expander with smaller steps does not jump
MORE = 0.1  # of the recorded sounds: `surest` must meet so many more to be named

RULE = (
    f"The rule: of those that meet the recorded sounds (MAE at both ends under {EXACT_DB} dB) the "
    "most even, by the median over the paths of the sound's largest step; where steps differ by "
    f"less than {100 * EQUAL:g} %, the one with the smaller MAE between the ends."
)


class Best(NamedTuple):
    """The best expanders by one measure, and how the chosen one does."""

    measure: str
    names: tuple[str, ...]
    figure: str
    chosen: str


class Choice(NamedTuple):
    """What to play a plane with."""

    chosen: ExpanderRow
    exact: tuple[ExpanderRow, ...]  # all that meet the recorded sounds
    even: tuple[ExpanderRow, ...]  # the most even of these, with `chosen`; empty if none is exact
    surest: ExpanderRow | None  # also glides, and a coarse controller meets more sounds with it
    bests: tuple[Best, ...]


def ends_db(row: ExpanderRow) -> float:
    """Mean MAE at the ends of the paths, in dB: 0 if the recorded sounds are met."""
    return float(row.figures[:, [0, -1], COLUMN["mae_db"]].mean())


def between(row: ExpanderRow, figure: str) -> float:
    """Mean of a figure over the stops between the ends, on the scale of the report."""
    return float(scale(figure, row.figures[:, 1:-1, COLUMN[figure]]).mean())


def step_db(row: ExpanderRow) -> float:
    """Median over the paths of the largest step of the sound, in dB."""
    return float(np.median(row.moving.steps_db))


def _moved_db(row: ExpanderRow) -> float:
    """`step_db`, or infinity if the sound never changes with the finger."""
    return step_db(row) if row.moving.leaps.max() > 0 else np.inf


def _db(value: float) -> str:
    return f"{value:.2f} dB" if np.isfinite(value) else "never moves"


def _grade(value: float) -> str:
    return f"{value:.2f}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


#: Name of the measure, its value, its format, and 1 if more is better, else -1.
MEASURES: tuple[tuple[str, Callable[[ExpanderRow], float], Callable[[float], str], int], ...] = (
    *(
        (
            f"{heading.removesuffix(' dB')} between the sounds",
            partial(between, figure=name),
            _db if name == "mae_db" else _grade,
            int(-np.sign(MARGINS[name])),
        )
        for name, heading, _ in SHOWN
    ),
    ("largest step of the sound", _moved_db, _db, -1),
    ("sounds a finger meets", lambda row: row.moving.reach, _percent, 1),
    (f"... that {COARSE + 1} steps meet", lambda row: row.moving.coarse, _percent, 1),
)


def choose(rows: Sequence[ExpanderRow]) -> Choice:
    """The choice among the rows of one plane, of which there is at least one."""
    exact = tuple(row for row in rows if ends_db(row) < EXACT_DB)
    even: tuple[ExpanderRow, ...] = ()
    if exact:
        least = min(map(step_db, exact))
        even = tuple(row for row in exact if step_db(row) <= (1 + EQUAL) * least)
        chosen = min(even, key=lambda row: between(row, "mae_db"))
    else:
        chosen = min(rows, key=ends_db)
    jump = max(map(step_db, rows))
    gliding = [row for row in exact if step_db(row) < GLIDES * jump]
    surest = max(gliding, key=lambda row: row.moving.coarse, default=chosen)
    sure = surest.moving.coarse >= chosen.moving.coarse + MORE
    return Choice(chosen, exact, even, surest if sure else None, _bests(rows, chosen))


def _bests(rows: Sequence[ExpanderRow], chosen: ExpanderRow) -> tuple[Best, ...]:
    bests = []
    for measure, value, show, sign in MEASURES:
        values = [sign * value(row) for row in rows]
        if np.isnan(values).any():  # not measured
            continue
        best = show(sign * max(values))
        names = tuple(row.expander for row in rows if show(value(row)) == best)
        bests.append(Best(measure, names, best, show(value(chosen))))
    return tuple(bests)
