"""Which expander a report says to choose, and why: of figures that are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentpad.evaluation import markdown_report
from latentpad.evaluation.choice import choose
from latentpad.evaluation.motion import MotionFigures
from latentpad.evaluation.run import Evaluation, EvaluationSettings, evaluate
from latentpad.evaluation.scoring import Figures
from latentpad.evaluation.tables import COLUMN, ExpanderRow
from latentpad.models.packs.pack import Pack


def row(
    name: str,
    *,
    ends: float = 0.0,
    between: float = 6.0,
    step: float = 1.0,
    coarse: float = 0.0,
    plane: str = "map",
    visqol: float = 4.0,
    heard: bool = True,
    moves: bool = True,
) -> ExpanderRow:
    figures = np.zeros((20, 5, len(Figures._fields)))
    figures[..., COLUMN["mae_db"]] = [ends, between, between, between, ends]
    figures[..., COLUMN["odg"]] = -1.0
    figures[..., COLUMN["visqol"]] = visqol
    if not heard:
        figures[..., COLUMN["visqol"] :] = np.nan
    moving = MotionFigures(
        steps_db=np.full(10, step),
        leaps=np.full(10, float(moves)),
        astray=np.zeros((20, 5)),
        reach=float(ends < 0.05),
        coarse=coarse,
        repeats=0.0,
        dead=0.0,
        microseconds=5.0,
    )
    return ExpanderRow(plane, name, figures, np.zeros((20, 5)), np.zeros((20, 5)), moving, 0.1)


NEAREST = row("nearest", step=7.0, coarse=0.97)
LOCAL = row("local", between=5.9, step=0.30, coarse=0.05)
DWELL = row("dwell", between=5.95, step=0.5, coarse=0.66)
GAUSSIAN = row("gaussian", ends=2.8, between=7.0, step=0.1)
MEAN = row("mean", ends=13.0, between=13.0, step=0.0, moves=False)


def test_the_most_even_of_those_that_meet_the_recorded_sounds_is_chosen() -> None:
    choice = choose([NEAREST, MEAN, LOCAL, GAUSSIAN, DWELL])
    assert choice.chosen is LOCAL
    assert [r.expander for r in choice.exact] == ["nearest", "local", "dwell"]


def test_of_equally_even_ones_that_nearer_to_the_sounds_is_chosen() -> None:
    rbf = row("rbf", between=6.5, step=0.29)
    assert choose([NEAREST, rbf, LOCAL]).chosen is LOCAL
    much = row("rbf", between=6.5, step=0.25)
    assert choose([NEAREST, much, LOCAL]).chosen is much


def test_what_hits_more_sounds_with_a_coarse_controller_is_named_unless_it_jumps() -> None:
    assert choose([NEAREST, LOCAL, DWELL]).surest is DWELL
    assert choose([NEAREST, LOCAL]).surest is None


def test_where_none_meets_the_sounds_the_nearest_to_them_is_chosen() -> None:
    choice = choose([MEAN, GAUSSIAN])
    assert choice.chosen is GAUSSIAN and choice.exact == ()


def test_a_sound_that_never_changes_is_not_the_most_even() -> None:
    bests = {best.measure: best for best in choose([NEAREST, MEAN, GAUSSIAN, LOCAL]).bests}
    step = bests["largest step of the sound"]
    assert (step.names, step.figure, step.chosen) == (("gaussian",), "0.10 dB", "0.30 dB")
    alone = {best.measure: best for best in choose([MEAN]).bests}
    assert alone["largest step of the sound"].figure == "never moves"


def test_the_best_by_each_measure_is_told_with_all_that_are_as_good() -> None:
    clear = row("barycentric", visqol=4.3)
    bests = {best.measure: best for best in choose([NEAREST, LOCAL, DWELL, clear]).bests}
    assert bests["MAE between the sounds"].names == ("local",)
    assert bests["PEAQ between the sounds"].names == ("nearest", "local", "dwell", "barycentric")
    assert bests["ViSQOL between the sounds"].names == ("barycentric",)
    assert bests["... that 128 steps meet"][1:] == (("nearest",), "97 %", "5 %")
    unheard = choose([row("local", heard=False)]).bests
    assert not any("PEAQ" in best.measure or "ViSQOL" in best.measure for best in unheard)


@pytest.fixture(scope="module")
def report(clear: Pack, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The beginning of a report of some rows, of a pack that begins on its map."""
    few: dict[str, Any] = {
        "pairs": 2,
        "finer": 1,
        "draws": 1,
        "perceptual": False,
        "heard": 1,
        "held": 0,
    }
    folder: Path = tmp_path_factory.mktemp("evaluation")
    made = evaluate(clear, folder, EvaluationSettings(**few, planes=("map",), expanders=("mean",)))

    def beginning(*rows: ExpanderRow) -> str:
        filled: Evaluation = made._replace(rows=list(rows))
        return markdown_report.markdown(filled).split("## What was compared")[0]

    return beginning


def test_a_report_begins_with_what_to_choose_and_why(report: Any) -> None:
    text = report(NEAREST, LOCAL, DWELL, GAUSSIAN)
    assert text.splitlines()[2] == "## Which expander to choose"
    assert "**`local`** on the plane `map`, where the pad begins." in text
    assert "Of those that meet the recorded sounds (`nearest`, `local`, `dwell`)" in text
    assert "is 0.30 dB, with `nearest` 7.00 dB." in text
    assert "**`dwell`**, the default, instead" in text and "66 % of them, not 5 %" in text
    assert "| largest step of the sound | `gaussian` | 0.10 dB | 0.30 dB |" in text


def test_a_report_tells_on_which_plane_the_chosen_one_is_even(report: Any) -> None:
    raw = row("local", step=1.9, plane="raw")
    text = report(row("nearest", step=9.0, plane="raw"), raw, NEAREST, LOCAL)
    assert "**`local`** on the plane `map`, where the pad begins." in text
    assert "each plane: `map` 0.30 dB, `raw` 1.90 dB." in text
    elsewhere = report(row("nearest", step=9.0, plane="raw"), raw)
    assert "**`local`** on the plane `raw`. Of those" in elsewhere


def test_a_report_of_one_expander_or_of_none_that_is_exact_says_so(report: Any) -> None:
    assert "It alone meets the recorded sounds." in report(NEAREST, GAUSSIAN)
    assert "None of those compared meets the recorded sounds" in report(GAUSSIAN, MEAN)
    assert "(MAE 2.80 dB at the ends)" in report(GAUSSIAN, MEAN)
