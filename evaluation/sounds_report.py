"""Table 3, how a pack sounds, as Markdown and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from latentpad.evaluation.choice import step_db
from latentpad.evaluation.held import SECONDS
from latentpad.evaluation.how_it_sounds import NEIGHBOURS, HeldRow, SoundRow, SoundTable
from latentpad.evaluation.markdown import tabled
from latentpad.evaluation.motion import COARSE, STEPS
from latentpad.evaluation.tables import played

if TYPE_CHECKING:
    from latentpad.evaluation.run import Evaluation

ABOUT = (
    "Decoded sounds as a voice plays them with the default phase, analysed again, beside the "
    "recordings. Grain is the fine structure in time and frequency: its dB, and the ratio to the "
    "recordings. Contrast is how far partials stand above the rest: the median dB, and the ratio "
    "to the recordings over the tonal sounds, whose number is beside it. ViSQOL is against the "
    "recording, MAE that of the decoded magnitudes."
)
BETWEEN = (
    "Between anchors means half way on the plane from an anchor to one of the "
    f"{NEIGHBOURS} nearest. There is no recording there: grain is compared with the mean of the "
    "recordings of both, and ViSQOL and MAE are of anchors only. With `/grain` 1 the voices add "
    "what the model misses of the recordings near the point, where they are at hand. The other "
    "rows are what the model makes, the default."
)
UNKNOWN = "–"


def sounds_tables(e: Evaluation) -> list[str]:
    """The table, held points and the parts of the pad, as Markdown."""
    table, row = e.heard, played(e.rows, e.heard.plane)
    where = f"`{row.plane}` with `{row.expander}`"
    rows = [_line(each) for each in table.rows]
    heads = ["heard", "grain", "grain dB", "contrast dB", "contrast (tonal)", "ViSQOL", "MAE dB"]
    return [
        ABOUT,
        BETWEEN,
        *table.missing,
        tabled(heads, rows),
        *_held_places(e.heard, where),
        f"Of the pad on {where}, {100 * row.moving.repeats:.1f} % only repeats an anchor and "
        f"{100 * row.moving.dead:.1f} % is dead: from there no step of a controller of "
        f"{COARSE + 1} steps changes the sound. The largest step of the sound in {STEPS} steps of "
        f"a path is {step_db(row):.2f} dB (median).",
    ]


def json_text(e: Evaluation) -> str:
    """The table as JSON; null where a figure is not measured."""
    table, row = e.heard, played(e.rows, e.heard.plane)
    tree = {
        "pack": e.pack.name,
        "plane": table.plane,
        "expander": table.expander,
        "rows": [each._asdict() for each in table.rows],
        "held": [
            {"name": each.name, "places": [place._asdict() for place in each.places]}
            for each in table.held
        ],
        "repeats": row.moving.repeats,
        "dead": row.moving.dead,
        "largest_step_db": step_db(row),
        "missing": table.missing,
    }
    return json.dumps(_known(tree), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _line(row: SoundRow) -> list[str]:
    count = f"{row.sounds}" if row.sounds == row.of else f"{row.sounds} of {row.of}"
    return [
        f"{row.name} ({count})",
        _figure(row.grain),
        _figure(row.fine_db),
        _figure(row.contrast_db, 1),
        UNKNOWN if np.isnan(row.contrast) else f"{row.contrast:.2f} ({row.tonal})",
        _figure(row.visqol),
        _figure(row.mae_db),
    ]


def _held_places(table: SoundTable, where: str) -> list[str]:
    """How even held points are; nothing if none was held."""
    if not table.held:
        return []
    return [
        f"Points on {where} held for {SECONDS:g} s in loop mode: the largest distance of the level "
        "from its mean, and how periodic the level is (its highest autocorrelation at lags of 0.05 "
        "to 1 s). Median over the places, and the largest:",
        tabled(["held", "places", "swing dB", "period"], [_held(each) for each in table.held]),
    ]


def _held(row: HeldRow) -> list[str]:
    swings, periods = np.array(row.places).T
    return [
        row.name,
        f"{len(row.places)}",
        f"{np.median(swings):.1f} ({swings.max():.1f})",
        f"{np.median(periods):.2f} ({periods.max():.2f})",
    ]


def _figure(value: float, digits: int = 2) -> str:
    return UNKNOWN if np.isnan(value) else f"{value:.{digits}f}"


def _known(tree: Any) -> Any:
    """The tree with None for NaN, rounded to six digits."""
    if isinstance(tree, dict):
        return {key: _known(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_known(value) for value in tree]
    if isinstance(tree, float):
        return None if np.isnan(tree) else float(f"{tree:.6g}")
    return tree
