"""Expanders by name: what is refused, and what one costs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from latentpad.engine.expander_declarations import FITS, FOLDER, declarations
from latentpad.engine.expanders import NAMES, blend, cost, fit
from latentpad.engine.parameters import EXPANDERS, ROW
from latentpad.engine.plane import Plane
from tests.engine.expanders.anchors import correlated
from tests.forking import ROOT


def test_an_expander_keeps_its_number_for_that_is_what_presets_and_bindings_store() -> None:
    assert EXPANDERS[:9] == (
        "nearest", "mean", "multilateration", "lattice", "local", "barycentric", "rbf", "gaussian",
        "dwell",
    )  # fmt: skip
    assert EXPANDERS == NAMES == tuple(ROW["/expander"].choices)


def test_every_declared_expander_can_be_fitted_and_no_other() -> None:
    assert sorted(FITS) == sorted(NAMES)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('"nearest", 0, "again"', "each once"),
        ('"far", 10, "leaves a gap"', "each once"),
        ('"nearest", 9, "again"', "a name is there twice"),
        ('"far", NINE, "not a literal"', "far.py: the expander's declaration"),
        ('"far", 9', "far.py: the expander's declaration"),
    ],
)
def test_a_declaration_that_would_shift_the_numbers_is_refused_by_name(
    tmp_path: Path, line: str, reason: str
) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "far.py").write_text(f"@Declaration({line})\ndef far(plane, settings): ...\n")
    with pytest.raises(ValueError, match=reason):
        declarations(tmp_path)


def test_the_names_are_known_without_numba_and_scipy() -> None:
    listed = "import sys, latentpad.engine.parameters; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", listed], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not {"numba", "scipy", "keras", "tensorflow"} & set(run.stdout.split())


def test_what_cannot_be_fitted_is_refused_in_one_line() -> None:
    plane = Plane.raw(correlated(30, 5, 0))
    with pytest.raises(ValueError, match="choose one of nearest"):
        fit("kriging", plane)
    with pytest.raises(ValueError, match="choose one of euclidean"):
        fit("local", plane, metric="manhattan")
    with pytest.raises(ValueError, match="focus 0"):
        fit("local", plane, focus=0)
    with pytest.raises(ValueError, match="anchor 30 of 30"):
        fit("lattice", plane, base=30)
    with pytest.raises(ValueError, match="anchor -1 of 30"):
        fit("lattice", plane, weights={-1: 0.5})
    with pytest.raises(ValueError, match=r"give \(n, 2\)"):
        fit("mean", plane).expand([0.1, 0.2])
    with pytest.raises(ValueError, match="30 anchors"):
        blend([[0, 0]], plane, np.zeros(29))


def test_cost_is_measured_for_every_expander() -> None:
    for name in NAMES:
        seconds, microseconds = cost(name, 500, dimension=4, points=20)
        assert seconds > 0 and microseconds > 0
