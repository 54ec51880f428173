"""The benchmark of `/grain` on a small pack."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from latentpad.benchmarks import grain
from latentpad.models.packs.pack import Pack


def test_it_tells_errors_steps_and_costs_without_grain_and_with_it(
    small: Pack,
    recordings: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(grain, "TIMED", 3)
    monkeypatch.setattr(grain, "STEPS", 10)
    monkeypatch.setattr(sys, "argv", ["grain", str(small.path), str(recordings), "--ways", "1"])
    grain.main()
    rows = capsys.readouterr().out.splitlines()
    errors = next(row for row in rows if "MAE" in row)
    without, with_grain = map(float, re.findall(r"\| ([\d.]+) \(", errors))
    assert with_grain < 1 < without
    assert any("largest step of 1 ways in 10" in row for row in rows)
    assert any(row.startswith("| a window of 16 frames, µs |") for row in rows)
