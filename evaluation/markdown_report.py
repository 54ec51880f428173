"""An evaluation as Markdown tables, and as CSV for further calculation."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np

from latentpad.engine.plane import Float64
from latentpad.evaluation.advice import advice
from latentpad.evaluation.choice import between, ends_db, step_db
from latentpad.evaluation.markdown import plain, tabled
from latentpad.evaluation.motion import STEPS
from latentpad.evaluation.run import Evaluation
from latentpad.evaluation.scoring import Figures
from latentpad.evaluation.sounds_report import sounds_tables
from latentpad.evaluation.tables import (
    COLUMN,
    DEFAULT,
    MARGINS,
    SHOWN,
    ExpanderRow,
    no_worse,
    scale,
)

MORE = ("farther_mae_db", "line_mae_db", "astray", "largest_step_db")

#: Cámara & Blanco, tables 1 and 2. PEAQ of table 1 fits no known scale.
PAPER_1 = {
    "mae_db": ("9.3 ± 1.3", "9.3", "9.6", "11.6", "15.8", "22.1 ± 6.4"),
    "odg": ("1.4 ± 0.3", "1.4", "1.4", "1.4", "1.2", "1.0 ± 0.5"),
    "visqol": ("4.3 ± 0.1", "4.3", "4.3", "4.2", "4.0", "3.9 ± 0.2"),
}
PAPER_2 = {
    "nearest": {
        "mae_db": "0 · 4.1 · 4.5 · 4.0 · 0",
        "odg": "5.0 · 4.0 · 4.3 · 4.5 · 5.0",
        "visqol": "4.7 · 4.5 · 4.5 · 4.5 · 4.7",
    },
    "mean": {
        "mae_db": "7.4 · 6.8 · 6.8 · 6.8 · 7.1",
        "odg": "3.5 · 3.3 · 3.9 · 4.1 · 4.3",
        "visqol": "4.2 · 4.3 · 4.3 · 4.3 · 4.2",
    },
    "multilateration": {
        "mae_db": "10 · 9.5 · 9.3 · 9.5 · 9.9",
        "odg": "3.9 · 3.1 · 3.7 · 4.0 · 4.2",
        "visqol": "4.0 · 4.0 · 4.1 · 4.0 · 4.0",
    },
}

#: Measures of the comparison of planes: heading, and the cell of an expander on a plane.
ACROSS: tuple[tuple[str, Callable[[ExpanderRow], str]], ...] = (
    ("MAE dB at the two ends", lambda row: f"{ends_db(row):.2f}"),
    ("MAE dB between them", lambda row: f"{between(row, 'mae_db'):.2f}"),
    ("largest step dB, median", lambda row: f"{step_db(row):.2f}"),
    (
        "sounds reached, and by 7 bits",
        lambda row: f"{100 * row.moving.reach:.0f}, {100 * row.moving.coarse:.0f} %",
    ),
    ("fit s", lambda row: f"{row.fit_seconds:.2f}"),
)


def markdown(e: Evaluation) -> str:
    """The evaluation as tables."""
    parts = [
        f"# {plain(e.pack.title)}: the expanders compared",
        *advice(e),
        "## What was compared",
        _head(e),
        "## Table 1: reconstruction and neighbourhoods",
        _neighbourhoods(e),
        "## Table 2: moving between sounds",
        _about_table2(e),
    ]
    for plane in dict.fromkeys(row.plane for row in e.rows):
        rows = [row for row in e.rows if row.plane == plane]
        parts += [f"### {plane}", *_moving(rows), _motion_table(rows), *_verdicts(rows)]
    parts += [*_across(e.rows), "### The paper", _paper()]
    parts += ["## Table 3: how it sounds", *sounds_tables(e)]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(e: Evaluation) -> str:
    """All comparisons of table 2 as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    ids = e.pack.anchors.ids
    writer.writerow(("plane", "expander", "pair", "first", "last", "q", *Figures._fields, *MORE))
    for row in e.rows:
        for p, stops in enumerate(row.figures):
            step = row.moving.steps_db[p] if p < len(row.moving.steps_db) else np.nan
            for q, figures in enumerate(stops):
                more = row.farther_db[p, q], row.beside_db[p, q], row.moving.astray[p, q], step
                writer.writerow(
                    [row.plane, row.expander, p, ids[e.paths.first[p]], ids[e.paths.last[p]], q]
                    + [f"{value:.5g}" for value in (*figures, *more)]
                )
    return text.getvalue()


def _head(e: Evaluation) -> str:
    s = e.settings
    measures = (
        "ViSQOL in audio mode and PEAQ basic (as min(5, ODG + 5), of sounds repeated to 3 s) of "
        "what a voice plays with the default phase"
        if s.perceptual
        else "magnitudes only"
    )
    return (
        f"{s.pairs} pairs of {_which(e)}, "
        f"{s.stops} stops on each path, seed {s.seed}; {measures}. MAE over the frames of the "
        f"reference's content. Mean ± half its 95 % interval."
    )


def _which(e: Evaluation) -> str:
    if e.sounds == len(e.pack.anchors):
        return f"all {e.sounds} sounds"
    return f"{e.sounds} sounds that the weights were not learned from"


def _neighbourhoods(e: Evaluation) -> str:
    against = "the recordings" if e.recordings else "the sounds as the model decodes them"
    sentence = (
        f"Neighbours z + v of {e.sounds} sounds, {e.settings.draws} of each, against {against}."
    )
    names = ["∞" if np.isinf(snr) else f"{snr:g}" for snr in e.neighbourhoods]
    rows = []
    for name, heading, digits in _shown(e):
        cells = [
            interval(scale(name, figures[..., COLUMN[name]]).mean(axis=1), digits)
            for figures in e.neighbourhoods.values()
        ]
        rows += [[heading, *cells], ["the paper", *PAPER_1[name]]]
    return f"{sentence}\n\n{tabled(['SNR', *names], rows)}"


def _moving(rows: list[ExpanderRow]) -> list[str]:
    """A table for each figure, with a column for each stop."""
    parts = []
    for name, heading, digits in SHOWN:
        if np.isnan(rows[0].figures[..., COLUMN[name]]).all():
            continue
        cells = [
            [interval(stop, digits) for stop in scale(name, row.figures[..., COLUMN[name]]).T]
            for row in rows
        ]
        parts.append(_by_stop(heading, rows, cells))
    for heading, of in (
        ("MAE dB to the farther sound", lambda row: row.farther_db),
        ("MAE dB to the line in all dimensions", lambda row: row.beside_db),
    ):
        cells = [[f"{value:.2f}" for value in of(row).mean(axis=0)] for row in rows]
        parts.append(_by_stop(heading, rows, cells))
    return parts


def _by_stop(heading: str, rows: list[ExpanderRow], cells: list[list[str]]) -> str:
    stops = [f"q = {q}" for q in range(len(cells[0]))]
    lines = [[row.expander, *line] for row, line in zip(rows, cells, strict=True)]
    return tabled([heading, *stops], lines)


def _motion_table(rows: list[ExpanderRow]) -> str:
    valid = [row.figures[..., COLUMN["peaq_valid"]] for row in rows]
    has_peaq = not np.isnan(valid[0]).any()
    heads = [
        "expander", *["PEAQ valid"] * has_peaq, "largest step dB: median (95 %)",
        "distance to the data", "reached", "by 7 bits", "repeats", "dead", "fit s", "µs a point",
    ]  # fmt: skip
    lines = []
    for row, share in zip(rows, valid, strict=True):
        m = row.moving
        lines.append(
            [
                row.expander,
                *[f"{100 * share.mean():.1f} %"] * has_peaq,
                f"{step_db(row):.2f} ({np.percentile(m.steps_db, 95):.2f})",
                f"{m.astray.mean():.3f}",
                f"{100 * m.reach:.0f} %",
                f"{100 * m.coarse:.0f} %",
                f"{100 * m.repeats:.0f} %",
                f"{100 * m.dead:.0f} %",
                f"{row.fit_seconds:.2f}",
                f"{m.microseconds:.0f}",
            ]
        )
    return tabled(heads, lines)


def _across(rows: list[ExpanderRow]) -> list[str]:
    """Every expander on every plane, one table for each of a few figures."""
    planes = list(dict.fromkeys(row.plane for row in rows))
    if len(planes) < 2:
        return []
    of = {(row.expander, row.plane): row for row in rows}
    parts = ["### Across the planes"]
    for heading, cell in ACROSS:
        lines = [
            [name, *(cell(of[name, plane]) for plane in planes)]
            for name in dict.fromkeys(row.expander for row in rows)
        ]
        parts.append(tabled([heading, *planes], lines))
    return parts


def _verdicts(rows: list[ExpanderRow]) -> list[str]:
    """Whether the default expander is no worse than `nearest`, if both were compared."""
    by_name = {row.expander: row for row in rows}
    if not {DEFAULT, "nearest"} <= set(by_name) or len(by_name[DEFAULT].figures) < 10:
        return []
    lines = []
    for verdict in no_worse(by_name[DEFAULT], by_name["nearest"]):
        if np.isnan(verdict.p):
            continue
        word = "no worse" if verdict.no_worse else "not shown to be no worse"
        lines.append(
            f"- {verdict.figure}, q = {verdict.stop}: {word} (behind by {verdict.behind:.3f}, "
            f"p = {verdict.p:.2g}, margin {abs(MARGINS[verdict.figure])})"
        )
    return [f"`{DEFAULT}` against `nearest` (one-sided Wilcoxon over the pairs):", "\n".join(lines)]


def _about_table2(e: Evaluation) -> str:
    measured = len(e.rows[0].moving.steps_db) if e.rows else 0
    valid = (
        " PEAQ is valid where every variable of it had frames to look at; all comparisons count."
    )
    return (
        "Against the decoded anchor that is nearer along the path; in the middle the first one. "
        f"Steps: {measured} paths in {STEPS} steps.{valid * e.settings.perceptual}"
    )


def _paper() -> str:
    heads = ["expander", *(f"{heading}, q = 0...4" for _, heading, _ in SHOWN)]
    return tabled(
        heads, [[name, *(of[key] for key, _, _ in SHOWN)] for name, of in PAPER_2.items()]
    )


def interval(values: Float64, digits: int) -> str:
    """Mean ± half its 95 % interval (normal)."""
    half = 1.96 * np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return f"{np.mean(values):.{digits}f} ± {half:.{digits}f}"


def _shown(e: Evaluation) -> tuple[tuple[str, str, int], ...]:
    return SHOWN if e.settings.perceptual else SHOWN[:1]
